import type { Answer, Finding, Scores, Source } from "../../extension/ui/protocol";

export const SCORES: Scores = {
  relevance: 0.8,
  coherence: 0.7,
  grounding: 0.95,
  perplexity: null,
  toxicity: 0.01,
  overall: 0.85,
};

export function source(marker: number, changes: Partial<Source> = {}): Source {
  return {
    marker,
    path: `docs/${marker}.md`,
    start_line: marker * 10,
    end_line: marker * 10 + 2,
    text: `Passage ${marker}.`,
    score: 0.5,
    ...changes,
  };
}

export function finding(start: number, end: number, changes: Partial<Finding> = {}): Finding {
  return {
    rule: "claim-grounding",
    severity: "warn",
    start,
    end,
    message: "Not supported by the sources.",
    ...changes,
  };
}

export function answer(changes: Partial<Answer> = {}): Answer {
  return {
    id: "a1",
    text: "Readings are kept for 400 days [1].",
    mode: "extract",
    model: null,
    sources: [source(1)],
    scores: SCORES,
    findings: [],
    verdict: "pass",
    timings_ms: {},
    cached: false,
    uri: "nsllm-answer:/a1.md",
    workspace: "file:///work",
    ...changes,
  };
}
