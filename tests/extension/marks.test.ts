import { expect, test } from "vitest";
import { cutByMarks, toUtf16 } from "../../extension/ui/marks";

test("offsets in characters become offsets in UTF-16", () => {
  const text = "a😀b😀c";
  const [span] = toUtf16([{ start: 2, end: 4 }], text);
  expect(span && text.slice(span.start, span.end)).toBe("b😀");
});

test("offsets outside the text are brought into it", () => {
  expect(toUtf16([{ start: -3, end: 99 }], "😀")).toEqual([{ start: 0, end: 2 }]);
});

test("a text is cut where marks begin and end, and nothing is lost", () => {
  const marks = [
    { start: 2, end: 6, name: "x" },
    { start: 4, end: 20, name: "y" },
    { start: 30, end: 40, name: "z" },
  ];
  const pieces = cutByMarks("abcdefgh", 0, marks);
  expect(pieces.map((piece) => [piece.text, piece.marks.map(({ name }) => name).join("")])).toEqual(
    [
      ["ab", ""],
      ["cd", "x"],
      ["ef", "xy"],
      ["gh", "y"],
    ],
  );
});

test("a mark that begins before a piece of text covers its part of it", () => {
  const [first, second] = cutByMarks("world", 6, [{ start: 0, end: 8 }]);
  expect([first?.text, first?.marks.length]).toEqual(["wo", 1]);
  expect([second?.text, second?.marks.length]).toEqual(["rld", 0]);
});

test("an empty mark marks nothing", () => {
  const pieces = cutByMarks("abc", 0, [{ start: 1, end: 1 }]);
  expect(pieces.every(({ marks }) => marks.length === 0)).toBe(true);
  expect(pieces.map(({ text }) => text).join("")).toBe("abc");
});
