/**
 * The Markdown of answers: paragraphs, headings, lists, quotes, code, bold, and citations; tables
 * keep their lines.
 *
 * Every piece of text keeps its UTF-16 offset in the source, so that findings can be marked on the
 * words they are about. Anything else, HTML and links included, stays the text that it is.
 */

export type Inline =
  | { readonly kind: "text" | "code"; readonly text: string; readonly start: number }
  | { readonly kind: "strong"; readonly children: readonly Inline[] }
  | { readonly kind: "citation"; readonly marker: number; readonly start: number };

export type Block =
  | { readonly kind: "paragraph" | "quote" | "table"; readonly children: readonly Inline[] }
  | { readonly kind: "heading"; readonly level: number; readonly children: readonly Inline[] }
  | {
      readonly kind: "list";
      readonly ordered: boolean;
      readonly items: readonly (readonly Inline[])[];
    }
  | {
      readonly kind: "code";
      readonly text: string;
      readonly start: number;
      /** Behind its last line: `text` has other line ends than the source may have. */
      readonly end: number;
    };

interface Line {
  readonly text: string;
  readonly start: number;
}

const FENCE = /^\s{0,3}(`{3,}|~{3,})/;
const HEADING = /^(#{1,6})\s+/;
const ITEM = /^\s*(?:[-*+]|(\d+)[.)])\s+/;
const QUOTE = /^\s{0,3}>\s?/;
const ROW = /^\s*\|/;
const INLINE = /`([^`\n]+)`|\*\*(?=\S)([\s\S]+?)\*\*|\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\](?!\()/g;

/** Read a text that may end anywhere, as a streamed one does. */
export function parse(source: string): Block[] {
  const lines = splitLines(source);
  const blocks: Block[] = [];
  let index = 0;
  while (index < lines.length) {
    const [block, next] = readBlock(lines, index);
    if (block) {
      blocks.push(block);
    }
    index = next;
  }
  return blocks;
}

function splitLines(source: string): Line[] {
  const lines: Line[] = [];
  for (const match of source.matchAll(/([^\r\n]*)(\r\n|\r|\n|$)/g)) {
    if (match[0] !== "") {
      lines.push({ text: match[1] ?? "", start: match.index });
    }
  }
  return lines;
}

function readBlock(lines: readonly Line[], index: number): [Block | undefined, number] {
  const line = lines[index];
  if (!line || line.text.trim() === "") {
    return [undefined, index + 1];
  }
  const fence = FENCE.exec(line.text)?.[1];
  if (fence !== undefined) {
    return readCode(lines, index, fence);
  }
  const heading = HEADING.exec(line.text);
  if (heading) {
    const level = heading[1]?.length ?? 1;
    return [
      { kind: "heading", level, children: inlines([cut(line, heading[0].length)]) },
      index + 1,
    ];
  }
  if (ITEM.test(line.text)) {
    return readList(lines, index);
  }
  if (QUOTE.test(line.text)) {
    const end = endOf(lines, index, ({ text }) => QUOTE.test(text));
    const quoted = lines.slice(index, end).map((one) => cut(one, match(QUOTE, one)));
    return [{ kind: "quote", children: inlines(quoted) }, end];
  }
  if (ROW.test(line.text)) {
    const end = endOf(lines, index, ({ text }) => ROW.test(text));
    return [{ kind: "table", children: inlines(lines.slice(index, end)) }, end];
  }
  const end = endOf(lines, index + 1, ({ text }) => text.trim() !== "" && !startsBlock(text));
  return [{ kind: "paragraph", children: inlines(lines.slice(index, end)) }, end];
}

function readCode(lines: readonly Line[], index: number, fence: string): [Block, number] {
  const end = endOf(lines, index + 1, ({ text }) => !text.trim().startsWith(fence));
  const body = lines.slice(index + 1, end);
  const text = body.map((line) => line.text).join("\n");
  const start = body[0]?.start ?? 0;
  const last = body.at(-1);
  return [
    { kind: "code", text, start, end: last ? last.start + last.text.length : start },
    end + 1,
  ];
}

function readList(lines: readonly Line[], index: number): [Block, number] {
  const items: Line[][] = [];
  let at = index;
  for (let line = lines[at]; line && line.text.trim() !== ""; line = lines[++at]) {
    if (ITEM.test(line.text)) {
      items.push([cut(line, match(ITEM, line))]);
    } else if (startsBlock(line.text)) {
      break;
    } else {
      items.at(-1)?.push(line);
    }
  }
  const ordered = ITEM.exec(lines[index]?.text ?? "")?.[1] !== undefined;
  return [{ kind: "list", ordered, items: items.map(inlines) }, at];
}

function startsBlock(text: string): boolean {
  return [FENCE, HEADING, ITEM, QUOTE, ROW].some((pattern) => pattern.test(text));
}

function endOf(lines: readonly Line[], from: number, belongs: (line: Line) => boolean): number {
  const end = lines.findIndex((line, index) => index >= from && !belongs(line));
  return end === -1 ? lines.length : end;
}

function match(pattern: RegExp, line: Line): number {
  return pattern.exec(line.text)?.[0].length ?? 0;
}

function cut({ text, start }: Line, length: number): Line {
  return { text: text.slice(length), start: start + length };
}

function inlines(lines: readonly Line[]): Inline[] {
  return lines.flatMap((line, index) => {
    const read = readInline(line.text, line.start);
    return index === 0
      ? read
      : [{ kind: "text" as const, text: "\n", start: line.start - 1 }, ...read];
  });
}

function readInline(source: string, offset: number): Inline[] {
  const found: Inline[] = [];
  let from = 0;
  const text = (end: number): void => {
    if (end > from) {
      found.push({ kind: "text", text: source.slice(from, end), start: offset + from });
    }
  };
  for (const one of source.matchAll(INLINE)) {
    text(one.index);
    from = one.index + one[0].length;
    const [, code, strong, markers] = one;
    if (code !== undefined) {
      found.push({ kind: "code", text: code, start: offset + one.index + 1 });
    } else if (strong !== undefined) {
      found.push({ kind: "strong", children: readInline(strong, offset + one.index + 2) });
    } else if (markers !== undefined) {
      found.push(...citations(markers, offset + one.index + 1));
    }
  }
  text(source.length);
  return found;
}

function citations(markers: string, start: number): Inline[] {
  return [...markers.matchAll(/\d+/g)].map((one) => ({
    kind: "citation",
    marker: Number(one[0]),
    start: start + one.index,
  }));
}
