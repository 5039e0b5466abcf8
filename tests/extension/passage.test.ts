// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { passageAt, showPassage } from "../../extension/page/passage";
import { ENGLISH } from "../../extension/ui/strings";
import { finding, source } from "./fixtures";

beforeEach(() => document.body.replaceChildren());

const SOURCES = [
  source(1, { path: "a.md", start_line: 4, end_line: 6, text: "four\r\nfive\nsix\n" }),
];

function shown(from: number, to: number): string[] {
  const place = { path: "a.md", start_line: from, end_line: to };
  const passage = passageAt(place, { sources: SOURCES, findings: [] });
  if (passage) {
    showPassage(passage, ENGLISH);
  }
  return [...document.querySelectorAll("dialog li")].map(
    (row) =>
      `${row.className} ${row.querySelector(".number")?.textContent} ${row.lastChild?.textContent}`,
  );
}

test("a source is shown with its lines' numbers", () => {
  expect(shown(4, 6)).toEqual([" 4 four", " 5 five", " 6 six"]);
  expect(document.querySelector("#passage-place")?.textContent).toBe("a.md, lines 4 to 6");
});

test("of a passage that is only partly meant, the lines that are meant are marked", () => {
  expect(shown(5, 5)).toEqual([" 4 four", "meant 5 five", " 6 six"]);
});

test("evidence that no source holds is shown itself; what is nowhere is not", () => {
  const evidence = { marker: 0, text: "seven", path: "b.md", start_line: 7, end_line: 7 };
  const place = { path: "b.md", start_line: 7, end_line: 7 };
  const findings = [finding(0, 1, { evidence })];
  expect(passageAt(place, { sources: SOURCES, findings })?.text).toBe("seven");
  expect(passageAt(place, { sources: SOURCES, findings: [] })).toBeUndefined();
});
