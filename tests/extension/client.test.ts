import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Server } from "../../extension/src/client";
import type { Discovery } from "../../extension/src/discovery";
import { failureText } from "../../extension/src/errors";
import { serverFixes } from "../../extension/src/guide";
import { reset } from "./fake-vscode";

/** What the machine has: where the server is, what it is, and whether it answers `initialize`. */
const machine = vi.hoisted(() => ({
  find: (): Promise<unknown> => Promise.resolve(),
  program: "",
  answers: true,
  started: [] as unknown[],
}));

vi.mock("vscode", async () => (await import("./fake-vscode")).vscode);
vi.mock("vscode-languageclient/node", () => ({
  CloseAction: {},
  ErrorAction: {},
  Trace: { Off: 0, Messages: 1, Verbose: 2, fromString: () => 0 },
  DidChangeConfigurationNotification: { type: "" },
}));
vi.mock("../../extension/src/runtime", () => ({
  findServer: () => machine.find(),
  describeAttempts: () => ["PATH: nothing there"],
  lateness: (ms: number) => `no answer within ${ms / 1_000} seconds`,
  spawnServer: () => {
    const child = spawn(process.execPath, ["-e", machine.program]);
    machine.started.push(child);
    return child;
  },
}));
vi.mock("../../extension/src/logged-client", () => ({
  lastLines: (text: string) => [text],
  LoggedClient: class {
    #state = "starting";
    readonly #spawn: () => Promise<unknown>;

    constructor(start: () => Promise<unknown>) {
      this.#spawn = start;
    }

    async start(): Promise<void> {
      await this.#spawn();
      await (machine.answers ? undefined : new Promise(() => undefined));
      this.#state = "running";
    }

    isRunning = (): boolean => this.#state === "running";
    onNotification = (): void => undefined;
    setTrace = (): Promise<void> => Promise.resolve();

    // As the real one, which cannot end what has not started.
    dispose = (): Promise<void> =>
      this.isRunning() ? Promise.resolve() : Promise.reject(new Error(this.#state));
  },
}));

const FOUND: Discovery = {
  server: { launch: { program: "nsllm", arguments: [] }, place: "PATH", version: "0.1.0" },
  attempts: [],
};
const WAITS = "setInterval(() => {}, 1000);";
/** Says a word, and heeds nothing but an end by force. */
const STUBBORN = `process.on("SIGTERM", () => {}); console.error("reading a cold disk"); ${WAITS}`;

let server: Server;

beforeEach(() => {
  reset();
  Object.assign(machine, {
    find: () => Promise.resolve(FOUND),
    program: WAITS,
    answers: true,
    started: [],
  });
  const log = {
    info: () => undefined,
    debug: () => undefined,
    error: () => undefined,
    logLevel: 3,
    onDidChangeLogLevel: () => undefined,
  } as never;
  server = new Server({ extensionPath: "/", subscriptions: [] } as never, log, log);
});

afterEach(() => {
  server.dispose();
  vi.useRealTimers();
  for (const child of processes()) {
    child.kill("SIGKILL");
  }
});

function processes(): ChildProcess[] {
  return machine.started as ChildProcess[];
}

/** Wait until the process of a start is there and has said its word. */
async function spawned(number: number): Promise<ChildProcess> {
  await expect.poll(() => processes().length).toBe(number);
  const child = processes()[number - 1] as ChildProcess;
  if (machine.program === STUBBORN && child.stderr) {
    await once(child.stderr, "data");
  }
  return child;
}

test("a server that starts but does not answer is ended, and that is said", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  Object.assign(machine, { program: STUBBORN, answers: false });
  const starting = server.restart();
  const child = await vi.waitFor(() => processes()[0] ?? Promise.reject(new Error("none yet")));
  await once(child.stderr as NonNullable<typeof child.stderr>, "data");
  expect(server.state).toBe("starting");
  await vi.advanceTimersByTimeAsync(60_000);
  await starting;
  expect(server.state).toBe("failed");
  expect(server.failure && failureText(server.failure)).toBe(
    "The NS-LLM server started but did not answer (no answer within 60 seconds: reading a cold disk).",
  );
  expect(serverFixes(server).map(({ title }) => title)).toEqual(["Restart Server", "Show Logs"]);
  expect(child.signalCode ?? (await once(child, "exit"))[1]).toBe("SIGKILL");
  await expect(server.connection()).rejects.toThrow("did not answer");
});

test("a restart ends a server that is still starting, and does not wait for it", async () => {
  Object.assign(machine, { program: STUBBORN, answers: false });
  const first = server.restart();
  const child = await spawned(1);
  machine.answers = true;
  const second = server.restart();
  await first;
  await second;
  expect(server.state).toBe("running");
  expect(server.failure).toBeUndefined();
  expect(child.signalCode ?? (await once(child, "exit"))[1]).toBe("SIGKILL");
  expect(processes()).toHaveLength(2);
});

test("a restart does not wait for a search that hangs, nor for what it finds in the end", async () => {
  let found: (discovery: Discovery) => void = () => undefined;
  machine.find = () =>
    new Promise<Discovery>((resolve) => {
      found = resolve;
    });
  const first = server.restart();
  await expect.poll(() => server.state).toBe("starting");
  machine.find = () => Promise.resolve(FOUND);
  await Promise.all([first, server.restart()]);
  expect(server.state).toBe("running");
  found({ attempts: [] });
  await Promise.resolve();
  expect(server.state).toBe("running");
  expect(processes()).toHaveLength(1);
});

test("who waits for a start is answered by the one that comes in its place", async () => {
  Object.assign(machine, { answers: false });
  const first = server.restart();
  await spawned(1);
  const waiting = server.connection();
  machine.answers = true;
  await Promise.all([first, server.restart()]);
  await expect(waiting).resolves.toBeDefined();
});

test("at the end of the session nothing is started any more", async () => {
  const starting = server.restart();
  server.dispose();
  await starting;
  await server.restart();
  expect(processes()).toEqual([]);
});
