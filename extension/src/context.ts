import type * as vscode from "vscode";
import type { Answers } from "./answers";
import type { AuditLog } from "./audit";
import type { Server } from "./client";
import type { Panel } from "./panel";
import type { Requests } from "./requests";
import type { Status } from "./status";
import type { InlineThreads } from "./thread";

/** All parts of the extension; there is no other state. */
export interface Extension {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly serverLog: vscode.LogOutputChannel;
  readonly server: Server;
  readonly requests: Requests;
  readonly answers: Answers;
  readonly audit: AuditLog;
  readonly panel: Panel;
  readonly threads: InlineThreads;
  readonly status: Status;
}
