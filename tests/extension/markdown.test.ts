import { expect, test } from "vitest";
import { type Block, type Inline, parse } from "../../extension/ui/markdown";

function inlinesOf(block: Block): Inline[] {
  switch (block.kind) {
    case "list":
      return block.items.flat();
    case "code":
      return [{ kind: "code", text: block.text, start: block.start }];
    default:
      return [...block.children];
  }
}

function leaves(nodes: readonly Inline[]): Inline[] {
  return nodes.flatMap((node) => (node.kind === "strong" ? leaves(node.children) : [node]));
}

test.each([
  ["one\ntwo", ["paragraph"]],
  ["one\n\ntwo", ["paragraph", "paragraph"]],
  ["# Title\ntext", ["heading", "paragraph"]],
  ["text\n- a\n- b\n\nend", ["paragraph", "list", "paragraph"]],
  ["1. a\n2. b", ["list"]],
  ["> said\n> so", ["quote"]],
  ["Kept:\n| a | b |\n|---|---|\nafter", ["paragraph", "table", "paragraph"]],
  ["```py\nx = 1\n```\nafter", ["code", "paragraph"]],
  ["", []],
])("the blocks of %j are %j", (source, kinds) => {
  expect(parse(source).map(({ kind }) => kind)).toEqual(kinds);
});

test("a fence that has not ended yet is code to the end", () => {
  expect(parse("```\na\nb")).toEqual([{ kind: "code", text: "a\nb", start: 4, end: 7 }]);
});

test("an item goes on over the lines below it", () => {
  const [list] = parse("- a\n  more\n- b");
  expect(list).toMatchObject({ kind: "list", ordered: false });
  expect(list?.kind === "list" && list.items).toHaveLength(2);
});

test("citations are markers, also in groups; links and words in brackets are text", () => {
  const [paragraph] = parse("A [1], b [2, 3], c [x], d [4](http://e).");
  const markers =
    paragraph &&
    leaves(inlinesOf(paragraph)).flatMap((node) => (node.kind === "citation" ? [node.marker] : []));
  expect(markers).toEqual([1, 2, 3]);
});

test("markup that was not closed is text", () => {
  const [paragraph] = parse("a **b `c");
  expect(paragraph).toEqual({
    kind: "paragraph",
    children: [{ kind: "text", text: "a **b `c", start: 0 }],
  });
});

test.each([
  "Plain words, **bold [1] and `code`** here.\nSecond line [2, 10].",
  "# Head **x**\r\n\r\ntext\r\n- item `a`\r\n  goes on\r\n1. one\r\n> quoted 😀 [3]\r\n",
  "```\r\ncode\r\n```\r\n😀😀 **é** [1]\r\n",
  "~~~\nopen",
  "***\n**\n``\n[]\n[1]\n- \n#\n>",
])("every piece of %j is where it says it is", (source) => {
  for (const node of parse(source).flatMap((block) => leaves(inlinesOf(block)))) {
    if (node.kind === "citation") {
      expect(source.slice(node.start)).toMatch(new RegExp(`^${node.marker}\\b`));
    } else if (node.kind !== "strong" && node.text !== "\n" && !node.text.includes("\n")) {
      expect(source.slice(node.start, node.start + node.text.length)).toBe(node.text);
    }
  }
});
