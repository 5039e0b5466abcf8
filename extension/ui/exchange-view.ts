import { answerText } from "./answer-text";
import { findingList, scoreBars, sourceList } from "./details";
import { button, element } from "./dom";
import { type Exchange, type Fix, isOver } from "./exchange";
import type { Act, PlaceInDocument, ToHost } from "./messages";
import { isFound } from "./protocol";
import { fill, type Strings } from "./strings";

export interface Surroundings {
  readonly strings: Strings;
  readonly acts: readonly Act[];
  readonly send: (message: ToHost) => void;
}

/** One question with its answer, in whatever stage it is. */
export function exchangeView(exchange: Exchange, surroundings: Surroundings): HTMLElement {
  const { strings, send } = surroundings;
  const open = (place: PlaceInDocument): void => {
    const { path, start_line, end_line } = place;
    send({ type: "open", id: exchange.id, place: { path, start_line, end_line } });
  };
  const { answer } = exchange;
  return element(
    "article",
    { id: exchange.id, "aria-busy": String(!isOver(exchange)) },
    element("h2", { tabindex: -1 }, exchange.question),
    answer && verdictLine(exchange, strings),
    exchange.withdrawn !== undefined &&
      element("p", { class: "notice" }, fill(strings.withdrawn, exchange.withdrawn)),
    exchange.text !== "" && text(exchange, strings, open),
    stageNotice(exchange, strings, send),
    answer && answer.findings.length > 0 && findingList(answer, exchange.id, strings, open),
    answer && scoreBars(answer.scores, strings),
    exchange.sources.length > 0 &&
      sourceList(
        exchange.sources,
        answer && !isFound(answer) ? strings.nearest : strings.sources,
        strings,
        open,
      ),
    isOver(exchange) && actions(exchange, surroundings),
  );
}

function text(
  exchange: Exchange,
  strings: Strings,
  onCite: (place: PlaceInDocument) => void,
): HTMLElement {
  return element(
    "div",
    { class: "text" },
    answerText({
      text: exchange.text,
      sources: exchange.sources,
      findings: exchange.answer?.findings ?? [],
      id: exchange.id,
      strings,
      onCite,
    }),
  );
}

function verdictLine({ answer }: Exchange, strings: Strings): HTMLElement | null {
  if (!answer) {
    return null;
  }
  const how =
    answer.mode === "extract" ? strings.quoted : fill(strings.written, answer.model ?? "?");
  return element(
    "p",
    { class: "verdict-line" },
    element("span", { class: "hidden" }, `${strings.verdict}: `),
    element("span", { class: `verdict ${answer.verdict}` }, strings[answer.verdict]),
    ` ${how}`,
  );
}

function stageNotice(
  exchange: Exchange,
  strings: Strings,
  send: (message: ToHost) => void,
): HTMLElement | null {
  const { failure, stage } = exchange;
  switch (stage) {
    case "searching":
      return element("p", { class: "progress" }, strings.searching);
    case "writing":
      return element("p", { class: "progress" }, strings.writing);
    case "stopped":
      return element("p", { class: "notice" }, strings.stopped);
    case "failed":
      return element(
        "div",
        { class: "error", role: "alert" },
        element("p", {}, failure?.message ?? ""),
        element("p", {}, failure?.hint ?? ""),
        fixButton(failure?.fix, send),
      );
    case "done":
      return null;
  }
}

function fixButton(fix: Fix | undefined, send: (message: ToHost) => void): HTMLElement | undefined {
  return fix && button(fix.title, () => send({ type: "run", command: fix.command }));
}

function actions({ id, answer }: Exchange, { strings, acts, send }: Surroundings): HTMLElement {
  // Only a question can be asked again before there is an answer.
  const possible = acts.filter((act) => answer !== undefined || act === "retry");
  const buttons = possible.map((act) => button(strings[act], () => send({ type: act, id })));
  return element("div", { class: "actions" }, ...buttons);
}
