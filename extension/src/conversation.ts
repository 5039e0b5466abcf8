import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import { describe, isCancellation } from "./errors";
import { advance, begin, type Exchange, type ExchangeEvent, isOver } from "./exchange";
import type { Answer, Mode } from "./protocol";
import type { Requests } from "./requests";

export interface AskOptions {
  readonly mode?: Mode;
  readonly model?: string;
  readonly workspace?: string;
}

/** A session of questions that follow one another; one is answered at a time. */
export class Conversation implements vscode.Disposable {
  exchanges: readonly Exchange[] = [];

  readonly #changed = new vscode.EventEmitter<Exchange>();
  readonly onDidChange = this.#changed.event;
  readonly #requests: Requests;
  readonly #onAnswer: (answer: Answer) => void;
  #session = randomUUID();
  #running: vscode.CancellationTokenSource | undefined;

  constructor(requests: Requests, onAnswer: (answer: Answer) => void) {
    this.#requests = requests;
    this.#onAnswer = onAnswer;
  }

  get busy(): boolean {
    return this.#running !== undefined;
  }

  get last(): Exchange | undefined {
    return this.exchanges.at(-1);
  }

  /** Ask, giving up what is still being answered; resolves when the exchange is over. */
  async ask(question: string, options: AskOptions = {}): Promise<Exchange> {
    this.stop();
    const source = new vscode.CancellationTokenSource();
    this.#running = source;
    const { mode = "auto", workspace } = options;
    let exchange = begin(randomUUID(), question, mode, workspace);
    this.exchanges = [...this.exchanges, exchange];
    const apply = (event: ExchangeEvent): void => {
      exchange = this.#replace(advance(exchange, event));
    };
    // Stopping shows at once; the server's own answer to it comes later and changes nothing.
    source.token.onCancellationRequested(() => apply({ kind: "stopped" }));
    this.#changed.fire(exchange);
    try {
      const params = { question, mode, session: this.#session, ...optional(options) };
      const answer = await this.#requests.ask(params, apply, source.token);
      if (!isOver(exchange)) {
        this.#onAnswer(answer);
        apply({ kind: "answered", answer });
      }
    } catch (error) {
      apply(
        isCancellation(error) ? { kind: "stopped" } : { kind: "failed", failure: describe(error) },
      );
    } finally {
      if (this.#running === source) {
        this.#running = undefined;
      }
      source.dispose();
    }
    return exchange;
  }

  stop(): void {
    this.#running?.cancel();
    this.#running = undefined;
  }

  /** Forget the exchanges; the next question starts a session of its own. */
  clear(): void {
    this.stop();
    this.exchanges = [];
    this.#session = randomUUID();
  }

  /** Take over what an earlier window kept, if nothing was asked since. */
  adopt(exchanges: readonly Exchange[]): void {
    if (this.exchanges.length === 0) {
      this.exchanges = exchanges.map((one) => advance(one, { kind: "stopped" }));
    }
  }

  find(id: string): Exchange | undefined {
    return this.exchanges.find((exchange) => exchange.id === id);
  }

  dispose(): void {
    this.stop();
    this.#changed.dispose();
  }

  #replace(next: Exchange): Exchange {
    if (this.exchanges.includes(next)) {
      return next;
    }
    this.exchanges = this.exchanges.map((one) => (one.id === next.id ? next : one));
    this.#changed.fire(next);
    return next;
  }
}

function optional({ model, workspace }: AskOptions): { model?: string; workspace?: string } {
  return {
    ...(model === undefined ? {} : { model }),
    ...(workspace === undefined ? {} : { workspace }),
  };
}
