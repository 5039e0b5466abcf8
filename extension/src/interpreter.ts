import * as vscode from "vscode";
import type { Extension } from "./context";
import { ClientError } from "./errors";
import { firstOnPath } from "./runtime";
import { clearSetting, setInForce, trustedSetting } from "./settings";

/** Ask for the interpreter that has the server, remember it, and start the server with it. */
export async function chooseInterpreter({ server }: Pick<Extension, "server">): Promise<void> {
  const { t } = vscode.l10n;
  const found = await Promise.all(["python3", "python"].map(firstOnPath));
  const browse = t("Browse…");
  const items = [...new Set(found.filter((file) => file !== undefined)), browse];
  const choice = await vscode.window.showQuickPick(items, {
    title: t("Choose the Python interpreter that has NS-LLM"),
  });
  const file = choice === browse ? await browseFile() : choice;
  if (file === undefined) {
    return;
  }
  await letInterpreterDecide();
  await setInForce("server.interpreter", file);
  // The same one may be chosen again once the package is installed there: nothing has changed then.
  await server.restart();
}

/** Clear the setting that comes before the interpreter, and say so. */
async function letInterpreterDecide(): Promise<void> {
  const { t } = vscode.l10n;
  const program = trustedSetting<string>("server.path");
  if (!program) {
    return;
  }
  await clearSetting("server.path");
  const left = trustedSetting<string>("server.path");
  if (left) {
    throw new ClientError(
      t("The setting {0} comes before the interpreter: it is {1}.", "nsllm.server.path", left),
      "settings",
      t("Clear it, and choose the interpreter again."),
    );
  }
  void vscode.window.showInformationMessage(
    t("The setting {0} was cleared, since it comes first: {1}", "nsllm.server.path", program),
  );
}

async function browseFile(): Promise<string | undefined> {
  const files = await vscode.window.showOpenDialog({
    title: vscode.l10n.t("Choose the Python interpreter that has NS-LLM"),
    canSelectMany: false,
  });
  return files?.[0]?.fsPath;
}
