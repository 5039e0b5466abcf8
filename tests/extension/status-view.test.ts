import { expect, test } from "vitest";
import { type StatusWords, statusView } from "../../extension/src/status-view";
import type { ServerStatus } from "../../extension/ui/protocol";

const WORDS: StatusWords = {
  starting: "starting",
  stopped: "stopped",
  failed: "failed",
  noModel: "no model",
  documents: (count) => `${count} documents`,
  progress: (task, done, total) => `${task} ${done}/${total ?? "?"}`,
};

const TOLD: ServerStatus = {
  health: "ok",
  message: "Ready.",
  busy: [],
  models: { embedder: "e", generator: "g" },
  folders: [
    { workspace: "file:///a", documents: 2, chunks: 5 },
    { workspace: "file:///b", documents: 3, chunks: 9 },
  ],
};

const view = (input: Parameters<typeof statusView>[0]) => statusView(input, WORDS);

test("a running server shows its model and its documents", () => {
  expect(view({ state: "running", told: TOLD })).toMatchObject({
    text: "g",
    detail: "5 documents",
    severity: "information",
    busy: false,
  });
});

test("work in progress is shown with how far it is", () => {
  const busy = [{ task: "Indexing", done: 3, total: 9, unit: "files" }];
  expect(view({ state: "running", told: { ...TOLD, busy } })).toMatchObject({
    detail: "Indexing 3/9",
    busy: true,
  });
});

test("what is wrong goes before what is in progress, and says what to do", () => {
  const busy = [{ task: "Indexing", done: 0, unit: "files" }];
  const told: ServerStatus = { ...TOLD, busy, health: "error", message: "Full.", hint: "Free." };
  expect(view({ state: "running", told })).toMatchObject({
    detail: "Full. Free.",
    severity: "error",
    busy: false,
  });
});

test("what a server told before it ended is not shown", () => {
  expect(view({ state: "failed", reason: "signal SIGKILL", told: TOLD })).toMatchObject({
    text: "failed",
    detail: "signal SIGKILL",
    severity: "error",
  });
  expect(view({ state: "stopped", told: TOLD }).text).toBe("stopped");
});

test("a server that has told nothing yet is starting", () => {
  expect(view({ state: "running" })).toMatchObject({ text: "starting", busy: true });
});

test("without a generator that is said in its place", () => {
  const told = { ...TOLD, models: { embedder: "e", generator: null } };
  expect(view({ state: "running", told }).text).toBe("no model");
});
