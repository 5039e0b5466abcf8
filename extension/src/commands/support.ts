import * as vscode from "vscode";
import type { Extension } from "../context";
import { explicitSettings } from "../settings";

/** Put what a bug report needs on the clipboard: versions, places, settings; no document's text. */
export async function copyDebugInformation(extension: Extension): Promise<void> {
  const { context, server, status } = extension;
  const launch = server.found?.launch;
  const information = {
    extension: (context.extension.packageJSON as { version: string }).version,
    vscode: vscode.version,
    platform: `${process.platform} ${process.arch}`,
    remote: vscode.env.remoteName ?? null,
    trusted: vscode.workspace.isTrusted,
    folders: vscode.workspace.workspaceFolders?.length ?? 0,
    server: {
      state: server.state,
      version: server.found?.version ?? null,
      place: server.found?.place ?? null,
      command: launch ? [launch.program, ...launch.arguments] : null,
      failure: server.failure ?? null,
    },
    status: status.told ?? null,
    settings: explicitSettings(),
  };
  const text = `\`\`\`json\n${JSON.stringify(information, null, 2)}\n\`\`\`\n`;
  await vscode.env.clipboard.writeText(text);
  void vscode.window.showInformationMessage(
    vscode.l10n.t("Debug information was copied to the clipboard."),
  );
}

export async function openSettings(): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openSettings", "@ext:nsllm.nsllm");
}

export async function openWalkthrough(): Promise<void> {
  await vscode.commands.executeCommand(
    "workbench.action.openWalkthrough",
    "nsllm.nsllm#nsllm.start",
    false,
  );
}
