import { expect, test } from "vitest";
import { environmentOf } from "../../extension/src/mcp-environment";

test("settings become the variables that the server reads", () => {
  const settings = {
    models: { generator: "qwen", threads: 4, download: false },
    documents: { exclude: ["drafts/", "*.log"] },
  };
  expect(environmentOf(settings, ":")).toEqual({
    NSLLM_MODELS_GENERATOR: "qwen",
    NSLLM_MODELS_THREADS: "4",
    NSLLM_MODELS_DOWNLOAD: "false",
    NSLLM_DOCUMENTS_EXCLUDE: "drafts/:*.log",
  });
});

test("what has no variable is left out", () => {
  expect(environmentOf({ governance: { rules: { "length.long": {} } } }, ";")).toEqual({});
});
