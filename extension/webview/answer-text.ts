import type { Finding, Source } from "../src/protocol";
import { element } from "./dom";
import { type Block, type Inline, parse } from "./markdown";
import { cutByMarks, toUtf16 } from "./marks";
import { fill, type Strings } from "./strings";

export interface AnswerText {
  readonly text: string;
  readonly sources: readonly Source[];
  readonly findings: readonly Finding[];
  readonly strings: Strings;
  readonly onCite: (source: Source) => void;
}

/** The text of an answer: citations are buttons, findings are marked on their words. */
export function answerText(answer: AnswerText): DocumentFragment {
  const marks = toUtf16(answer.findings, answer.text);
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

function renderInline(node: Inline, answer: AnswerText, marks: readonly Finding[]): Node {
  switch (node.kind) {
    case "text":
      return markedText(node.text, node.start, marks);
    case "code":
      return element("code", {}, markedText(node.text, node.start, marks));
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

function markedText(text: string, start: number, marks: readonly Finding[]): Node {
  const fragment = document.createDocumentFragment();
  for (const piece of cutByMarks(text, start, marks)) {
    const [worst] = piece.marks.toSorted((a, b) => gravity(b) - gravity(a));
    const title = piece.marks.map(({ message }) => message).join("\n");
    fragment.append(
      worst
        ? element("mark", { class: `finding ${worst.severity}`, title }, piece.text)
        : piece.text,
    );
  }
  return fragment;
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
