import type { Exchange } from "./exchange";
import {
  type Answer,
  type Finding,
  fields,
  isSource,
  type Mode,
  type Scores,
  type Severity,
  type Verdict,
} from "./protocol";

/** What outlives the panel's page. */
export interface Kept {
  readonly draft: string;
  readonly mode: Mode;
  /** Left out where nothing has told it yet. */
  readonly session?: string;
  readonly exchanges: readonly Exchange[];
}

const MODES: readonly unknown[] = ["auto", "generate", "extract"] satisfies Mode[];
const VERDICTS: readonly unknown[] = ["pass", "warn", "reject"] satisfies Verdict[];
const SEVERITIES: readonly unknown[] = ["info", "warn", "reject"] satisfies Severity[];
const STAGES: readonly unknown[] = [
  "searching",
  "writing",
  "done",
  "stopped",
  "failed",
] satisfies Exchange["stage"][];
const SCORES = [
  "relevance",
  "coherence",
  "grounding",
  "perplexity",
  "toxicity",
  "overall",
] satisfies (keyof Scores)[];

/** Read what a page kept, perhaps one of another version: what does not fit is left out. */
export function readKept(value: unknown): Kept {
  const { draft, mode, session, exchanges } = fields(value) ?? {};
  return {
    draft: isText(draft) ? draft : "",
    mode: isMode(mode) ? mode : "auto",
    ...(isText(session) && session !== "" ? { session } : {}),
    exchanges: Array.isArray(exchanges) ? exchanges.filter(isExchange) : [],
  };
}

function isExchange(value: unknown): value is Exchange {
  const { id, question, mode, workspace, stage, text, sources, withdrawn, answer, failure } =
    fields(value) ?? {};
  return (
    [id, question, text].every(isText) &&
    [workspace, withdrawn].every(optional(isText)) &&
    isMode(mode) &&
    STAGES.includes(stage) &&
    isListOf(sources, isSource) &&
    optional(isAnswer)(answer) &&
    optional(isFailure)(failure)
  );
}

function isAnswer(value: unknown): value is Answer {
  const { id, text, mode, model, sources, scores, findings, verdict, uri, workspace } =
    fields(value) ?? {};
  const values = fields(scores) ?? {};
  return (
    [id, text, uri, workspace].every(isText) &&
    isMode(mode) &&
    (model === null || isText(model)) &&
    isListOf(sources, isSource) &&
    SCORES.every((name) => values[name] === null || typeof values[name] === "number") &&
    isListOf(findings, isFinding) &&
    VERDICTS.includes(verdict)
  );
}

function isFinding(value: unknown): value is Finding {
  const { rule, severity, start, end, message, evidence } = fields(value) ?? {};
  return (
    [rule, message].every(isText) &&
    [start, end].every((one) => typeof one === "number") &&
    SEVERITIES.includes(severity) &&
    (evidence === undefined || evidence === null || isText(fields(evidence)?.["text"]))
  );
}

function isFailure(value: unknown): value is NonNullable<Exchange["failure"]> {
  const { message, hint, fix } = fields(value) ?? {};
  return [message, hint].every(isText) && optional(isFix)(fix);
}

function isFix(value: unknown): boolean {
  const { title, command } = fields(value) ?? {};
  return [title, command].every(isText);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isMode(value: unknown): value is Mode {
  return MODES.includes(value);
}

function isListOf(value: unknown, fits: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(fits);
}

function optional(fits: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => value === undefined || fits(value);
}
