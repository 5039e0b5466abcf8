import { expect, test } from "vitest";
import { advance, begin } from "../../extension/ui/exchange";
import { readKept } from "../../extension/ui/kept";
import { answer, finding } from "./fixtures";

const ASKED = begin("x1", "How long?", "auto", "file:///work");
const EVIDENCE = { marker: 1, text: "Readings are kept for 400 days." };
const ANSWER = answer({ findings: [finding(0, 8), finding(0, 8, { evidence: EVIDENCE })] });
const DONE = advance(ASKED, { kind: "answered", answer: ANSWER });
const FAILED = advance(ASKED, {
  kind: "failed",
  failure: { message: "Stopped.", hint: "", fix: { title: "Restart", command: "nsllm.restart" } },
});
const NOTHING = { draft: "", mode: "auto", exchanges: [] };

test("what was kept is read as it was", () => {
  const kept = {
    draft: "And?",
    mode: "extract",
    session: "s1",
    exchanges: [DONE, ASKED, FAILED, advance(ASKED, { kind: "withdrawn", reason: "unsupported" })],
  };
  expect(readKept(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
});

test.each([undefined, null, "text", 3, [], {}, { draft: 1, mode: "fast", session: "" }])(
  "%j keeps nothing",
  (value) => {
    expect(readKept(value)).toEqual(NOTHING);
  },
);

test("what an older version kept has no session", () => {
  expect(readKept({ draft: "a", mode: "auto", exchanges: [DONE] })).toEqual({
    draft: "a",
    mode: "auto",
    exchanges: [DONE],
  });
});

test.each([
  ["no exchange", null],
  ["another stage", { ...DONE, stage: "thinking" }],
  ["no sources", { ...DONE, sources: undefined }],
  ["sources of another form", { ...DONE, sources: [{ file: "a.md" }] }],
  ["a workspace of another form", { ...DONE, workspace: 3 }],
  ["a failure without words", { ...FAILED, failure: {} }],
  ["an answer without scores", { ...DONE, answer: { ...ANSWER, scores: undefined } }],
  ["scores that lack one", { ...DONE, answer: { ...ANSWER, scores: { overall: 1 } } }],
  ["another verdict", { ...DONE, answer: { ...ANSWER, verdict: "fine" } }],
  ["findings of another form", { ...DONE, answer: { ...ANSWER, findings: [{ rule: "a" }] } }],
])("an exchange with %s is left out, and the others stay", (_, exchange) => {
  expect(readKept({ exchanges: [exchange, DONE] }).exchanges).toEqual([DONE]);
});
