import * as vscode from "vscode";
import type { IndexFolder } from "../../ui/protocol";
import type { Extension } from "../context";

export async function rebuildIndex({ requests }: Extension): Promise<void> {
  const folders = await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t("Rebuilding the index"),
      cancellable: true,
    },
    (progress, token) => requests.index("rebuild", progress, token),
  );
  void vscode.window.showInformationMessage(folders.map(summary).join("; "));
}

/** List the folders' figures and what was left out, with the reason; a file opens. */
export async function showIndexStatus({ requests }: Extension): Promise<void> {
  const { t } = vscode.l10n;
  const folders = await requests.index("status");
  const items = folders.flatMap((folder) => [
    { label: `$(database) ${summary(folder)}`, detail: folder.rebuilt_because ?? "" },
    ...folder.skipped.map(({ path, reason }) => ({
      label: `$(circle-slash) ${path}`,
      description: reason,
      uri: vscode.Uri.joinPath(vscode.Uri.parse(folder.workspace), path),
    })),
  ]);
  const choice = await vscode.window.showQuickPick<vscode.QuickPickItem & { uri?: vscode.Uri }>(
    items.length > 0 ? items : [{ label: t("No folder is open, so nothing is indexed.") }],
    { title: t("Index"), matchOnDescription: true },
  );
  if (choice?.uri) {
    await vscode.commands.executeCommand("vscode.open", choice.uri);
  }
}

function summary({ workspace, documents, chunks, busy }: IndexFolder): string {
  const { t } = vscode.l10n;
  const folder = vscode.workspace.asRelativePath(vscode.Uri.parse(workspace), true);
  const figures = t("{0}: {1} documents, {2} chunks", folder, documents, chunks);
  return busy ? `${figures} (${t("being indexed")})` : figures;
}
