import { Composer } from "./composer";
import { button, element } from "./dom";
import { type Exchange, isOver } from "./exchange";
import { exchangeView } from "./exchange-view";
import { readKept } from "./kept";
import type { PanelState, ToHost, ToPanel, Transport } from "./messages";
import { fill, type Strings } from "./strings";

const KEPT_EXCHANGES = 20;

/** The whole panel. It shows what its host says, and tells its host what the user does. */
export class App {
  readonly #transport: Transport;
  readonly #strings: Strings;
  readonly #composer: Composer;
  readonly #log: HTMLElement;
  readonly #banner: HTMLElement;
  readonly #announcer: HTMLElement;
  readonly #clear: HTMLButtonElement;
  readonly #send = (message: ToHost): void => this.#transport.send(message);
  #exchanges: readonly Exchange[] = [];
  #session: string | undefined;
  /** Whether the model in use is on this machine; unknown until the host tells. */
  #isLocal = false;

  constructor(root: HTMLElement, transport: Transport, strings: Strings) {
    this.#transport = transport;
    this.#strings = strings;
    this.#log = element("main", { "aria-label": strings.history });
    this.#banner = element("div", { class: "banner", role: "status" });
    this.#announcer = element("div", { class: "hidden", "aria-live": "polite", role: "status" });
    this.#clear = button(strings.newSession, () => this.#send({ type: "clear" }), {
      class: "link new-session",
    });
    this.#composer = new Composer(strings, {
      ask: (question, mode) => this.#send({ type: "ask", question, mode }),
      stop: () => this.#send({ type: "stop" }),
      useModel: (model) => this.#send({ type: "useModel", model }),
      changed: () => this.#save(),
    });
    root.classList.add("panel");
    root.replaceChildren(
      this.#clear,
      this.#log,
      this.#banner,
      this.#composer.root,
      this.#announcer,
    );
    const { draft, mode, ...kept } = readKept(transport.load());
    this.#session = kept.session;
    this.#composer.restore(draft, mode);
    this.#show([]);
    transport.listen((message) => this.#receive(message));
    this.#send({ type: "ready", ...kept });
  }

  #receive(message: ToPanel): void {
    switch (message.type) {
      case "exchanges":
        this.#session = message.session;
        this.#show(message.exchanges);
        break;
      case "exchange":
        this.#update(message.exchange);
        break;
      case "state":
        this.#showState(message.state);
        break;
      case "focus":
        this.#composer.focus(message.draft);
        break;
    }
  }

  #show(exchanges: readonly Exchange[]): void {
    this.#exchanges = exchanges;
    this.#log.replaceChildren(
      ...(exchanges.length > 0 ? exchanges.map((one) => this.#view(one)) : [this.#empty()]),
    );
    this.#settle();
    this.#scrollToEnd();
  }

  #empty(): HTMLElement {
    const { emptyTitle, emptyText, staysHere } = this.#strings;
    return element(
      "div",
      { class: "empty" },
      element("h2", {}, emptyTitle),
      element("p", {}, this.#isLocal ? `${emptyText} ${staysHere}`.trim() : emptyText),
    );
  }

  #update(exchange: Exchange): void {
    const before = this.#exchanges.find(({ id }) => id === exchange.id);
    if (!before) {
      this.#show([...this.#exchanges, exchange]);
      this.#announce(this.#strings.searching);
      return;
    }
    this.#exchanges = this.#exchanges.map((one) => (one === before ? exchange : one));
    const following = this.#isAtEnd();
    const old = document.getElementById(exchange.id);
    const made = this.#view(exchange);
    keepOpened(old, made);
    const refocus = focusIn(old);
    old?.replaceWith(made);
    refocus?.(made);
    if (following) {
      this.#scrollToEnd();
    }
    this.#announceStage(before, exchange);
    this.#settle();
  }

  #view(exchange: Exchange): HTMLElement {
    const { acts } = this.#transport;
    return exchangeView(exchange, { strings: this.#strings, acts, send: this.#send });
  }

  /** Say each stage once; the finished text is said whole, never piece by piece. */
  #announceStage(before: Exchange, after: Exchange): void {
    if (after.stage === before.stage) {
      return;
    }
    const { finished, stopped, writing } = this.#strings;
    if (after.answer && after.stage === "done") {
      const { verdict, findings, text } = after.answer;
      const summary = fill(finished, this.#strings[verdict], findings.length);
      this.#announce(`${summary} ${text}`);
    } else if (after.stage === "writing") {
      this.#announce(writing);
    } else if (after.stage === "stopped") {
      this.#announce(stopped);
    }
  }

  #announce(text: string): void {
    this.#announcer.textContent = text;
  }

  #showState({ models, server, problem, fixes, folder }: PanelState): void {
    const { starting, notRunning } = this.#strings;
    this.#composer.models(models);
    this.#composer.folder(folder);
    this.#isLocal = models.some(({ inUse, remote }) => inUse && remote === undefined);
    this.#log.querySelector(".empty")?.replaceWith(this.#empty());
    if (server === "starting") {
      this.#banner.replaceChildren(element("p", { class: "progress" }, starting));
      return;
    }
    const text = problem === "" && server !== "running" ? notRunning : problem;
    const buttons = fixes.map(({ title, command }) =>
      button(title, () => this.#send({ type: "run", command })),
    );
    if (this.#banner.textContent === [text, ...fixes.map(({ title }) => title)].join("")) {
      // Told again, it would be read out again, and its buttons would lose the focus.
      return;
    }
    this.#banner.replaceChildren(...(text === "" ? [] : [element("p", {}, text), ...buttons]));
  }

  #settle(): void {
    const last = this.#exchanges.at(-1);
    this.#composer.busy(last !== undefined && !isOver(last));
    const isEmpty = this.#exchanges.length === 0;
    if (isEmpty && document.activeElement === this.#clear) {
      // It hides, and what comes next is a question.
      this.#composer.focus();
    }
    this.#clear.hidden = isEmpty;
    if (last === undefined || isOver(last)) {
      this.#save();
    }
  }

  #save(): void {
    const { draft, mode } = this.#composer;
    const exchanges = this.#exchanges.slice(-KEPT_EXCHANGES);
    const session = this.#session === undefined ? {} : { session: this.#session };
    this.#transport.save({ draft, mode, exchanges, ...session });
  }

  #isAtEnd(): boolean {
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    return scrollHeight - scrollTop - clientHeight < 40;
  }

  /** Follow a text that grows; one that is finished is read from its question and verdict on. */
  #scrollToEnd(): void {
    const last = this.#exchanges.at(-1);
    const article = last && isOver(last) ? document.getElementById(last.id) : null;
    this.#log.scrollTop = article
      ? article.offsetTop - this.#log.offsetTop
      : this.#log.scrollHeight;
  }
}

/** Keep open what the reader opened. */
function keepOpened(old: HTMLElement | null, made: HTMLElement): void {
  for (const details of old?.querySelectorAll("details") ?? []) {
    const same = made.querySelector<HTMLDetailsElement>(`details.${details.className}`);
    if (same) {
      same.open = details.open;
    }
  }
}

/** Return what focuses the like of the element that has the focus, if it is in a view. */
function focusIn(old: HTMLElement | null): ((made: HTMLElement) => void) | undefined {
  const active = document.activeElement;
  if (!active || !old?.contains(active)) {
    return undefined;
  }
  const { tagName, className, textContent } = active;
  const alike = (root: HTMLElement): HTMLElement[] =>
    [...root.querySelectorAll<HTMLElement>(tagName)].filter(
      (one) => one.className === className && one.textContent === textContent,
    );
  const index = alike(old).indexOf(active as HTMLElement);
  return (made) => alike(made)[index]?.focus({ preventScroll: true });
}
