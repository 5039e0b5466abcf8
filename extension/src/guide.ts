import * as vscode from "vscode";
import type { Fix } from "../ui/exchange";
import type { Server } from "./client";
import { failureText, type ServerFailure } from "./errors";

const INSTALL_COMMAND = 'python -m pip install "nsllm[cpu,mcp]"';

/** Tell the user when there is no server, or no longer one, and offer what mends it. */
export function explainFailures(server: Server, log: vscode.LogOutputChannel): vscode.Disposable {
  return server.onDidFail((failure) => {
    explain(failure).catch((error: unknown) => log.error(String(error)));
  });
}

/** Return what mends a server that does not run, best first. */
export function serverFixes({ failure }: Server): Fix[] {
  const { t } = vscode.l10n;
  return failure?.kind === "missing"
    ? [
        { title: t("Choose Interpreter"), command: "nsllm.chooseInterpreter" },
        { title: t("Restart Server"), command: "nsllm.restartServer" },
        { title: t("Open Walkthrough"), command: "nsllm.openWalkthrough" },
      ]
    : [
        { title: t("Restart Server"), command: "nsllm.restartServer" },
        { title: t("Show Logs"), command: "nsllm.showServerLogs" },
      ];
}

function explain(failure: ServerFailure): Promise<void> {
  return failure.kind === "missing" ? explainMissing(failure) : explainEnd(failure);
}

async function explainMissing(failure: ServerFailure): Promise<void> {
  const { t } = vscode.l10n;
  const fixes = new Map([
    [t("Choose Interpreter"), () => run("nsllm.chooseInterpreter")],
    [t("Restart Server"), () => run("nsllm.restartServer")],
    [t("Open Walkthrough"), () => run("nsllm.openWalkthrough")],
    [t("Copy Install Command"), () => vscode.env.clipboard.writeText(INSTALL_COMMAND)],
  ]);
  const choice = await vscode.window.showErrorMessage(failureText(failure), ...fixes.keys());
  await (choice === undefined ? undefined : fixes.get(choice)?.());
}

async function explainEnd(failure: ServerFailure): Promise<void> {
  const { t } = vscode.l10n;
  const restart = t("Restart");
  const logs = t("Show Logs");
  const choice = await vscode.window.showErrorMessage(failureText(failure), restart, logs);
  if (choice !== undefined) {
    await run(choice === restart ? "nsllm.restartServer" : "nsllm.showServerLogs");
  }
}

async function run(command: string): Promise<void> {
  await vscode.commands.executeCommand(command);
}
