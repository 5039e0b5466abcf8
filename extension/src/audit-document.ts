import type { AuditRecord } from "./protocol";

export interface AuditWords {
  readonly title: string;
  readonly empty: string;
  readonly question: string;
  readonly verdict: string;
  readonly mode: string;
  readonly findings: string;
  readonly accepted: string;
}

/** Write audit records as Markdown, in their order; recorded text is quoted, never interpreted. */
export function auditDocument(records: readonly AuditRecord[], words: AuditWords): string {
  const parts = [`# ${words.title}`];
  if (records.length === 0) {
    parts.push(words.empty);
  }
  for (const record of records) {
    parts.push(...section(record, words));
  }
  return `${parts.join("\n\n")}\n`;
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
  return parts;
}

function scores(record: AuditRecord): string {
  const told = Object.entries(record.scores)
    .filter((entry): entry is [string, number] => typeof entry[1] === "number")
    .map(([name, value]) => `${name} ${value.toFixed(2)}`);
  return told.length > 0 ? ` ${told.join(", ")}.` : "";
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
