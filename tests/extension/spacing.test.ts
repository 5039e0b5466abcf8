import { expect, test } from "vitest";
import { spacing } from "../../extension/src/spacing";

test.each([
  ["an empty line", "", "", { before: "", after: "" }],
  ["the start of a line", "", "**Alarm delay.** The time", { before: "", after: "\n\n" }],
  ["the end of a line", "It is so.", "", { before: " ", after: "" }],
  ["between two words", "It is ", "so.", { before: "", after: " " }],
  ["between a word and its stop", "It is so", ".", { before: " ", after: "" }],
  ["an indented line", "  ", "so", { before: "", after: " " }],
])("an answer at %s stands apart", (_place, before, after, expected) => {
  expect(spacing(before, after)).toEqual(expected);
});
