import { refusal, signIn } from "./sign-in";
import { forget, keepToken, keptToken, takeToken } from "./token";
import { PAGE } from "./words";

/** What a token opens. */
export interface Opened {
  close(): void;
}

/** `leave` gives the token up, and tells why it is asked for again, or nothing. */
export type Open = (token: string, leave: (reason: string) => void) => Opened;

/** Shows what a token opens, or asks for one; a link with another token is followed at any time. */
export class Entrance {
  readonly #root: HTMLElement;
  readonly #open: Open;
  #opened: { readonly token: string; readonly page: Opened } | undefined;
  /** Of what is shown or tried now: what belongs to an earlier one does nothing any more. */
  #turn = 0;

  constructor(root: HTMLElement, open: Open) {
    this.#root = root;
    this.#open = open;
  }

  start(): void {
    // The link in a tab that shows the page already changes only what is behind `#`.
    window.addEventListener("hashchange", () => {
      if (takeToken() && keptToken() !== this.#opened?.token) {
        void this.#enter();
      }
    });
    takeToken();
    void this.#enter();
  }

  async #enter(): Promise<void> {
    const turn = this.#leave();
    const token = keptToken();
    const problem = await refusal(token);
    if (turn !== this.#turn) {
      return;
    }
    if (problem === "") {
      this.#show(token);
    } else {
      // Who came without a token gave no wrong one.
      this.#ask(token === "" && problem === PAGE.tokenWrong ? "" : problem);
    }
  }

  #show(token: string): void {
    const turn = this.#leave();
    const page = this.#open(token, (reason) => {
      // Several requests may be refused at once.
      if (turn === this.#turn) {
        this.#ask(reason, forget);
      }
    });
    this.#opened = { token, page };
  }

  #ask(problem: string, before: () => void = () => undefined): void {
    const turn = this.#leave();
    before();
    signIn(this.#root, problem, (token) => {
      if (turn === this.#turn) {
        keepToken(token);
        this.#show(token);
      }
    });
  }

  #leave(): number {
    this.#opened?.page.close();
    this.#opened = undefined;
    this.#root.replaceChildren();
    this.#turn += 1;
    return this.#turn;
  }
}
