import * as vscode from "vscode";
import { auditDocument } from "./audit-document";
import type { Requests } from "./requests";

export const AUDIT_SCHEME = "nsllm-audit";
const SHOWN_RECORDS = 100;

/** The audit log as a document to read. */
export class AuditLog implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #requests: Requests;
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #registration: vscode.Disposable;

  constructor(requests: Requests) {
    this.#requests = requests;
    this.#registration = vscode.workspace.registerTextDocumentContentProvider(AUDIT_SCHEME, this);
  }

  async provideTextDocumentContent(): Promise<string> {
    const { t } = vscode.l10n;
    const [records, chain] = await Promise.all([
      this.#requests.auditRecords(SHOWN_RECORDS),
      this.#requests.auditVerification(),
    ]);
    return auditDocument(records, chain, {
      title: t("NS-LLM audit log"),
      empty: t("No answer has been recorded yet."),
      question: t("Question"),
      verdict: t("Verdict"),
      mode: t("Written by"),
      findings: t("Findings"),
      accepted: t("Accepted finding"),
      details: t("Made under"),
      intact: t("The log is whole: {0} entries, each as it was written."),
      broken: t("The log is not as it was written ({0} entries)."),
      intactOne: t("The log is whole: one entry, as it was written."),
      brokenOne: t("The log is not as it was written (one entry)."),
      older: t("Older records are listed in a terminal: {0}"),
      entry: t("entry {0}"),
      entries: t("entries {0} to {1}"),
      head: t("Head, to note elsewhere"),
      file: t("File"),
      seal: t("Key and seal"),
      decidedBy: t("Decided by"),
      askedBy: t("Asked through"),
      tokens: t("Generated tokens"),
      time: t("Time"),
      workspace: t("Workspace"),
      sources: t("Sources"),
      rejected: t("Rejected before"),
      models: t("Models"),
      settings: t("Settings"),
      rules: t("Rules in force"),
      redacted: t("Replaced secrets"),
      version: t("NS-LLM version"),
    });
  }

  async show(): Promise<void> {
    const uri = vscode.Uri.from({
      scheme: AUDIT_SCHEME,
      path: `/${vscode.l10n.t("Audit log")}.md`,
    });
    this.#changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { preview: true });
  }

  dispose(): void {
    this.#registration.dispose();
    this.#changed.dispose();
  }
}
