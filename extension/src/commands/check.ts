import * as vscode from "vscode";
import type { CheckParams, Judgement, Verdict } from "../../ui/protocol";
import type { Extension } from "../context";
import { ClientError } from "../errors";
import { toWire } from "../navigation";
import { needEditor } from "./ask";

export async function checkDocument(extension: Extension): Promise<void> {
  const { document } = extension.answers.editor ?? needEditor();
  await check(extension, { uri: document.uri.toString() });
}

export async function checkSelection(extension: Extension): Promise<void> {
  const { document, selection } = extension.answers.editor ?? needEditor();
  if (selection.isEmpty) {
    throw new ClientError(
      vscode.l10n.t("Nothing is selected."),
      "editor",
      vscode.l10n.t("Select the text to check."),
    );
  }
  await check(extension, { uri: document.uri.toString(), range: toWire(selection) });
}

/** Open the clipboard's text as a document and check it there, where its findings show. */
export async function checkClipboard(extension: Extension): Promise<void> {
  const content = await vscode.env.clipboard.readText();
  if (content.trim() === "") {
    throw new ClientError(
      vscode.l10n.t("The clipboard holds no text."),
      "editor",
      vscode.l10n.t("Copy the text to check."),
    );
  }
  const document = await vscode.workspace.openTextDocument({ content, language: "markdown" });
  await vscode.window.showTextDocument(document);
  await check(extension, { uri: document.uri.toString() });
}

async function check({ requests }: Extension, params: CheckParams): Promise<void> {
  const judgement = await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t("Checking against the workspace"),
      cancellable: true,
    },
    (progress, token) => requests.check(params, progress, token),
  );
  void showJudgement(judgement);
}

async function showJudgement({ verdict, findings }: Judgement): Promise<void> {
  const { t } = vscode.l10n;
  const problems = t("Show Problems");
  const text =
    findings.length === 1
      ? t("{0}: 1 finding.", verdictName(verdict))
      : t("{0}: {1} findings.", verdictName(verdict), findings.length);
  const choice =
    verdict === "pass"
      ? await vscode.window.showInformationMessage(text)
      : await vscode.window.showWarningMessage(text, problems);
  if (choice === problems) {
    await vscode.commands.executeCommand("workbench.actions.view.problems");
  }
}

export function verdictName(verdict: Verdict): string {
  const { t } = vscode.l10n;
  const names: Record<Verdict, string> = {
    pass: t("Passed"),
    warn: t("Passed with warnings"),
    reject: t("Rejected"),
  };
  return names[verdict];
}
