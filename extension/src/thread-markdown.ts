import { type Exchange, isOver } from "../ui/exchange";
import { type Block, type Inline, parse } from "../ui/markdown";
import { isFound, type Source, type Verdict } from "../ui/protocol";

/** One marker, or several in one bracket, and what would make an image of them. */
const CITATION = /(!?)\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\](?!\()/g;

export interface MarkdownWords {
  readonly searching: string;
  readonly writing: string;
  readonly stopped: string;
  readonly withdrawn: (reason: string) => string;
  readonly findings: string;
  readonly sources: string;
  readonly nearest: string;
  readonly verdict: (verdict: Verdict) => string;
}

/** Write an exchange's answer as Markdown whose citations link to the sources' lines. */
export function exchangeMarkdown(
  exchange: Exchange,
  words: MarkdownWords,
  uriOf: (path: string) => string,
): string {
  const { answer, failure, sources, stage, text, withdrawn } = exchange;
  const parts: string[] = [];
  if (withdrawn !== undefined) {
    parts.push(`*${escapeMarkdown(words.withdrawn(withdrawn))}*`);
  }
  if (text !== "") {
    parts.push(linkCitations(text, sources, uriOf));
  }
  if (failure) {
    parts.push(escapeMarkdown(`${failure.message} ${failure.hint}`.trim()));
  }
  if (!isOver(exchange)) {
    parts.push(`*${stage === "searching" ? words.searching : words.writing}*`);
  } else if (stage === "stopped") {
    parts.push(`*${words.stopped}*`);
  }
  if (answer) {
    const findings = answer.findings.map(({ message }) => `- ${escapeMarkdown(message)}`);
    if (findings.length > 0) {
      parts.push(`**${words.findings}**\n\n${findings.join("\n")}`);
    }
    const places = sources.map((source) => `- [${source.marker}] ${sourceLink(source, uriOf)}`);
    if (places.length > 0) {
      const title = isFound(answer) ? words.sources : words.nearest;
      parts.push(`**${title}**\n\n${places.join("\n")}`);
    }
  }
  return parts.join("\n\n");
}

/**
 * Turn the citation markers of a text into links; a marker without a source stays text.
 *
 * The text is the documents' or a model's: what VS Code would fetch of it is made inert.
 */
export function linkCitations(
  text: string,
  sources: readonly Source[],
  uriOf: (path: string) => string,
): string {
  const link = (digits: string): string => {
    const source = sources.find((one) => one.marker === Number(digits));
    return source ? `[\\[${digits}\\]](${target(source, uriOf)})` : `[${digits}]`;
  };
  const linked = replaceOutsideCode(showTags(text), CITATION, (_, bang, markers = "") => {
    const links = markers
      .split(/\s*,\s*/)
      .map(link)
      .join(" ");
    return bang === "" ? links : `&#33;${links}`;
  });
  return breakImages(linked);
}

/** Return other people's Markdown without images, and with its HTML as the text that it is. */
export function inertMarkdown(text: string): string {
  return breakImages(showTags(text));
}

/** Images of code are broken as well: where code ends is VS Code's say. */
function breakImages(text: string): string {
  return text.replaceAll("![", "!\\[");
}

/**
 * Write tags as the text that they are, as code has them already. VS Code would leave them out, so
 * that nothing is at stake where it takes something else for code.
 *
 * As entities, since a backslash may be taken for the end of an address before it.
 */
function showTags(text: string): string {
  return replaceOutsideCode(text, /<(?=[a-z/!?])/gi, () => "&lt;");
}

/** Replace what a global pattern finds, but nothing in code. */
function replaceOutsideCode(
  text: string,
  pattern: RegExp,
  replace: (...groups: readonly string[]) => string,
): string {
  const codes = parse(text).flatMap(codeOf);
  let kept = 0;
  const pieces = [...text.matchAll(pattern)]
    .filter(({ index }) => codes.every(({ start, end }) => index < start || end <= index))
    .flatMap((match) => {
      const before = text.slice(kept, match.index);
      kept = match.index + match[0].length;
      return [before, replace(...match)];
    });
  return [...pieces, text.slice(kept)].join("");
}

interface Span {
  readonly start: number;
  readonly end: number;
}

function codeOf(node: Block | Inline): Span[] {
  switch (node.kind) {
    case "code":
      return [{ start: node.start, end: "end" in node ? node.end : node.start + node.text.length }];
    case "text":
    case "citation":
      return [];
    case "list":
      return node.items.flat().flatMap(codeOf);
    default:
      return node.children.flatMap(codeOf);
  }
}

function sourceLink(source: Source, uriOf: (path: string) => string): string {
  return `[${escapeMarkdown(source.path)}:${source.start_line}](${target(source, uriOf)})`;
}

function target({ path, start_line }: Source, uriOf: (path: string) => string): string {
  return `${uriOf(path).replaceAll("(", "%28").replaceAll(")", "%29")}#L${start_line}`;
}

export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!<>|~]/g, "\\$&");
}
