import { advance, begin, type Exchange, type ExchangeEvent, isOver } from "./exchange";
import type { Kept } from "./kept";
import type { Answer, Mode, PartialAnswer } from "./protocol";

export interface AskOptions {
  readonly mode?: Mode;
  readonly model?: string;
  readonly workspace?: string;
}

/** Without a mode, the server's setting `generation.mode` decides. */
export interface Asked extends AskOptions {
  readonly question: string;
  readonly session: string;
}

/** Whoever answers: a language server, or a server over HTTP. */
export interface Answerer {
  /** Ask; what is written meanwhile goes to `onPartial`. */
  ask(
    asked: Asked,
    onPartial: (partial: PartialAnswer) => void,
    signal: AbortSignal,
  ): Promise<Answer>;
  /** Say what went wrong, or nothing where a question was given up. */
  describe(error: unknown): Exchange["failure"];
}

export interface ConversationListener {
  changed(exchange: Exchange): void;
  answered?(answer: Answer): void;
}

/** A session of questions that follow one another; one is answered at a time. */
export class Conversation {
  exchanges: readonly Exchange[] = [];

  readonly #answerer: Answerer;
  readonly #listener: ConversationListener;
  #session = randomId();
  /** Until something was taken over, asked or cleared. */
  #isNew = true;
  #running: AbortController | undefined;

  constructor(answerer: Answerer, listener: ConversationListener) {
    this.#answerer = answerer;
    this.#listener = listener;
  }

  /** The id under which the server knows what was asked before. */
  get session(): string {
    return this.#session;
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
    this.#isNew = false;
    const running = new AbortController();
    this.#running = running;
    const { mode = "auto", ...others } = options;
    const { workspace } = others;
    let exchange = begin(randomId(), question, mode, workspace);
    this.exchanges = [...this.exchanges, exchange];
    const apply = (event: ExchangeEvent): void => {
      exchange = this.#replace(advance(exchange, event));
    };
    // Stopping shows at once; the server's own answer to it comes later and changes nothing.
    running.signal.addEventListener("abort", () => apply({ kind: "stopped" }));
    this.#listener.changed(exchange);
    try {
      const chosen = mode === "auto" ? {} : { mode };
      const asked = { ...others, ...chosen, question, session: this.#session };
      const answer = await this.#answerer.ask(asked, apply, running.signal);
      if (!isOver(exchange)) {
        this.#listener.answered?.(answer);
        apply({ kind: "answered", answer });
      }
    } catch (error) {
      const failure = this.#answerer.describe(error);
      apply(failure ? { kind: "failed", failure } : { kind: "stopped" });
    } finally {
      if (this.#running === running) {
        this.#running = undefined;
      }
    }
    return exchange;
  }

  stop(): void {
    const running = this.#running;
    this.#running = undefined;
    running?.abort();
  }

  /** Forget the exchanges; the next question starts a session of its own. */
  clear(): void {
    this.stop();
    this.exchanges = [];
    this.#session = randomId();
    this.#isNew = false;
  }

  /** Take over what an earlier window kept: only once, and nothing after a question or a clear. */
  adopt({ exchanges, session }: Pick<Kept, "exchanges" | "session">): void {
    if (this.#isNew) {
      this.#isNew = false;
      this.exchanges = exchanges.map((one) => advance(one, { kind: "stopped" }));
      this.#session = session ?? this.#session;
    }
  }

  find(id: string): Exchange | undefined {
    return this.exchanges.find((exchange) => exchange.id === id);
  }

  #replace(next: Exchange): Exchange {
    if (this.exchanges.includes(next)) {
      return next;
    }
    this.exchanges = this.exchanges.map((one) => (one.id === next.id ? next : one));
    this.#listener.changed(next);
    return next;
  }
}

/** Not `randomUUID`: browsers have that on secure pages only. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
