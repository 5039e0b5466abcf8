// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { ModelList } from "../../extension/ui/model-list";
import { ENGLISH } from "../../extension/ui/strings";

let used: string[];
let list: ModelList;

beforeEach(() => {
  used = [];
  list = new ModelList(ENGLISH, (id) => used.push(id));
  document.body.replaceChildren(list.root);
  show("a");
  list.root.focus();
});

function show(inUse: string, ids: readonly string[] = ["a", "b", "c"]): void {
  list.show(ids.map((id) => ({ id, installed: true, inUse: id === inUse })));
}

/** What the pointer, or an opened list, does. */
function choose(id: string): void {
  list.root.value = id;
  list.root.dispatchEvent(new Event("change", { bubbles: true }));
}

/** What Chromium on Windows and Linux makes of an arrow key. */
function step(key: string, id: string): void {
  list.root.dispatchEvent(new KeyboardEvent("keydown", { key }));
  choose(id);
}

const later = () => new Promise((resolve) => setTimeout(resolve, 5));

test("a model that is picked is used at once", () => {
  choose("b");
  expect(used).toEqual(["b"]);
  list.root.blur();
  expect(used).toEqual(["b"]);
});

test("one that keys pass by is not used, but the one on which the list is left", async () => {
  step("ArrowDown", "b");
  await later();
  step("ArrowDown", "c");
  await later();
  expect(used).toEqual([]);
  list.root.blur();
  expect(used).toEqual(["c"]);
});

test("Enter uses what keys have selected, once", () => {
  step("b", "b");
  list.root.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
  list.root.blur();
  expect(used).toEqual(["b"]);
});

test("keys that come back to the model in use change nothing", () => {
  step("ArrowDown", "b");
  step("ArrowUp", "a");
  list.root.blur();
  expect(used).toEqual([]);
});

test("what is picked in a list that a key opened is used at once", async () => {
  list.root.dispatchEvent(new KeyboardEvent("keydown", { key: " " }));
  await later();
  choose("c");
  expect(used).toEqual(["c"]);
});

test("a state that is told meanwhile leaves the selection, unless the models are others", () => {
  step("ArrowDown", "b");
  show("a");
  expect(list.root.value).toBe("b");
  show("b", ["b", "c"]);
  expect(list.root.value).toBe("b");
  list.root.blur();
  expect(used).toEqual([]);
});

test("where a choice is not followed, the model in use is shown again", () => {
  choose("b");
  show("a");
  expect(list.root.value).toBe("a");
});
