import * as vscode from "vscode";
import type { Extension } from "../context";
import { ClientError } from "../errors";

/** Ask in the panel; without a question its input gets the focus. */
export async function askQuestion({ panel }: Extension, question?: unknown): Promise<void> {
  if (typeof question === "string" && question.trim() !== "") {
    await panel.ask(question.trim());
  } else {
    await panel.focus();
  }
}

/** Ask in a thread at the cursor. */
export async function askHere({ threads, answers }: Extension): Promise<void> {
  const editor = answers.editor ?? needEditor();
  await threads.open(editor);
}

/** Put the selected text into the panel's input, quoted, for a question about it. */
export async function askAboutSelection({ panel, answers }: Extension): Promise<void> {
  const { document, selection } = answers.editor ?? needEditor();
  const text = document.getText(selection).trim();
  await panel.focus(text === "" ? undefined : `\n\n“${text}”`);
}

/** Ask a question again, for a finding's code action. */
export async function askAgain(
  { panel, answers }: Extension,
  given?: { question?: string; workspace?: string },
): Promise<void> {
  const question = given?.question ?? panel.lastQuestion;
  if (question === undefined) {
    await panel.focus();
    return;
  }
  await panel.ask(question, given?.workspace ?? answers.folderOf());
}

export async function insertLastAnswer({ answers }: Extension): Promise<void> {
  if (!answers.last) {
    throw new ClientError(
      vscode.l10n.t("There is no answer to insert yet."),
      "editor",
      vscode.l10n.t("Ask a question first."),
    );
  }
  await answers.insertAtCursor(answers.last);
}

export function needEditor(): never {
  throw new ClientError(
    vscode.l10n.t("No editor is open."),
    "editor",
    vscode.l10n.t("Open a file first."),
  );
}
