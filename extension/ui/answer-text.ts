import { findingId } from "./details";
import { element } from "./dom";
import { type Block, type Inline, parse } from "./markdown";
import { cutByMarks, type Piece, toUtf16 } from "./marks";
import type { Finding, Source } from "./protocol";
import { fill, type Strings } from "./strings";

/** A finding with its place among all. */
type Mark = Finding & { readonly index: number };

export interface AnswerText {
  /** Of the view that the text is in. */
  readonly id: string;
  readonly text: string;
  readonly sources: readonly Source[];
  readonly findings: readonly Finding[];
  readonly strings: Strings;
  readonly onCite: (source: Source) => void;
}

/** The text of an answer: citations are buttons, findings are marked on their words. */
export function answerText(answer: AnswerText): DocumentFragment {
  const numbered = answer.findings.map((finding, index): Mark => ({ ...finding, index }));
  const marks = toUtf16(numbered, answer.text);
  const inline = (node: Inline): Node => renderInline(node, answer, marks);
  const fragment = document.createDocumentFragment();
  fragment.append(...parse(answer.text).map((block) => renderBlock(block, inline)));
  return fragment;
}

function renderBlock(block: Block, inline: (node: Inline) => Node): HTMLElement {
  switch (block.kind) {
    case "paragraph":
      return element("p", {}, ...block.children.map(inline));
    case "table":
      return element("p", { class: "table" }, ...block.children.map(inline));
    case "quote":
      return element("blockquote", {}, ...block.children.map(inline));
    case "heading": {
      // The panel's own headings are h2 and h3.
      const tag = block.level < 3 ? "h4" : "h5";
      return element(tag, {}, ...block.children.map(inline));
    }
    case "list": {
      const items = block.items.map((item) => element("li", {}, ...item.map(inline)));
      return element(block.ordered ? "ol" : "ul", {}, ...items);
    }
    case "code":
      return element("pre", { tabindex: 0 }, element("code", {}, block.text));
  }
}

function renderInline(node: Inline, answer: AnswerText, marks: readonly Mark[]): Node {
  switch (node.kind) {
    case "text":
      return markedText(node, answer.id, marks);
    case "code":
      return element("code", {}, markedText(node, answer.id, marks));
    case "strong":
      return element(
        "strong",
        {},
        ...node.children.map((child) => renderInline(child, answer, marks)),
      );
    case "citation":
      return citation(node.marker, answer);
  }
}

function markedText(
  { text, start }: { readonly text: string; readonly start: number },
  id: string,
  marks: readonly Mark[],
): Node {
  const fragment = document.createDocumentFragment();
  for (const piece of cutByMarks(text, start, marks)) {
    fragment.append(piece.marks.length > 0 ? marked(piece, id) : piece.text);
  }
  return fragment;
}

/** Marked words: their reasons show on hovering, and a click or Enter leads to the worst one. */
function marked(piece: Piece<Mark>, id: string): Node {
  const [worst] = piece.marks.toSorted((a, b) => gravity(b) - gravity(a));
  const rows = piece.marks.map(({ index }) => findingId(id, index));
  const link = element(
    "a",
    {
      href: `#${findingId(id, worst?.index ?? 0)}`,
      title: piece.marks.map(({ rule, message }) => `${message} (${rule})`).join("\n"),
      "aria-describedby": rows.join(" "),
      onclick: (event) => {
        event.preventDefault();
        focusRow(findingId(id, worst?.index ?? 0));
      },
    },
    piece.text,
  );
  return element("mark", { class: `finding ${worst?.severity ?? "info"}` }, link);
}

function focusRow(id: string): void {
  const row = document.getElementById(id);
  row?.closest("details")?.setAttribute("open", "");
  row?.focus();
}

function gravity({ severity }: Finding): number {
  return ["info", "warn", "reject"].indexOf(severity);
}

function citation(marker: number, { sources, strings, onCite }: AnswerText): Node {
  const source = sources.find((one) => one.marker === marker);
  if (!source) {
    return document.createTextNode(`[${marker}]`);
  }
  const label = fill(strings.citation, marker, source.path, source.start_line);
  return element(
    "button",
    {
      type: "button",
      class: "citation",
      title: label,
      "aria-label": label,
      onclick: () => onCite(source),
    },
    String(marker),
  );
}
