import { expect, test } from "vitest";
import { errorData, isPartialAnswer, isServerStatus } from "../../extension/ui/protocol";
import { source } from "./fixtures";

test.each([
  [{ kind: "delta", text: "a" }, true],
  [{ kind: "withdrawn", reason: "unsupported" }, true],
  [{ kind: "sources", sources: [source(1)] }, true],
  [{ kind: "sources", sources: [] }, true],
  [{ kind: "sources", sources: [{ marker: "1" }] }, false],
  [{ kind: "sources" }, false],
  [{ kind: "delta" }, false],
  [{ kind: "begin", title: "Asking" }, false],
  [null, false],
  ["delta", false],
])("%j is a partial answer: %j", (value, expected) => {
  expect(isPartialAnswer(value)).toBe(expected);
});

test("an error's code and hint are read from its data", () => {
  const error = Object.assign(new Error("gone"), {
    data: { code: "model.missing", hint: "Pull." },
  });
  expect(errorData(error)).toEqual({ code: "model.missing", hint: "Pull." });
});

test.each([new Error("plain"), { data: { hint: "no code" } }, undefined, "text"])(
  "%j is no error of the server",
  (error) => {
    expect(errorData(error)).toBeUndefined();
  },
);

const STATUS = {
  health: "ok",
  message: "Ready.",
  busy: [],
  models: { embedder: "e", generator: null },
  folders: [],
};

test.each([
  [STATUS, true],
  [{ ...STATUS, health: "fine" }, false],
  [{ ...STATUS, models: null }, false],
  [{ ...STATUS, busy: undefined }, false],
  [null, false],
])("status %# is taken: %j", (value, expected) => {
  expect(isServerStatus(value)).toBe(expected);
});
