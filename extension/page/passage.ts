import { button, element } from "../ui/dom";
import type { PlaceInDocument } from "../ui/messages";
import type { Answer } from "../ui/protocol";
import { fill, type Strings } from "../ui/strings";
import { PAGE } from "./words";

/** A passage of a document with the lines in it that are meant. */
export interface Passage extends PlaceInDocument {
  readonly title: string;
  readonly text: string;
  /** Line numbers, from 1. */
  readonly marked: { readonly from: number; readonly to: number };
}

/** Find what an answer says about a place: the source around it, or the evidence of a finding. */
export function passageAt(
  place: PlaceInDocument,
  { sources, findings }: Pick<Answer, "sources" | "findings">,
): Passage | undefined {
  const marked = { from: place.start_line, to: place.end_line };
  const around = sources.find(
    ({ path, start_line, end_line }) =>
      path === place.path && start_line <= place.start_line && place.end_line <= end_line,
  );
  if (around) {
    return { ...around, title: fill(PAGE.passage, around.marker), marked };
  }
  const evidence = findings
    .map((finding) => finding.evidence)
    .find((one) => one?.path === place.path && one.start_line === place.start_line);
  return evidence ? { ...place, title: PAGE.evidence, text: evidence.text, marked } : undefined;
}

/** Show a passage with its line numbers over the page; Escape closes it. */
export function showPassage(passage: Passage, strings: Strings): void {
  const heading = element("h2", { id: "passage-title" }, passage.title);
  const dialog = element(
    "dialog",
    { class: "passage", "aria-labelledby": "passage-title passage-place" },
    element(
      "header",
      {},
      element("div", {}, heading, element("p", { id: "passage-place" }, where(passage, strings))),
      button(PAGE.close, () => dialog.close()),
    ),
    element("div", { class: "lines", tabindex: 0, role: "group" }, lines(passage)),
  );
  dialog.addEventListener("click", (event) => {
    // What is outside of its box is the backdrop.
    if (event.target === dialog) {
      dialog.close();
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector(".meant")?.scrollIntoView({ block: "center" });
}

function where({ path, start_line, end_line }: Passage, strings: Strings): string {
  const told =
    start_line === end_line
      ? fill(strings.line, start_line)
      : fill(strings.lines, start_line, end_line);
  return `${path}, ${told}`;
}

function lines({ text, start_line, end_line, marked }: Passage): HTMLElement {
  // A passage ends where its last line ends, with or without the line's end.
  const texts = text.replace(/(\r\n|\n|\r)$/, "").split(/\r\n|\n|\r/);
  const isPart = marked.from > start_line || marked.to < end_line;
  const rows = texts.map((line, index) => {
    const number = start_line + index;
    const isMeant = isPart && number >= marked.from && number <= marked.to;
    return element(
      "li",
      isMeant ? { class: "meant" } : {},
      element("span", { class: "number" }, String(number)),
      isMeant ? element("mark", {}, line) : element("span", {}, line),
    );
  });
  return element("ol", {}, ...rows);
}
