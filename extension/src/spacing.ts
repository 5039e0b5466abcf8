/** What keeps a text apart from its neighbours. */
export interface Spacing {
  readonly before: string;
  readonly after: string;
}

/** Return what goes around a text that is put between the two ends of a line. */
export function spacing(lineBefore: string, lineAfter: string): Spacing {
  const before = /\S$/.test(lineBefore) ? " " : "";
  if (lineBefore === "" && /\S/.test(lineAfter)) {
    // Before a line that says something, a text is a paragraph of its own.
    return { before, after: "\n\n" };
  }
  return { before, after: /^[^\s.,;:!?)\]]/.test(lineAfter) ? " " : "" };
}
