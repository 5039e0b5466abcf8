import * as vscode from "vscode";
import { auditDocument } from "./audit-document";
import type { Requests } from "./requests";

const SCHEME = "nsllm-audit";
const SHOWN_RECORDS = 100;

/** The audit log as a document to read. */
export class AuditLog implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #requests: Requests;
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #registration: vscode.Disposable;

  constructor(requests: Requests) {
    this.#requests = requests;
    this.#registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  }

  async provideTextDocumentContent(): Promise<string> {
    const { t } = vscode.l10n;
    const records = await this.#requests.auditRecords(SHOWN_RECORDS);
    return auditDocument(records, {
      title: t("NS-LLM audit log"),
      empty: t("No answer has been recorded yet."),
      question: t("Question"),
      verdict: t("Verdict"),
      mode: t("Written by"),
      findings: t("Findings"),
      accepted: t("Accepted finding"),
    });
  }

  async show(): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${vscode.l10n.t("Audit log")}.md` });
    this.#changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { preview: true });
  }

  dispose(): void {
    this.#registration.dispose();
    this.#changed.dispose();
  }
}
