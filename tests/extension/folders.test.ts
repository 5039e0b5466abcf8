import { beforeEach, expect, test, vi } from "vitest";
import { Answers } from "../../extension/src/answers";
import type { Requests } from "../../extension/src/requests";
import { focus, reset, state, Uri } from "./fake-vscode";

vi.mock("vscode", async () => (await import("./fake-vscode")).vscode);
// It would load the real client, which needs a real editor.
vi.mock("vscode-languageclient/node", () => ({ ProgressType: class {}, WorkDoneProgress: {} }));

const ANSWER = "nsllm-answer:/a1.md";

beforeEach(() => {
  reset();
  state.folders = ["file:///one", "file:///two"];
});

/** The answers of a window; an answer's document is about the second folder. */
function answers(workspace: string | undefined = "file:///two"): Answers {
  const document = { text: "# Why?", ...(workspace === undefined ? {} : { workspace }) };
  const requests = { answerDocument: () => Promise.resolve(document) };
  return new Answers(requests as unknown as Requests, {} as never);
}

test("a document's own folder is asked", () => {
  focus("file:///two/a.md");
  expect(answers().folderOf()).toBe("file:///two");
});

test("what is in no folder asks the folder that was used last", () => {
  const parts = answers();
  for (const folder of ["file:///two", "file:///one"]) {
    focus(`${folder}/a.md`);
    for (const elsewhere of ["untitled:Untitled-1", "file:///else/b.md", undefined]) {
      focus(elsewhere);
      expect(parts.folderOf()).toBe(folder);
    }
  }
});

test("an editor that was open before counts", () => {
  focus("file:///two/a.md");
  const parts = answers();
  focus(undefined);
  expect(parts.folderOf()).toBe("file:///two");
});

test("an answer's document stands for the folder that answered", async () => {
  const parts = answers();
  focus("file:///one/a.md");
  focus(ANSWER);
  expect(parts.folderOf()).toBe("file:///one");
  expect(await parts.provideTextDocumentContent(new Uri(ANSWER) as never, {} as never)).toBe(
    "# Why?",
  );
  expect(parts.folderOf()).toBe("file:///two");
  expect(parts.folderOf(new Uri(ANSWER) as never)).toBe("file:///two");
});

test("the only folder is asked, and of several that were never used the server chooses", () => {
  const parts = answers();
  expect(parts.folderOf()).toBeUndefined();
  state.folders = ["file:///one"];
  expect(parts.folderOf()).toBe("file:///one");
});

test("a folder that left the workspace is not asked", () => {
  state.folders = ["file:///one", "file:///two", "file:///three"];
  const parts = answers();
  focus("file:///three/a.md");
  focus(undefined);
  state.folders = ["file:///one", "file:///two"];
  expect(parts.folderOf()).toBeUndefined();
});
