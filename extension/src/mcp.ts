import { delimiter } from "node:path";
import * as vscode from "vscode";
import type { Extension } from "./context";
import { environmentOf } from "./mcp-environment";
import { explicitSettings, SECTION } from "./settings";

const PROVIDER = "nsllm.mcp";

/** Offer `nsllm mcp` to the editor's language models, where this editor has MCP. */
export function registerMcp({ context, server }: Extension): void {
  if (typeof vscode.lm?.registerMcpServerDefinitionProvider !== "function") {
    return;
  }
  const changed = new vscode.EventEmitter<void>();
  let launched = server.found;
  context.subscriptions.push(
    changed,
    server.onDidChangeState(() => {
      if (server.found !== launched) {
        launched = server.found;
        changed.fire();
      }
    }),
    vscode.workspace.onDidChangeWorkspaceFolders(() => changed.fire()),
    vscode.workspace.onDidGrantWorkspaceTrust(() => changed.fire()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(SECTION)) {
        changed.fire();
      }
    }),
    vscode.lm.registerMcpServerDefinitionProvider(PROVIDER, {
      onDidChangeMcpServerDefinitions: changed.event,
      provideMcpServerDefinitions: () => definitions(context, server.found),
    }),
  );
}

function definitions(
  context: vscode.ExtensionContext,
  found: Extension["server"]["found"],
): vscode.McpStdioServerDefinition[] {
  const folders = (vscode.workspace.workspaceFolders ?? [])
    .filter(({ uri }) => uri.scheme === "file")
    .map(({ uri }) => uri.fsPath);
  if (!found || folders.length === 0) {
    return [];
  }
  const { program, arguments: before } = found.launch;
  const trust = vscode.workspace.isTrusted ? [] : ["--untrusted"];
  const definition = new vscode.McpStdioServerDefinition(
    "NS-LLM",
    program,
    [...before, "mcp", ...trust, "--", ...folders],
    environmentOf(explicitSettings(vscode.workspace.workspaceFolders?.[0]?.uri), delimiter),
    found.version,
  );
  // Not in the opened folder: `python -m` would import what lies there.
  definition.cwd = context.extensionUri;
  return [definition];
}
