import * as vscode from "vscode";
import { Conversation } from "../ui/conversation";
import type { Exchange } from "../ui/exchange";
import type { Kept } from "../ui/kept";
import { choiceOf, type ToHost, type ToPanel } from "../ui/messages";
import type { Mode, Model } from "../ui/protocol";
import { answererOf } from "./answerer";
import { generators } from "./commands/models";
import type { Extension } from "./context";
import { failureText, report } from "./errors";
import { openSource } from "./navigation";
import { panelPage } from "./panel-page";

const VIEW = "nsllm.ask";

/** The commands that a panel's button may run. */
const RUNNABLE = /^(nsllm\.\w+|workbench\.action\.files\.openFolder)$/;

/** The view in which questions are asked; it owns the session, the page only shows it. */
export class Panel implements vscode.WebviewViewProvider, vscode.Disposable {
  readonly #parts: Omit<Extension, "panel" | "threads">;
  readonly #conversation: Conversation;
  readonly #subscriptions: vscode.Disposable[];
  #view: vscode.WebviewView | undefined;
  #ready = false;
  #models: readonly Model[] = [];
  #generator: string | null | undefined;
  #mode: Mode = "auto";
  #isSwitching = false;
  /** A focus that was asked for before the page was there to take it. */
  #wanted: ToPanel | undefined;

  constructor(parts: Omit<Extension, "panel" | "threads">) {
    const { requests, answers, server } = parts;
    this.#parts = parts;
    this.#conversation = new Conversation(answererOf(requests), {
      changed: (exchange) => this.#post({ type: "exchange", exchange }),
      answered: (answer) => {
        answers.last = answer;
      },
    });
    this.#subscriptions = [
      new vscode.Disposable(() => this.#conversation.stop()),
      vscode.window.registerWebviewViewProvider(VIEW, this),
      vscode.window.onDidChangeActiveTextEditor(() => this.#postState()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.#postState()),
      server.onDidTellStatus(({ models }) => {
        this.#postState();
        // Chosen elsewhere, as in the settings or in a file: the list shows what was in use.
        if (this.#generator !== undefined && this.#generator !== models.generator) {
          this.#refresh();
        }
        this.#generator = models.generator;
      }),
      server.onDidChangeState((state) => {
        this.#postState();
        if (state === "running") {
          this.#refresh();
        }
      }),
    ];
  }

  get lastQuestion(): string | undefined {
    return this.#conversation.last?.question;
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    const dist = vscode.Uri.joinPath(this.#parts.context.extensionUri, "extension", "dist");
    this.#view = view;
    this.#ready = false;
    view.webview.options = { enableScripts: true, localResourceRoots: [dist] };
    view.webview.onDidReceiveMessage((message: ToHost) => {
      this.#receive(message).catch((error: unknown) => report(error, this.#parts.log));
    });
    view.onDidDispose(() => {
      this.#view = undefined;
      this.#ready = false;
    });
    view.webview.html = panelPage(view.webview, dist);
  }

  /** Show the panel with the cursor in its input. */
  async focus(draft?: string): Promise<void> {
    this.#wanted = { type: "focus", ...(draft === undefined ? {} : { draft }) };
    await vscode.commands.executeCommand(`${VIEW}.focus`);
    this.#postWanted();
  }

  /** Show the panel and ask there. */
  async ask(question: string, workspace?: string): Promise<Exchange> {
    await this.focus();
    return this.#ask(question, workspace);
  }

  #ask(question: string, workspace?: string): Promise<Exchange> {
    const folder = workspace ?? this.#parts.answers.folderOf();
    return this.#conversation.ask(question, {
      mode: this.#mode,
      ...(folder === undefined ? {} : { workspace: folder }),
    });
  }

  stop(): void {
    this.#conversation.stop();
  }

  clear(): void {
    this.#conversation.clear();
    this.#postExchanges();
  }

  /** Read again which models there are. */
  async refreshModels(): Promise<void> {
    this.#models = await generators(this.#parts);
    this.#postState();
  }

  #refresh(): void {
    this.refreshModels().catch((error: unknown) => this.#parts.log.warn(String(error)));
  }

  dispose(): void {
    vscode.Disposable.from(...this.#subscriptions).dispose();
  }

  async #receive(message: ToHost): Promise<void> {
    switch (message.type) {
      case "ready":
        this.#begin(message);
        break;
      case "ask":
        this.#mode = message.mode;
        await this.#ask(message.question);
        break;
      case "stop":
        this.stop();
        break;
      case "clear":
        this.clear();
        break;
      case "useModel":
        await this.#switch(message.model);
        break;
      case "run":
        if (RUNNABLE.test(message.command)) {
          await vscode.commands.executeCommand(message.command);
        }
        break;
      default:
        await this.#act(message);
    }
  }

  /** Switch to another model, unless a switch runs already. */
  async #switch(model: string): Promise<void> {
    if (!this.#isSwitching) {
      this.#isSwitching = true;
      try {
        await vscode.commands.executeCommand("nsllm.switchModel", model);
      } finally {
        this.#isSwitching = false;
      }
    }
    // Where the user declined, the page must show what is still in use.
    this.#postState();
  }

  /** Do what a button of one exchange says. */
  async #act(message: Extract<ToHost, { id: string }>): Promise<void> {
    const exchange = this.#conversation.find(message.id);
    const answer = exchange?.answer;
    const { answers } = this.#parts;
    if (!exchange) {
      return;
    }
    if (message.type === "open") {
      await openSource(message.place, answer?.workspace ?? exchange.workspace);
    } else if (message.type === "retry") {
      this.#mode = exchange.mode;
      await this.#ask(exchange.question, exchange.workspace);
    } else if (answer && message.type === "insert") {
      await answers.insertAtCursor(answer);
    } else if (answer && message.type === "copy") {
      await vscode.env.clipboard.writeText(answer.text);
      vscode.window.setStatusBarMessage(vscode.l10n.t("The answer was copied."), 3_000);
    } else if (answer && message.type === "openDocument") {
      await answers.openDocument(answer);
    }
  }

  #begin(kept: Pick<Kept, "exchanges" | "session">): void {
    this.#ready = true;
    this.#conversation.adopt(kept);
    this.#postExchanges();
    this.#postState();
    this.#postWanted();
  }

  #postExchanges(): void {
    const { exchanges, session } = this.#conversation;
    this.#post({ type: "exchanges", exchanges, session });
  }

  #postWanted(): void {
    if (this.#wanted && this.#ready) {
      this.#post(this.#wanted);
      this.#wanted = undefined;
    }
  }

  #postState(): void {
    const { server, status } = this.#parts;
    const running = server.state === "running";
    const told = status.told?.health === "ok" ? undefined : status.told;
    const unwell = told ? `${told.message} ${told.hint ?? ""}`.trim() : "";
    const failed = server.failure ? failureText(server.failure) : "";
    const problem = running ? unwell : failed;
    const models = this.#models.map(choiceOf);
    const folder = this.#folderName();
    const state = { models, server: server.state, problem, fixes: status.fixes };
    this.#post({ type: "state", state: folder === undefined ? state : { ...state, folder } });
  }

  /** Return the name of the folder that would be asked, where it may be another one. */
  #folderName(): string | undefined {
    const folders = vscode.workspace.workspaceFolders ?? [];
    const asked = this.#parts.answers.folderOf();
    return folders.length > 1
      ? folders.find(({ uri }) => uri.toString() === asked)?.name
      : undefined;
  }

  #post(message: ToPanel): void {
    if (this.#ready) {
      void this.#view?.webview.postMessage(message);
    }
  }
}
