import { beforeEach, expect, test, vi } from "vitest";
import { serverFixes } from "../../extension/src/guide";
import { chooseInterpreter } from "../../extension/src/interpreter";
import { reset, state } from "./fake-vscode";

vi.mock("vscode", async () => (await import("./fake-vscode")).vscode);
vi.mock("vscode-languageclient/node", () => ({}));

const CHOSEN = "/opt/env/bin/python";
const KEY = "server.interpreter";
const PATH = "server.path";

beforeEach(() => {
  reset();
  state.folders = ["file:///one"];
  state.choices = [CHOSEN];
});

async function choose(): Promise<number> {
  const restart = vi.fn(() => Promise.resolve());
  await chooseInterpreter({ server: { restart } as never });
  return restart.mock.calls.length;
}

test.each([
  [{}, { globalValue: CHOSEN }],
  [{ globalValue: "/old" }, { globalValue: CHOSEN }],
  [
    { globalValue: "/mine", workspaceValue: "/old" },
    { globalValue: "/mine", workspaceValue: CHOSEN },
  ],
  [
    { workspaceValue: "/old", workspaceFolderValue: "" },
    { workspaceValue: "/old", workspaceFolderValue: CHOSEN },
  ],
])("set as %j, it is set where that counts: %j", async (before, after) => {
  state.settings[KEY] = before;
  await choose();
  expect(state.settings[KEY]).toEqual(after);
});

test("in a folder that is not trusted the user's own setting is what counts", async () => {
  state.isTrusted = false;
  state.settings[KEY] = { workspaceValue: "/theirs" };
  await choose();
  expect(state.settings[KEY]).toEqual({ workspaceValue: "/theirs", globalValue: CHOSEN });
});

test("the server starts anew even where the same interpreter is chosen again", async () => {
  state.settings[KEY] = { globalValue: CHOSEN };
  expect(await choose()).toBe(1);
});

test("a program that comes first is cleared wherever it is set, and that is said", async () => {
  state.settings[PATH] = { globalValue: "/broken", workspaceValue: "/worse" };
  expect(await choose()).toBe(1);
  expect(state.settings[PATH]).toEqual({});
  expect(state.messages.map(({ text }) => text)).toEqual([
    "The setting nsllm.server.path was cleared, since it comes first: /worse",
  ]);
});

test("where the program cannot be cleared, that is what is said", async () => {
  // As an administrator's policy does.
  Object.defineProperty(state.settings, PATH, {
    get: () => ({ globalValue: "/fixed" }),
    set: () => {},
  });
  await expect(choose()).rejects.toMatchObject({
    message: "The setting nsllm.server.path comes before the interpreter: it is /fixed.",
    data: { code: "settings" },
  });
});

test("who chooses nothing changes nothing", async () => {
  state.choices = [];
  state.settings[PATH] = { globalValue: "/broken" };
  expect(await choose()).toBe(0);
  expect(state.settings).toEqual({ [PATH]: { globalValue: "/broken" } });
});

test("a server that is missing may also be started again", () => {
  const failure = { kind: "missing", reason: "" } as const;
  expect(serverFixes({ failure } as never).map(({ command }) => command)).toEqual([
    "nsllm.chooseInterpreter",
    "nsllm.restartServer",
    "nsllm.openWalkthrough",
  ]);
});
