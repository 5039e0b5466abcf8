import * as vscode from "vscode";
import type { Fix } from "../ui/exchange";
import { errorData } from "../ui/protocol";

/** The error codes of LSP for a request that was given up. */
const CANCELLED = new Set([-32800, -32802]);

/** A failure of this extension's own, told like the server's. */
export class ClientError extends Error {
  readonly data: { readonly code: string; readonly hint: string };

  constructor(message: string, code: string, hint: string) {
    super(message);
    this.data = { code, hint };
  }
}

/** What went wrong with the server, for whoever tells the user. */
export interface ServerFailure {
  readonly kind: "missing" | "crashed" | "unstartable" | "silent";
  /** Where it was looked for, or how it ended. */
  readonly reason: string;
}

/** Say how the server failed, in a sentence that stands by itself. */
export function failureText({ kind, reason }: ServerFailure): string {
  const { t } = vscode.l10n;
  switch (kind) {
    case "missing":
      return t("NS-LLM found no server. Tried {0}", reason.split("\n").join("; "));
    case "crashed":
      return t("The NS-LLM server stopped ({0}).", reason);
    case "unstartable":
      return t("The NS-LLM server did not start ({0}).", reason);
    case "silent":
      return t("The NS-LLM server started but did not answer ({0}).", reason);
  }
}

export interface Failure {
  readonly message: string;
  readonly hint: string;
  readonly code: string;
  readonly fix: Fix;
}

export function isCancellation(error: unknown): boolean {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return (
    error instanceof vscode.CancellationError || (typeof code === "number" && CANCELLED.has(code))
  );
}

/** Say what happened, what to do, and which command does it. */
export function describe(error: unknown): Failure {
  const data = errorData(error);
  const code = data?.code ?? "client";
  const message = error instanceof Error ? error.message : String(error);
  return { message, hint: data?.hint ?? "", code, fix: fixFor(code) };
}

/** Show a failure with its fix; a cancelled request is no failure. */
export async function report(error: unknown, log: vscode.LogOutputChannel): Promise<void> {
  if (isCancellation(error)) {
    return;
  }
  const failure = describe(error);
  log.error(`${failure.code}: ${failure.message} ${failure.hint}`);
  const text = `${failure.message} ${failure.hint}`.trim();
  const logs = vscode.l10n.t("Show Logs");
  const choice = await vscode.window.showErrorMessage(text, ...new Set([failure.fix.title, logs]));
  if (choice !== undefined) {
    await vscode.commands.executeCommand(choice === logs ? "nsllm.showLogs" : failure.fix.command);
  }
}

/** Return the command that mends what a code of the server's errors names. */
export function fixFor(code: string): Fix {
  const { t } = vscode.l10n;
  switch (code) {
    case "settings":
    case "remote":
      return { title: t("Open Settings"), command: "nsllm.openSettings" };
    case "model.missing":
    case "model.corrupt":
    case "model.download":
      return { title: t("Fetch Models"), command: "nsllm.fetchModels" };
    case "model.unknown":
    case "model.unsupported":
    case "memory":
      return { title: t("Switch Model"), command: "nsllm.switchModel" };
    case "index":
      return { title: t("Rebuild Index"), command: "nsllm.rebuildIndex" };
    case "index.busy":
      return { title: t("Show Index Status"), command: "nsllm.showIndexStatus" };
    case "native":
    case "server.missing":
      return { title: t("Open Walkthrough"), command: "nsllm.openWalkthrough" };
    case "workspace":
      return { title: t("Open Folder"), command: "workbench.action.files.openFolder" };
    case "server.stopped":
      return { title: t("Restart Server"), command: "nsllm.restartServer" };
    default:
      return { title: t("Show Logs"), command: "nsllm.showLogs" };
  }
}
