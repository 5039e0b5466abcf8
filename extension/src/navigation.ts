import * as vscode from "vscode";
import type { WireRange } from "../ui/protocol";
import { ClientError } from "./errors";

/** A place in a document of a workspace folder; lines count from 1. */
export interface Place {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
}

/** Return the URI of a document that the server names by a path relative to a folder. */
export function documentUri(path: string, workspace: string | undefined): vscode.Uri {
  const folder =
    workspace === undefined
      ? vscode.workspace.workspaceFolders?.[0]?.uri
      : vscode.Uri.parse(workspace);
  if (!folder) {
    throw new ClientError(
      vscode.l10n.t("No folder is open, so {0} cannot be found.", path),
      "workspace",
      vscode.l10n.t("Open the folder that it belongs to."),
    );
  }
  return vscode.Uri.joinPath(folder, path);
}

/** Open a source with its lines selected. */
export function openSource(place: Place, workspace: string | undefined): Promise<void> {
  const range = new vscode.Range(
    Math.max(0, place.start_line - 1),
    0,
    Math.max(0, place.end_line - 1),
    Number.MAX_SAFE_INTEGER,
  );
  return openAt(documentUri(place.path, workspace), range);
}

export async function openAt(uri: vscode.Uri, range: vscode.Range): Promise<void> {
  let document: vscode.TextDocument;
  try {
    document = await vscode.workspace.openTextDocument(uri);
  } catch (error) {
    throw new ClientError(
      vscode.l10n.t("{0} cannot be opened: {1}", uri.fsPath, (error as Error).message),
      "workspace",
      vscode.l10n.t("It may have been moved; ask again to search what is there now."),
    );
  }
  const selection = document.validateRange(range);
  const editor = await vscode.window.showTextDocument(document, { selection });
  editor.revealRange(selection, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

export function fromWire({ start, end }: WireRange): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

export function toWire({ start, end }: vscode.Range): WireRange {
  return {
    start: { line: start.line, character: start.character },
    end: { line: end.line, character: end.character },
  };
}
