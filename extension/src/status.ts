import * as vscode from "vscode";
import type { Fix } from "../ui/exchange";
import type { ServerStatus } from "../ui/protocol";
import { SCHEMES, type Server } from "./client";
import { failureText, fixFor } from "./errors";
import { serverFixes } from "./guide";
import { type StatusWords, statusView } from "./status-view";

const SELECTOR = SCHEMES.map((scheme) => ({ scheme }));
const SEVERITIES = {
  information: vscode.LanguageStatusSeverity.Information,
  warning: vscode.LanguageStatusSeverity.Warning,
  error: vscode.LanguageStatusSeverity.Error,
} as const;

/** The status bar's item and the language status: health, work in progress, model in use. */
export class Status implements vscode.Disposable {
  told: ServerStatus | undefined;

  readonly #server: Server;
  readonly #bar: vscode.StatusBarItem;
  readonly #language: vscode.LanguageStatusItem;
  readonly #subscriptions: vscode.Disposable[];
  #trust: vscode.LanguageStatusItem | undefined;

  constructor(server: Server) {
    const { t } = vscode.l10n;
    this.#server = server;
    this.#bar = vscode.window.createStatusBarItem(
      "nsllm.status",
      vscode.StatusBarAlignment.Right,
      90,
    );
    this.#bar.name = t("NS-LLM");
    this.#language = vscode.languages.createLanguageStatusItem("nsllm.status", SELECTOR);
    this.#language.name = t("NS-LLM");
    this.#language.command = { title: t("Open Logs"), command: "nsllm.showLogs" };
    this.#subscriptions = [
      this.#bar,
      this.#language,
      server.onDidTellStatus((status) => {
        this.told = status;
        this.#show();
      }),
      server.onDidChangeState((state) => {
        this.told = state === "running" ? this.told : undefined;
        void vscode.commands.executeCommand("setContext", "nsllm.running", state === "running");
        this.#show();
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        this.#showTrust();
        this.#show();
      }),
    ];
    this.#showTrust();
    this.#show();
    this.#bar.show();
  }

  dispose(): void {
    vscode.Disposable.from(...this.#subscriptions).dispose();
    this.#trust?.dispose();
  }

  /** What mends what is wrong, best first; empty while all is well. */
  get fixes(): Fix[] {
    if (this.#server.state !== "running") {
      return serverFixes(this.#server);
    }
    return this.told && this.told.health !== "ok" ? [fixFor(this.told.code ?? "")] : [];
  }

  /** Say what a folder that is not trusted leaves out; trust that is withdrawn reloads the window. */
  #showTrust(): void {
    const { t } = vscode.l10n;
    if (vscode.workspace.isTrusted) {
      this.#trust?.dispose();
      this.#trust = undefined;
      return;
    }
    const item = vscode.languages.createLanguageStatusItem("nsllm.trust", SELECTOR);
    item.name = t("NS-LLM: trust");
    item.text = t("Restricted mode");
    item.detail = t("This folder's own settings for the server and the models are not used");
    item.command = { title: t("Manage Trust"), command: "workbench.trust.manage" };
    this.#trust = item;
  }

  #show(): void {
    const { state, failure } = this.#server;
    const reason = failure && failureText(failure);
    const view = statusView({ state, reason, told: this.told }, words());
    this.#bar.text = `${view.icon} NS-LLM`;
    this.#bar.tooltip = [view.text, view.detail, this.#trust?.detail ?? ""]
      .filter((part) => part !== "")
      .join("\n");
    this.#bar.accessibilityInformation = { label: `NS-LLM: ${view.text}. ${view.detail}` };
    this.#bar.command = this.fixes[0]?.command ?? "nsllm.switchModel";
    this.#bar.backgroundColor =
      view.severity === "information"
        ? undefined
        : new vscode.ThemeColor(`statusBarItem.${view.severity}Background`);
    this.#language.text = view.text;
    this.#language.detail = view.detail;
    this.#language.busy = view.busy;
    this.#language.severity = SEVERITIES[view.severity];
  }
}

function words(): StatusWords {
  const { t } = vscode.l10n;
  return {
    starting: t("Starting…"),
    stopped: t("Stopped"),
    failed: t("Needs attention"),
    noModel: t("No model"),
    documents: (count) => t("{0} documents indexed", count),
    progress: (task, done, total) =>
      total === undefined ? t("{0}: {1}", task, done) : t("{0}: {1} of {2}", task, done, total),
  };
}
