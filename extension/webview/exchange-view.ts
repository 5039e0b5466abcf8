import { type Exchange, isOver } from "../src/exchange";
import { isFound } from "../src/protocol";
import { answerText } from "./answer-text";
import { findingList, scoreBars, sourceList } from "./details";
import { button, element } from "./dom";
import type { PlaceInDocument, ToHost } from "./messages";
import { fill, type Strings } from "./strings";

/** One question with its answer, in whatever stage it is. */
export function exchangeView(
  exchange: Exchange,
  strings: Strings,
  send: (message: ToHost) => void,
): HTMLElement {
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
    answer &&
      answer.findings.length > 0 &&
      findingList(answer.findings, exchange.sources, strings, open),
    answer && scoreBars(answer.scores, strings),
    exchange.sources.length > 0 &&
      sourceList(
        exchange.sources,
        answer && !isFound(answer) ? strings.nearest : strings.sources,
        strings,
        open,
      ),
    isOver(exchange) && actions(exchange, strings, send),
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
        failure &&
          button(failure.fix.title, () => send({ type: "run", command: failure.fix.command })),
      );
    case "done":
      return null;
  }
}

function actions(
  exchange: Exchange,
  strings: Strings,
  send: (message: ToHost) => void,
): HTMLElement {
  const act = (type: "retry" | "insert" | "copy" | "openDocument") => () =>
    send({ type, id: exchange.id });
  return element(
    "div",
    { class: "actions" },
    exchange.answer && button(strings.insert, act("insert")),
    exchange.answer && button(strings.copy, act("copy")),
    exchange.answer && button(strings.openDocument, act("openDocument")),
    button(strings.retry, act("retry")),
  );
}
