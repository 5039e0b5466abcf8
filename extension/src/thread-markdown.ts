import { type Exchange, isOver } from "../ui/exchange";
import { isFound, type Source, type Verdict } from "../ui/protocol";

/** One marker, or several in one bracket. */
const CITATION = /\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\](?!\()/g;

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

/** Turn the citation markers of a text into links; a marker without a source stays text. */
export function linkCitations(
  text: string,
  sources: readonly Source[],
  uriOf: (path: string) => string,
): string {
  const link = (digits: string): string => {
    const source = sources.find((one) => one.marker === Number(digits));
    return source ? `[\\[${digits}\\]](${target(source, uriOf)})` : `[${digits}]`;
  };
  return text.replace(CITATION, (_, markers: string) =>
    markers
      .split(/\s*,\s*/)
      .map(link)
      .join(" "),
  );
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
