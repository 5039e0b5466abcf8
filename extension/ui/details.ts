import { button, element } from "./dom";
import type { PlaceInDocument } from "./messages";
import type { Answer, Finding, Scores, Source } from "./protocol";
import { fill, type Strings } from "./strings";

type Open = (place: PlaceInDocument) => void;

/** What a finding's severity is called; a verdict has words of its own. */
const SEVERITIES = { info: "note", warn: "warning", reject: "error" } as const;

const NAMES = ["overall", "grounding", "relevance", "coherence", "toxicity", "perplexity"] as const;

/** The scores as bars, each with its value and its meaning. */
export function scoreBars(scores: Scores, strings: Strings): HTMLElement {
  const rows = NAMES.map((name) => {
    const value = scores[name];
    const meaning = strings[`${name}Meaning`];
    const told = value === null ? strings.notComputed : value.toFixed(2);
    return element(
      "li",
      { class: "score", title: meaning },
      element("span", { class: "name" }, strings[name]),
      // Perplexity has no upper end, so a bar of it would say nothing.
      name === "perplexity" ? element("span", { class: "bar none" }) : bar(name, value),
      element("span", { class: "value" }, told),
      element("span", { class: "hidden" }, meaning),
    );
  });
  return element("ul", { class: "scores", "aria-label": strings.scores }, ...rows);
}

function bar(name: string, value: number | null): HTMLElement {
  const inner = element("span", { class: "filled" });
  // A style attribute is forbidden by the panel's policy; a style set by script is not.
  inner.style.width = `${Math.round((value ?? 0) * 100)}%`;
  const level = name === "toxicity" && value !== null ? 1 - value : value;
  const grade =
    level === null ? "none" : level >= 0.6 ? "good" : level >= 0.3 ? "middling" : "poor";
  return element("span", { class: `bar ${grade}`, "aria-hidden": "true" }, inner);
}

/** The findings with rule and reason; `id` is that of the view they are in. */
export function findingList(
  { findings, sources }: Pick<Answer, "findings" | "sources">,
  id: string,
  strings: Strings,
  open: Open,
): HTMLElement {
  const items = findings.map((finding, index) => {
    const place = evidencePlace(finding, sources);
    return element(
      "li",
      { class: `finding-row ${finding.severity}`, id: findingId(id, index), tabindex: -1 },
      element("span", { class: "severity" }, strings[SEVERITIES[finding.severity]]),
      element("span", {}, ` ${finding.message} `),
      element("code", {}, finding.rule),
      place &&
        button(fill(strings.evidence, place.path, place.start_line), () => open(place), {
          class: "link",
        }),
    );
  });
  return section(strings.findings, "findings", element("ul", {}, ...items), true);
}

/** The id of a finding's row, to which the words that it marks lead. */
export function findingId(id: string, index: number): string {
  return `${id}-finding-${index}`;
}

function evidencePlace(
  { evidence }: Finding,
  sources: readonly Source[],
): PlaceInDocument | undefined {
  if (evidence?.path && evidence.start_line) {
    const { path, start_line } = evidence;
    return { path, start_line, end_line: evidence.end_line ?? start_line };
  }
  return evidence ? sources.find(({ marker }) => marker === evidence.marker) : undefined;
}

export function sourceList(
  sources: readonly Source[],
  title: string,
  strings: Strings,
  open: Open,
): HTMLElement {
  const items = sources.map((source) => {
    const { marker, path, start_line, end_line, text } = source;
    const where =
      start_line === end_line
        ? fill(strings.line, start_line)
        : fill(strings.lines, start_line, end_line);
    return element(
      "li",
      { class: "source" },
      element("span", { class: "marker" }, String(marker)),
      button(`${path}, ${where}`, () => open(source), { class: "link" }),
      element("p", { class: "snippet" }, text.trim()),
    );
  });
  return section(title, "sources", element("ol", {}, ...items), false);
}

function section(title: string, name: string, body: HTMLElement, open: boolean): HTMLElement {
  return element(
    "details",
    { class: name, open },
    element("summary", {}, `${title} (${body.childElementCount})`),
    body,
  );
}
