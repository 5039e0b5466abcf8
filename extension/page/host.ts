import { Conversation } from "../ui/conversation";
import type { Exchange, Fix } from "../ui/exchange";
import type { Kept } from "../ui/kept";
import {
  type Act,
  choiceOf,
  type PanelState,
  type ToHost,
  type ToPanel,
  type Transport,
} from "../ui/messages";
import type { Model } from "../ui/protocol";
import { fill, type Strings } from "../ui/strings";
import { type Client, type Folder, Problem, retried } from "./client";
import { passageAt, showPassage } from "./passage";
import { PAGE } from "./words";

const KEPT = "nsllm.kept";
const POLL_MS = 3_000;

export interface HostOptions {
  readonly client: Client;
  readonly strings: Strings;
  /** The name of the workspace to ask, or undefined for the server's first. */
  readonly workspace: () => string | undefined;
  readonly onFolders: (folders: readonly Folder[]) => void;
  /** Tell the user that something was done. */
  readonly say: (text: string) => void;
  /** The server refuses the token. */
  readonly onRefused: () => void;
}

/** What VS Code is to the panel there: it holds the session, asks the server, and opens sources. */
export class PageHost implements Transport {
  readonly acts: readonly Act[] = isSecureContext ? ["copy", "retry"] : ["retry"];
  readonly #options: HostOptions;
  readonly #conversation: Conversation;
  #listener: (message: ToPanel) => void = () => undefined;
  #models: readonly Model[] = [];
  #problem = "";
  #server: PanelState["server"] = "running";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isSwitching = false;
  #isClosed = false;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#conversation = new Conversation(
      {
        ask: (asked, onPartial, signal) => options.client.ask(asked, onPartial, signal),
        describe: (error) => this.#describe(error),
      },
      { changed: (exchange) => this.#listener({ type: "exchange", exchange }) },
    );
  }

  listen(listener: (message: ToPanel) => void): void {
    this.#listener = listener;
  }

  load(): unknown {
    try {
      return JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    } catch {
      // Nothing of the page's own is there: it begins as it does in a new tab.
      return undefined;
    }
  }

  save(kept: Kept): void {
    if (!this.#isClosed) {
      sessionStorage.setItem(KEPT, JSON.stringify(kept));
    }
  }

  send(message: ToHost): void {
    switch (message.type) {
      case "ready":
        this.#conversation.adopt(message);
        this.#showAll();
        void this.#watch();
        break;
      case "ask":
        this.#ask(message.question, message.mode, this.#options.workspace());
        break;
      case "stop":
        this.#conversation.stop();
        break;
      case "clear":
        this.#conversation.clear();
        this.#showAll();
        break;
      case "useModel":
        void this.#switch(message.model);
        break;
      case "run":
        // The page's failures come without a button.
        break;
      default:
        this.#act(message);
    }
  }

  /** Stop what runs; nothing is shown or kept from now on. */
  close(): void {
    this.#isClosed = true;
    this.#listener = () => undefined;
    clearTimeout(this.#timer);
    this.#conversation.stop();
  }

  #showAll(): void {
    const { exchanges, session } = this.#conversation;
    this.#listener({ type: "exchanges", exchanges, session });
  }

  #ask(question: string, mode: Exchange["mode"], workspace: string | undefined): void {
    // It never fails: what goes wrong is in the exchange.
    void this.#conversation.ask(question, {
      mode,
      ...(workspace === undefined ? {} : { workspace }),
    });
  }

  #act(message: Extract<ToHost, { id: string }>): void {
    const exchange = this.#conversation.find(message.id);
    if (!exchange) {
      return;
    }
    if (message.type === "open") {
      const { sources, answer } = exchange;
      const passage = passageAt(message.place, { sources, findings: answer?.findings ?? [] });
      if (passage) {
        showPassage(passage, this.#options.strings);
      }
    } else if (message.type === "retry") {
      this.#ask(exchange.question, exchange.mode, exchange.workspace);
    } else if (message.type === "copy") {
      void navigator.clipboard.writeText(exchange.answer?.text ?? exchange.text).then(
        () => this.#options.say(PAGE.copied),
        (error: unknown) => this.#tell(String(error)),
      );
    }
  }

  /** Switch to another model, unless a switch runs already. */
  async #switch(model: string): Promise<void> {
    if (this.#isSwitching) {
      // The list must show what is still in use.
      this.#tell(this.#problem);
      return;
    }
    this.#isSwitching = true;
    this.#tell(fill(PAGE.switching, model));
    try {
      this.#models = await this.#options.client.useModel(model);
      this.#tell("");
      this.#options.say(fill(PAGE.switched, model));
    } catch (error) {
      this.#tell(this.#sayable(error));
    } finally {
      this.#isSwitching = false;
    }
    void this.#watch({ keepProblem: this.#problem !== "" });
  }

  /** Follow the server's state, until all is well. */
  async #watch({ keepProblem = false } = {}): Promise<void> {
    clearTimeout(this.#timer);
    let isWell = false;
    try {
      const { client, onFolders } = this.#options;
      const [folders, models] = await Promise.all([client.folders(), client.models()]);
      if (this.#isClosed) {
        return;
      }
      onFolders(folders);
      this.#models = models;
      this.#server = "running";
      const problem = problemOf(folders);
      isWell = problem === "";
      this.#tell(keepProblem && isWell ? this.#problem : problem);
    } catch (error) {
      this.#server = error instanceof Problem && error.status === 0 ? "stopped" : "running";
      // What this token may not do will not change by asking again.
      isWell = error instanceof Problem && error.status === 403;
      this.#tell(this.#sayable(retried(error)));
    }
    if (!isWell && !this.#isClosed) {
      this.#timer = setTimeout(() => void this.#watch(), POLL_MS);
    }
  }

  #tell(problem: string): void {
    this.#problem = problem;
    const fixes: readonly Fix[] = [];
    // Only what is on the server can be chosen: the page downloads nothing.
    const models = this.#models
      .filter(({ task, installed }) => task === "generation" && installed)
      .map(choiceOf);
    this.#listener({ type: "state", state: { models, server: this.#server, problem, fixes } });
  }

  #sayable(error: unknown): string {
    const told = this.#describe(error);
    return told ? `${told.message} ${told.hint}`.trim() : "";
  }

  #describe(error: unknown): Exchange["failure"] {
    if (error instanceof DOMException && error.name === "AbortError") {
      return undefined;
    }
    if (error instanceof Problem) {
      if (error.status === 401) {
        this.#options.onRefused();
      }
      return { message: error.message, hint: error.hint };
    }
    return { message: String(error), hint: "" };
  }
}

function problemOf(folders: readonly Folder[]): string {
  const failed = folders.find(({ problem }) => problem !== null);
  const reading = folders.filter(({ state, chunks }) => state === "indexing" && chunks === 0);
  if (failed?.problem) {
    return `${failed.workspace}: ${failed.problem}`;
  }
  const names = reading.map(({ workspace }) => workspace).join(", ");
  return names === "" ? "" : fill(PAGE.indexing, names);
}
