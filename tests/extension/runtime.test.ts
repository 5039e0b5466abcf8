import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { describeAttempts, findServer } from "../../extension/src/runtime";

/** What the window says of itself; the tests set it. */
const window = vi.hoisted(() => ({
  folder: "",
  isTrusted: false,
  settings: new Map(),
  activate: undefined as undefined | (() => Promise<unknown>),
}));

vi.mock("vscode", () => {
  const fill = (text: string, ...values: unknown[]) =>
    text.replace(/\{(\d)\}/g, (_, index) => String(values[Number(index)]));
  return {
    l10n: { t: fill },
    extensions: { getExtension: () => window.activate && { activate: window.activate } },
    workspace: {
      get isTrusted() {
        return window.isTrusted;
      },
      get workspaceFolders() {
        return [{ uri: { fsPath: window.folder } }];
      },
      getConfiguration: () => ({
        get: (key: string) => window.settings.get(key),
        inspect: (key: string) => ({ globalValue: window.settings.get(key), defaultValue: "" }),
      }),
    },
  };
});

let place: string;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "nsllm-runtime-"));
  mkdirSync(join(place, "extension"));
  window.folder = join(place, "opened");
  window.isTrusted = false;
  window.settings.clear();
  window.activate = undefined;
  // Nothing of this machine's own may be found.
  vi.stubEnv("PATH", join(place, "bin"));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  rmSync(place, { recursive: true });
});

/** Put a program that tells a version into a folder. */
function program(folder: string, name: string, version: string): string {
  const file = join(place, folder, name);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, `#!/bin/sh\necho ${version}\n`);
  chmodSync(file, 0o755);
  return file;
}

async function found() {
  const { server, attempts } = await findServer(join(place, "extension"));
  return server ? server.version : describeAttempts(attempts);
}

/** The user's own values, which mean the opened folder only there. */
const INTO_THE_FOLDER = [
  [".venv/bin/python"],
  ["./python"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code's own placeholder in settings.
  ["${workspaceFolder}/.venv/bin/python"],
];

test.each(INTO_THE_FOLDER)("%s runs from the opened folder once that is trusted", async (value) => {
  program("opened", ".venv/bin/python", "1.0.0");
  program("opened", "python", "1.0.0");
  window.settings.set("server.interpreter", value);
  expect(await found()).toContain(
    "Setting nsllm.server.interpreter: not used until the folder is trusted",
  );
  program("bin", "nsllm", "2.0.0");
  expect(await found()).toBe("2.0.0");
  window.isTrusted = true;
  expect(await found()).toBe("1.0.0");
});

test.each([true, false])("a name alone is looked up on PATH (trusted: %s)", async (isTrusted) => {
  window.isTrusted = isTrusted;
  program("opened", "nsllm-own", "1.0.0");
  window.settings.set("server.path", "nsllm-own");
  expect(await found()).toEqual(["Setting nsllm.server.path: nsllm-own: there is no such program"]);
  program("bin", "nsllm-own", "2.0.0");
  expect(await found()).toBe("2.0.0");
});

test("a whole path is the user's choice in any folder", async () => {
  window.settings.set("server.path", program("elsewhere", "nsllm", "3.0.0"));
  expect(await found()).toBe("3.0.0");
});

test("an extension that never answers holds up the search only for a while", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  window.isTrusted = true;
  program("bin", "nsllm", "2.0.0");
  const activate = vi.fn(() => new Promise(() => undefined));
  window.activate = activate;
  const searching = findServer(join(place, "extension"));
  for (const times of [1, 2]) {
    await vi.waitFor(() => expect(activate).toHaveBeenCalledTimes(times));
    await vi.advanceTimersByTimeAsync(30_000);
  }
  const { server, attempts } = await searching;
  expect(server?.version).toBe("2.0.0");
  expect(describeAttempts(attempts).slice(-2)).toEqual([
    "Python Environments extension: no answer within 30 seconds",
    "Python extension: no answer within 30 seconds",
  ]);
});
