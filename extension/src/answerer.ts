import * as vscode from "vscode";
import type { Answerer } from "../ui/conversation";
import { describe, isCancellation } from "./errors";
import type { Requests } from "./requests";

/** Let the language server answer a conversation. */
export function answererOf(requests: Requests): Answerer {
  return {
    ask: async (asked, onPartial, signal) => {
      const source = new vscode.CancellationTokenSource();
      const cancel = (): void => source.cancel();
      signal.addEventListener("abort", cancel);
      try {
        return await requests.ask(asked, onPartial, source.token);
      } finally {
        signal.removeEventListener("abort", cancel);
        source.dispose();
      }
    },
    describe: (error) => (isCancellation(error) ? undefined : describe(error)),
  };
}
