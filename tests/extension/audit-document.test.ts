import { expect, test } from "vitest";
import { type AuditWords, auditDocument } from "../../extension/src/audit-document";
import type { AuditRecord } from "../../extension/src/protocol";
import { finding, SCORES } from "./fixtures";

const WORDS: AuditWords = {
  title: "Log",
  empty: "Empty.",
  question: "Question",
  verdict: "Verdict",
  mode: "By",
  findings: "Findings",
  accepted: "Accepted",
};

const RECORD: AuditRecord = {
  number: 7,
  id: "a",
  time: "2026-01-02T03:04:05Z",
  question: "How long?",
  text: "# 400 days\n<b>x</b>",
  mode: "generate",
  model: "m",
  verdict: "warn",
  scores: SCORES,
  findings: [finding(0, 3, { message: "Not\nsupported." })],
};

test("an empty log says so", () => {
  expect(auditDocument([], WORDS)).toBe("# Log\n\nEmpty.\n");
});

test("a record's own text is quoted, so that it cannot pass for the log's", () => {
  const lines = auditDocument([RECORD], WORDS).split("\n");
  expect(lines).toContain("> # 400 days");
  expect(lines).toContain("> <b>x</b>");
  expect(lines.filter((line) => line.startsWith("#"))).toEqual([
    "# Log",
    "## 7 · 2026-01-02T03:04:05Z · warn",
  ]);
});

test("scores that could not be computed are left out, and findings are one line each", () => {
  const text = auditDocument([RECORD], WORDS);
  expect(text).toContain("grounding 0.95");
  expect(text).not.toContain("perplexity");
  expect(text).toContain("- `claim-grounding`: Not supported.");
});

test("an accepted finding is told with its reason", () => {
  const accepted = { rule: "claim-grounding", uri: "file:///a", reason: "It is a plan." };
  expect(auditDocument([{ ...RECORD, accepted }], WORDS)).toContain(
    "Accepted: `claim-grounding`\n\n> It is a plan.",
  );
});
