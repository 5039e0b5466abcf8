import * as vscode from "vscode";
import type { Extension } from "./context";
import { isCancellation } from "./errors";
import { setting } from "./settings";

/** Govern the documents under `nsllm.check.folders` when they are opened and when they are saved. */
export function checkFolders({ server, requests, log }: Extension): vscode.Disposable {
  const check = async (document: vscode.TextDocument): Promise<void> => {
    if (server.state !== "running" || !isCovered(document)) {
      return;
    }
    try {
      await requests.check({ uri: document.uri.toString() });
    } catch (error) {
      if (!isCancellation(error)) {
        log.warn(`${document.uri.fsPath} was not checked: ${String(error)}`);
      }
    }
  };
  const checkOpen = (): void => {
    for (const { document } of vscode.window.visibleTextEditors) {
      void check(document);
    }
  };
  return vscode.Disposable.from(
    vscode.workspace.onDidOpenTextDocument((document) => void check(document)),
    vscode.workspace.onDidSaveTextDocument((document) => void check(document)),
    server.onDidChangeState((state) => state === "running" && checkOpen()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("nsllm.check")) {
        checkOpen();
      }
    }),
  );
}

function isCovered(document: vscode.TextDocument): boolean {
  const folder = vscode.workspace.getWorkspaceFolder(document.uri);
  const patterns = setting<readonly string[]>("check.folders", document.uri) ?? [];
  return (
    folder !== undefined &&
    patterns.some(
      (pattern) =>
        vscode.languages.match({ pattern: new vscode.RelativePattern(folder, pattern) }, document) >
        0,
    )
  );
}
