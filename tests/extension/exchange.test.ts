import { expect, test } from "vitest";
import { advance, begin, type ExchangeEvent, isOver } from "../../extension/ui/exchange";
import { answer, source } from "./fixtures";

const asked = begin("x", "How long?", "auto", undefined);
const play = (...events: ExchangeEvent[]) => events.reduce(advance, asked);

test("deltas add up, and the answer's text replaces them", () => {
  const written = play({ kind: "delta", text: "Rea" }, { kind: "delta", text: "dings" });
  expect(written.text).toBe("Readings");
  expect(written.stage).toBe("writing");
  const done = advance(written, { kind: "answered", answer: answer({ text: "Other." }) });
  expect([done.text, done.stage]).toEqual(["Other.", "done"]);
});

test("withdrawn text is forgotten, and why is kept beside the next one", () => {
  const exchange = play(
    { kind: "sources", sources: [source(1)] },
    { kind: "delta", text: "Wrong." },
    { kind: "withdrawn", reason: "unsupported" },
    { kind: "delta", text: "Right." },
  );
  expect(exchange).toMatchObject({ text: "Right.", withdrawn: "unsupported" });
  expect(exchange.sources).toHaveLength(1);
});

test("a stopped exchange keeps its text, and nothing that comes later changes it", () => {
  const stopped = play({ kind: "delta", text: "Half" }, { kind: "stopped" });
  expect(isOver(stopped)).toBe(true);
  for (const late of [
    { kind: "delta", text: "more" },
    { kind: "answered", answer: answer() },
    { kind: "stopped" },
  ] as const) {
    expect(advance(stopped, late)).toBe(stopped);
  }
});
