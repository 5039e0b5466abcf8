import * as vscode from "vscode";
import type { Extension } from "./context";

interface SearchInput {
  readonly query: string;
  readonly topK?: number;
}

interface CheckInput {
  readonly text: string;
}

/** Offer search and check to chat's language models; both only read, and stay on this machine. */
export function registerTools({ requests, answers }: Extension): vscode.Disposable[] {
  const folder = (): { workspace?: string } => {
    const workspace = answers.folderOf();
    return workspace === undefined ? {} : { workspace };
  };
  const search: vscode.LanguageModelTool<SearchInput> = {
    invoke: async ({ input }, token) => {
      const limit = input.topK === undefined ? {} : { top_k: input.topK };
      const hits = await requests.search({ query: input.query, ...limit, ...folder() }, token);
      return asText({ hits });
    },
    prepareInvocation: ({ input }) => ({
      invocationMessage: vscode.l10n.t("Searching the workspace for “{0}”", input.query),
    }),
  };
  const check: vscode.LanguageModelTool<CheckInput> = {
    invoke: async ({ input }, token) =>
      asText(await requests.check({ text: input.text, ...folder() }, undefined, token)),
    prepareInvocation: () => ({
      invocationMessage: vscode.l10n.t("Checking a text against the workspace"),
    }),
  };
  return [
    vscode.lm.registerTool("nsllmSearch", search),
    vscode.lm.registerTool("nsllmCheck", check),
  ];
}

function asText(result: object): vscode.LanguageModelToolResult {
  return new vscode.LanguageModelToolResult([
    new vscode.LanguageModelTextPart(JSON.stringify(result)),
  ]);
}
