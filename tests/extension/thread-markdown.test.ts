import { expect, test } from "vitest";
import {
  escapeMarkdown,
  exchangeMarkdown,
  inertMarkdown,
  linkCitations,
  type MarkdownWords,
} from "../../extension/src/thread-markdown";
import { advance, begin } from "../../extension/ui/exchange";
import { answer, finding, source } from "./fixtures";

const WORDS: MarkdownWords = {
  searching: "searching",
  writing: "writing",
  stopped: "stopped",
  withdrawn: (reason) => `withdrawn: ${reason}`,
  findings: "Findings",
  sources: "Sources",
  nearest: "Nearest passages",
  verdict: (verdict) => verdict,
};
const uriOf = (path: string) => `file:///work/${path}`;

test("a citation links to the first line of its source", () => {
  expect(linkCitations("Kept [1].", [source(1)], uriOf)).toBe(
    "Kept [\\[1\\]](file:///work/docs/1.md#L10).",
  );
});

test("each citation of a list links to its own source", () => {
  expect(linkCitations("Kept [1, 2,9].", [source(1), source(2)], uriOf)).toBe(
    "Kept [\\[1\\]](file:///work/docs/1.md#L10) [\\[2\\]](file:///work/docs/2.md#L20) [9].",
  );
});

test("a marker without a source stays text, and so does a link", () => {
  const text = "Kept [7], see [1](x).";
  expect(linkCitations(text, [source(1)], uriOf)).toBe(text);
});

test("brackets in a path do not end the link", () => {
  const linked = linkCitations("[1]", [source(1, { path: "a(b).md" })], uriOf);
  expect(linked).toBe("[\\[1\\]](file:///work/a%28b%29.md#L10)");
});

test("an exchange in the making says so; an ended one lists findings and sources", () => {
  const asked = begin("x", "How long?", "auto", undefined);
  expect(exchangeMarkdown(asked, WORDS, uriOf)).toBe("*searching*");
  const findings = [finding(0, 3, { message: "Not *there*." })];
  const done = advance(asked, { kind: "answered", answer: answer({ findings }) });
  const text = exchangeMarkdown(done, WORDS, uriOf);
  expect(text).toContain("- Not \\*there\\*\\.");
  expect(text).toContain("- [1] [docs/1\\.md:10](file:///work/docs/1.md#L10)");
});

test("where nothing answers, the passages are not called sources", () => {
  const findings = [finding(0, 0, { rule: "answer.not-found" })];
  const asked = begin("x", "How long?", "auto", undefined);
  const text = exchangeMarkdown(
    advance(asked, { kind: "answered", answer: answer({ findings }) }),
    WORDS,
    uriOf,
  );
  expect(text).toContain("**Nearest passages**");
  expect(text).not.toContain("**Sources**");
});

test("a message of the server is text, not markup", () => {
  expect(escapeMarkdown("[a](command:x) `b` <c>")).toBe("\\[a\\]\\(command:x\\) \\`b\\` \\<c\\>");
});

test.each([
  ["![x](https://tracker.example/x.png)", "!\\[x](https://tracker.example/x.png)"],
  [
    "![x][a] ![a]\n\n[a]: https://tracker.example/x",
    "!\\[x][a] !\\[a]\n\n[a]: https://tracker.example/x",
  ],
  ["\\![x](https://tracker.example/x.png)", "\\!\\[x](https://tracker.example/x.png)"],
  ["`![` ![x](y) `", "`!\\[` !\\[x](y) `"],
  ["a<b: <img src=x>, </p>, <!-- -->", "a&lt;b: &lt;img src=x>, &lt;/p>, &lt;!-- -->"],
  ["https://a.example/\\<img src=x>", "https://a.example/\\&lt;img src=x>"],
])("what VS Code would fetch or leave out of %j is shown as text", (text, inert) => {
  expect(inertMarkdown(text)).toBe(inert);
  const asked = begin("x", "How long?", "auto", undefined);
  const writing = advance(asked, { kind: "delta", text });
  expect(exchangeMarkdown(writing, WORDS, uriOf)).toBe(`${inert}\n\n*writing*`);
});

test("other markup of an answer stays, and code has its own signs", () => {
  const text =
    "**80** [euros](a.md), 1 < 2, `pull <name>`\n\n```\nVec<u8>\n```\n\n- `<a>`: **`<b>`**";
  expect(linkCitations(text, [], uriOf)).toBe(text);
});

test.each([
  "`sys.argv[1]` and ``argv[1]``",
  "```py\nprint(argv[1])\n```",
  "```py\r\na\r\nb\r\nargv[1]\r\n```",
  "- `<a[1]>`: **`argv[1]`**",
])("what looks like a citation in the code of %j is code", (text) => {
  expect(linkCitations(text, [source(1)], uriOf)).toBe(text);
});

test("a citation is a link beside code as well, wherever tags are shown before it", () => {
  expect(linkCitations("<b> <i> `a[1]` [1] `b[1]`", [source(1)], uriOf)).toBe(
    "&lt;b> &lt;i> `a[1]` [\\[1\\]](file:///work/docs/1.md#L10) `b[1]`",
  );
});

test("a citation after an exclamation mark is a link, not an image", () => {
  expect(linkCitations("Kept![1]", [source(1)], uriOf)).toBe(
    "Kept&#33;[\\[1\\]](file:///work/docs/1.md#L10)",
  );
});
