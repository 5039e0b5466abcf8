import type { AuditRecord, AuditVerification } from "../ui/protocol";

/** The page's words; {0} and {1} stand for values. */
export interface AuditWords {
  readonly title: string;
  readonly empty: string;
  readonly question: string;
  readonly verdict: string;
  readonly mode: string;
  readonly findings: string;
  readonly accepted: string;
  readonly details: string;
  readonly intact: string;
  readonly intactOne: string;
  readonly broken: string;
  readonly brokenOne: string;
  readonly older: string;
  readonly entry: string;
  readonly entries: string;
  readonly head: string;
  readonly file: string;
  readonly seal: string;
  readonly decidedBy: string;
  readonly askedBy: string;
  readonly tokens: string;
  readonly time: string;
  readonly workspace: string;
  readonly sources: string;
  readonly rejected: string;
  readonly models: string;
  readonly settings: string;
  readonly rules: string;
  readonly redacted: string;
  readonly version: string;
}

/** As many characters of a SHA-256 as people compare by eye. */
const SHOWN_DIGITS = 16;

/** Write the log's state and its records as Markdown; recorded text is quoted, never interpreted. */
export function auditDocument(
  records: readonly AuditRecord[],
  chain: AuditVerification,
  words: AuditWords,
): string {
  const parts = [`# ${words.title}`, ...state(chain, words)];
  if (records.length === 0) {
    parts.push(words.empty);
  }
  for (const record of records) {
    parts.push(...section(record, words));
  }
  const last = records.at(-1);
  if (last && last.number > 1) {
    parts.push(words.older.replace("{0}", code(`nsllm audit list --before ${last.number}`)));
  }
  return `${parts.join("\n\n")}\n`;
}

function state(chain: AuditVerification, words: AuditWords): string[] {
  // Without an entry there is nothing to tell of, unless what was there is gone.
  if (chain.intact && chain.entries === 0) {
    return [];
  }
  const [one, several] = chain.intact
    ? [words.intactOne, words.intact]
    : [words.brokenOne, words.broken];
  const told = chain.entries === 1 ? one : several.replace("{0}", `${chain.entries}`);
  const lines = [
    ...chain.faults.map((fault) => `- ${place(fault, words)}${oneLine(fault.message)}`),
    ...chain.notes.map((note) => `- ${oneLine(note)}`),
    item(words.head, code(chain.head)),
    item(words.file, code(chain.path)),
    item(words.seal, code(chain.seal)),
  ];
  return [`**${told}**`, lines.join("\n")];
}

function place(fault: AuditVerification["faults"][number], words: AuditWords): string {
  if (fault.first === null) {
    return "";
  }
  const one = fault.last === null || fault.last === fault.first;
  const told = one
    ? words.entry.replace("{0}", `${fault.first}`)
    : words.entries.replace("{0}", `${fault.first}`).replace("{1}", `${fault.last}`);
  return `${told}: `;
}

function section(record: AuditRecord, words: AuditWords): string[] {
  const by = [record.mode, record.model].filter((word) => word).join(", ");
  const parts = [
    `## ${record.number} · ${record.time} · ${record.verdict}`,
    ...(record.question ? [`**${words.question}:**\n${quoted(record.question)}`] : []),
    quoted(record.text),
    `${words.mode}: ${by}. ${words.verdict}: ${record.verdict}.${scores(record)}`,
  ];
  if (record.findings.length > 0) {
    const lines = record.findings.map(({ rule, message }) => `- \`${rule}\`: ${oneLine(message)}`);
    parts.push(`${words.findings}:\n\n${lines.join("\n")}`);
  }
  if (record.accepted) {
    const { rule, reason } = record.accepted;
    parts.push(`${words.accepted}: \`${rule}\`\n\n${quoted(reason)}`);
  }
  for (const rejected of record.rejected) {
    const reason = `\`${rejected.rule}\`: ${oneLine(rejected.reason)}`;
    parts.push(`${words.rejected}, ${rejected.mode}, ${reason}\n\n${quoted(rejected.text)}`);
  }
  parts.push(`${words.details}:\n\n${details(record, words).join("\n")}`);
  return parts;
}

/** What a record was made under; what it does not have is left out. */
function details(record: AuditRecord, words: AuditWords): string[] {
  const sources = record.evidence.map(
    ({ path, start_line, end_line, sha256 }) =>
      `${code(`${path}:${start_line}-${end_line}`)} (${digest(sha256)})`,
  );
  const models = record.models.map(
    ({ id, task, sha256, adapter_sha256 }) =>
      `${id} (${task}, ${[sha256, adapter_sha256].filter(isGiven).map(digest).join(" + ")})`,
  );
  const total = record.timings_ms["total"];
  const told: readonly [string, string][] = [
    [words.askedBy, record.client],
    [words.workspace, code(record.workspace)],
    [words.decidedBy, record.decided_by.map(code).join(", ")],
    [words.time, total === undefined ? "" : `${(total / 1000).toFixed(1)} s`],
    [words.tokens, record.tokens > 0 ? `${record.tokens}` : ""],
    [words.redacted, record.redacted.join(", ")],
    [words.sources, sources.join(", ")],
    [words.models, models.join(", ")],
    [words.rules, record.rules_sha256 && digest(record.rules_sha256)],
    [words.settings, record.settings_sha256 && digest(record.settings_sha256)],
    [words.version, record.version],
  ];
  return told.filter(([, value]) => value).map(([name, value]) => item(name, value));
}

function scores(record: AuditRecord): string {
  const told = Object.entries(record.scores)
    .filter((entry): entry is [string, number] => typeof entry[1] === "number")
    .map(([name, value]) => `${name} ${value.toFixed(2)}`);
  return told.length > 0 ? ` ${told.join(", ")}.` : "";
}

function item(name: string, value: string): string {
  return `- ${name}: ${value}`;
}

function digest(sha256: string): string {
  return `SHA-256 ${code(`${sha256.slice(0, SHOWN_DIGITS)}…`)}`;
}

/** Fence with more backticks than the text has in a row (CommonMark 6.1): paths are not ours. */
function code(text: string): string {
  const line = oneLine(text);
  const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const padding = line.startsWith("`") || line.endsWith("`") ? " " : "";
  return line && `${fence}${padding}${line}${padding}${fence}`;
}

function isGiven(value: string | null | undefined): value is string {
  return typeof value === "string" && value !== "";
}

function quoted(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => `> ${line}`)
    .join("\n");
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
