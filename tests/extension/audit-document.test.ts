import { expect, test } from "vitest";
import { type AuditWords, auditDocument } from "../../extension/src/audit-document";
import type { AuditRecord, AuditVerification } from "../../extension/ui/protocol";
import { finding, SCORES } from "./fixtures";

const WORDS: AuditWords = {
  title: "Log",
  empty: "Empty.",
  question: "Question",
  verdict: "Verdict",
  mode: "By",
  findings: "Findings",
  accepted: "Accepted",
  details: "Under",
  intact: "Whole: {0}.",
  intactOne: "Whole: one.",
  broken: "Not whole: {0}.",
  brokenOne: "Not whole: one.",
  older: "Older: {0}",
  entry: "entry {0}",
  entries: "entries {0} to {1}",
  head: "Head",
  file: "File",
  seal: "Seal",
  decidedBy: "Decided by",
  askedBy: "Through",
  tokens: "Tokens",
  time: "Time",
  workspace: "Workspace",
  sources: "Sources",
  rejected: "Rejected",
  models: "Models",
  settings: "Settings",
  rules: "Rules",
  redacted: "Replaced",
  version: "Version",
};

const CHAIN: AuditVerification = {
  intact: true,
  entries: 7,
  head: "7:9f2c",
  faults: [],
  notes: [],
  path: "/data/audit.db",
  seal: "/config/audit",
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
  workspace: "/home/user/harrow",
  client: "lsp",
  decided_by: ["claim-grounding"],
  evidence: [{ path: "docs/`a`.md", start_line: 3, end_line: 9, sha256: "ab".repeat(32) }],
  rejected: [{ text: "# 900 days", mode: "generate", rule: "toxicity", reason: "Not\nfit." }],
  tokens: 42,
  timings_ms: { generation: 4000.2, total: 5123.4 },
  version: "0.1.0",
  settings_sha256: "cd".repeat(32),
  rules_sha256: "ef".repeat(32),
  models: [
    { id: "m", task: "generation", sha256: "12".repeat(32), adapter_sha256: null },
    { id: "g", task: "grounding", sha256: "34".repeat(32), adapter_sha256: "56".repeat(32) },
  ],
  redacted: ["github-token"],
};

test("an empty log says so", () => {
  expect(auditDocument([], { ...CHAIN, entries: 0 }, WORDS)).toBe("# Log\n\nEmpty.\n");
});

test("a log of one entry is told of in the singular", () => {
  const first = { ...RECORD, number: 1 };
  expect(auditDocument([first], { ...CHAIN, entries: 1 }, WORDS)).toContain("**Whole: one.**");
  const broken = { ...CHAIN, entries: 1, intact: false };
  expect(auditDocument([first], broken, WORDS)).toContain("**Not whole: one.**");
});

test("a log that is longer than what is shown says where the rest is", () => {
  expect(auditDocument([RECORD], CHAIN, WORDS)).toContain("Older: `nsllm audit list --before 7`");
  expect(auditDocument([{ ...RECORD, number: 1 }], CHAIN, WORDS)).not.toContain("Older");
});

test("a record's own text is quoted, so that it cannot pass for the log's", () => {
  const lines = auditDocument([RECORD], CHAIN, WORDS).split("\n");
  expect(lines).toContain("> # 400 days");
  expect(lines).toContain("> <b>x</b>");
  expect(lines.filter((line) => line.startsWith("#"))).toEqual([
    "# Log",
    "## 7 · 2026-01-02T03:04:05Z · warn",
  ]);
});

test("scores that could not be computed are left out, and findings are one line each", () => {
  const text = auditDocument([RECORD], CHAIN, WORDS);
  expect(text).toContain("grounding 0.95");
  expect(text).not.toContain("perplexity");
  expect(text).toContain("- `claim-grounding`: Not supported.");
});

test("an accepted finding is told with its reason", () => {
  const accepted = { rule: "claim-grounding", uri: "file:///a", reason: "It is a plan." };
  expect(auditDocument([{ ...RECORD, accepted }], CHAIN, WORDS)).toContain(
    "Accepted: `claim-grounding`\n\n> It is a plan.",
  );
});

test("a whole log is told with its head and where it lies", () => {
  const text = auditDocument([RECORD], CHAIN, WORDS);
  expect(text).toContain(
    "**Whole: 7.**\n\n- Head: `7:9f2c`\n- File: `/data/audit.db`\n- Seal: `/config/audit`",
  );
});

test("every fault of a log is told at its entries, and so is one that left none", () => {
  const faults = [
    { kind: "missing", first: 2, last: 4, message: "missing\nhere" },
    { kind: "seal", first: 5, last: 5, message: "another seal" },
    { kind: "head", first: null, last: null, message: "the head is gone" },
  ];
  const broken = { ...CHAIN, intact: false, faults, notes: ["A note."] };
  const lines = auditDocument([RECORD], broken, WORDS).split("\n");
  expect(lines.slice(2, 8)).toEqual([
    "**Not whole: 7.**",
    "",
    "- entries 2 to 4: missing here",
    "- entry 5: another seal",
    "- the head is gone",
    "- A note.",
  ]);
  expect(auditDocument([], { ...broken, entries: 0 }, WORDS)).toContain("**Not whole: 0.**");
});

test("a record tells who asked, what decided, and under which rules, settings and models", () => {
  const lines = auditDocument([{ ...RECORD, number: 1 }], CHAIN, WORDS).split("\n");
  expect(lines.slice(lines.indexOf("Under:") + 2)).toEqual([
    "- Through: lsp",
    "- Workspace: `/home/user/harrow`",
    "- Decided by: `claim-grounding`",
    "- Time: 5.1 s",
    "- Tokens: 42",
    "- Replaced: github-token",
    "- Sources: ``docs/`a`.md:3-9`` (SHA-256 `abababababababab…`)",
    "- Models: m (generation, SHA-256 `1212121212121212…`), " +
      "g (grounding, SHA-256 `3434343434343434…` + SHA-256 `5656565656565656…`)",
    "- Rules: SHA-256 `efefefefefefefef…`",
    "- Settings: SHA-256 `cdcdcdcdcdcdcdcd…`",
    "- Version: 0.1.0",
    "",
  ]);
});

test("what a record does not have is left out", () => {
  const bare: AuditRecord = {
    ...RECORD,
    number: 1,
    client: "",
    decided_by: [],
    evidence: [],
    rejected: [],
    tokens: 0,
    timings_ms: {},
    settings_sha256: "",
    rules_sha256: "",
    models: [],
    redacted: [],
  };
  const lines = auditDocument([bare], CHAIN, WORDS).split("\n");
  expect(lines.slice(lines.indexOf("Under:") + 2)).toEqual([
    "- Workspace: `/home/user/harrow`",
    "- Version: 0.1.0",
    "",
  ]);
});

test("a text that was rejected before is quoted, with its rule and the reason", () => {
  expect(auditDocument([RECORD], CHAIN, WORDS)).toContain(
    "Rejected, generate, `toxicity`: Not fit.\n\n> # 900 days",
  );
});
