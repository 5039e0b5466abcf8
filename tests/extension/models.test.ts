import { afterEach, expect, test, vi } from "vitest";
import { fetchModels } from "../../extension/src/commands/fetch-models";
import { switchModel } from "../../extension/src/commands/models";
import type { Extension } from "../../extension/src/context";
import { ClientError, fixFor, report } from "../../extension/src/errors";
import type { MissingModel } from "../../extension/src/requests";
import { reset, state } from "./fake-vscode";

vi.mock("vscode", async () => (await import("./fake-vscode")).vscode);
afterEach(reset);

const EMBEDDER: MissingModel = {
  id: "minilm",
  task: "embedding",
  licence: "Apache-2.0",
  download_bytes: 83_506_384,
  source: "the Python index (minilm 0.1)",
};
const JUDGE: MissingModel = {
  id: "grounding",
  task: "grounding",
  licence: "Apache-2.0",
  download_bytes: 0,
  source: "minilm and this package",
};
const WRITER: MissingModel = {
  id: "smollm2",
  task: "generation",
  licence: "MIT",
  download_bytes: 1_600_000_000,
  source: "the Python index (smollm2 0.1)",
};

/** An extension whose server lacks these models; `failure` is what it answers to one action. */
function extension(
  missing: readonly MissingModel[],
  failure: { readonly of?: string; readonly error?: Error } = {},
) {
  const asked: string[] = [];
  const models = (action: string, id?: string): Promise<unknown> => {
    asked.push(id === undefined ? action : `${action} ${id}`);
    if (failure.error && failure.of === asked.at(-1)) {
      return Promise.reject(failure.error);
    }
    return Promise.resolve([{ id: "smollm2", task: "generation", installed: true }]);
  };
  const refreshModels = vi.fn(() => Promise.resolve());
  const parts = {
    requests: { missingModels: () => Promise.resolve(missing), models },
    panel: { refreshModels },
  };
  return { asked, refreshModels, extension: parts as unknown as Extension };
}

test("what an answer lacks is fetched in its order, after saying what it is", async () => {
  state.choices = ["Fetch Models"];
  const { asked, refreshModels, extension: parts } = extension([EMBEDDER, JUDGE, WRITER]);
  await fetchModels(parts);
  expect(state.messages[0]).toEqual({
    text: "Models that an answer takes have to be fetched: 1.7 GB.",
    detail: [
      "minilm: 84 MB from the Python index (minilm 0.1), licence Apache-2.0",
      "grounding: from minilm and this package, licence Apache-2.0",
      "smollm2: 1.6 GB from the Python index (smollm2 0.1), licence MIT",
    ].join("\n"),
    buttons: ["Fetch Models"],
  });
  expect(asked).toEqual(["pull minilm", "pull grounding", "pull smollm2"]);
  expect(state.progress).toEqual([
    "Fetching minilm (1 of 3)",
    "Fetching grounding (2 of 3)",
    "Fetching smollm2 (3 of 3)",
  ]);
  expect(state.messages[1]?.text).toBe("The models are on this machine now. Ask a question.");
  expect(refreshModels).toHaveBeenCalledOnce();
});

test("who declines fetches nothing", async () => {
  const { asked, extension: parts } = extension([EMBEDDER]);
  await fetchModels(parts);
  expect(asked).toEqual([]);
  expect(state.messages).toHaveLength(1);
});

test("what cannot be fetched ends it, and nothing is said to be there", async () => {
  state.choices = ["Fetch Models"];
  const failure = { of: "pull grounding", error: new Error("no network") };
  const { asked, refreshModels, extension: parts } = extension([EMBEDDER, JUDGE, WRITER], failure);
  await expect(fetchModels(parts)).rejects.toThrow("no network");
  expect(asked).toEqual(["pull minilm", "pull grounding"]);
  expect(state.messages).toHaveLength(1);
  expect(refreshModels).toHaveBeenCalledOnce();
});

test("where only the writer lacks, another may be chosen instead", async () => {
  state.choices = ["Switch Model"];
  const { asked, extension: parts } = extension([WRITER]);
  await fetchModels(parts);
  expect(state.messages[0]?.buttons).toEqual(["Fetch Models", "Switch Model"]);
  expect(state.commands).toEqual(["nsllm.switchModel"]);
  expect(asked).toEqual([]);
});

test("where nothing lacks that is said", async () => {
  await fetchModels(extension([]).extension);
  expect(state.messages).toEqual([
    {
      text: "All models that an answer takes are on this machine.",
      detail: undefined,
      buttons: ["Switch Model"],
    },
  ]);
});

test.each([
  ["model.missing", "nsllm.fetchModels"],
  ["model.corrupt", "nsllm.fetchModels"],
  ["model.download", "nsllm.fetchModels"],
  ["model.unknown", "nsllm.switchModel"],
  ["settings", "nsllm.openSettings"],
])("%s leads to %s", (code, command) => {
  expect(fixFor(code).command).toBe(command);
});

test("a model that another setting keeps from use is not said to write, and settings open", async () => {
  const text = "The model smollm2 was chosen, but `models.generator` is set elsewhere too.";
  const error = new ClientError(text, "settings", "Remove it there.");
  const { extension: parts } = extension([], { of: "use smollm2", error });
  const switching = switchModel(parts, "smollm2");
  await expect(switching).rejects.toBe(error);
  expect(state.messages).toEqual([]);
  state.choices = ["Open Settings"];
  await report(error, { error: () => undefined } as unknown as Extension["log"]);
  expect(state.messages[0]?.text).toBe(`${text} Remove it there.`);
  expect(state.commands).toEqual(["nsllm.openSettings"]);
});
