/** A finding as the editor has it. */
export interface ShownFinding {
  readonly rule: string;
  readonly message: string;
  readonly line: number;
  /** The words that are underlined. */
  readonly words: string;
  /** What the server sent along, if it did. */
  readonly data?: unknown;
}

/** What can be accepted: a rule on a claim, with the first finding that says so. */
export interface Acceptable {
  readonly rule: string;
  readonly text: string;
  readonly message: string;
  readonly line: number;
}

/**
 * Return what can be accepted of some findings, each claim once for each rule.
 *
 * A finding underlines the words that are wrong; it is accepted for the whole claim.
 */
export function acceptable(findings: readonly ShownFinding[]): Acceptable[] {
  const found = new Map<string, Acceptable>();
  for (const { rule, message, line, words, data } of findings) {
    const text = claimOf(data) ?? words;
    const key = `${rule}\n${text}`;
    if (!found.has(key)) {
      found.set(key, { rule, text, message, line });
    }
  }
  return [...found.values()];
}

function claimOf(data: unknown): string | undefined {
  const text = (data as { text?: unknown } | null | undefined)?.text;
  return typeof text === "string" ? text : undefined;
}
