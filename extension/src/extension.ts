import * as vscode from "vscode";
import { Answers } from "./answers";
import { AuditLog } from "./audit";
import { registerChat } from "./chat";
import { Server } from "./client";
import { registerCommands } from "./commands";
import type { Extension } from "./context";
import { explainFailures } from "./guide";
import { registerMcp } from "./mcp";
import { Panel } from "./panel";
import { Requests } from "./requests";
import { Status } from "./status";
import { InlineThreads } from "./thread";

/** Put the parts together; the server starts on its own time. */
export function activate(context: vscode.ExtensionContext): void {
  const started = performance.now();
  const extension = compose(context);
  const { log, server } = extension;
  registerCommands(extension);
  registerChat(extension);
  registerMcp(extension);
  context.subscriptions.push(explainFailures(server, log));
  server.restart().catch((error: unknown) => log.error(String(error)));
  log.info(`activated in ${Math.round(performance.now() - started)} ms`);
}

function compose(context: vscode.ExtensionContext): Extension {
  const log = vscode.window.createOutputChannel("NS-LLM", { log: true });
  const serverLog = vscode.window.createOutputChannel("NS-LLM Server", { log: true });
  const server = new Server(context, log, serverLog);
  const requests = new Requests(server);
  const answers = new Answers(requests, log);
  const audit = new AuditLog(requests);
  const status = new Status(server);
  const parts = { context, log, serverLog, server, requests, answers, audit, status };
  const panel = new Panel(parts);
  const threads = new InlineThreads(requests, answers, log);
  // VS Code disposes in this order: what writes to the logs first, the logs last.
  context.subscriptions.push(panel, threads, status, audit, answers, server, serverLog, log);
  return { ...parts, panel, threads };
}
