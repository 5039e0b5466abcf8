import { button, element } from "./dom";
import type { ModelChoice } from "./messages";
import { ModelList } from "./model-list";
import type { Mode } from "./protocol";
import { fill, type Strings } from "./strings";

export interface ComposerActions {
  readonly ask: (question: string, mode: Mode) => void;
  readonly stop: () => void;
  readonly useModel: (id: string) => void;
  readonly changed: () => void;
}

/** The question's input with its mode, its model, and the buttons that ask and stop. */
export class Composer {
  readonly root: HTMLElement;
  readonly #input: HTMLTextAreaElement;
  readonly #mode: HTMLSelectElement;
  readonly #models: ModelList;
  readonly #sentTo: HTMLElement;
  readonly #folder: HTMLElement;
  readonly #ask: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #strings: Strings;
  readonly #actions: ComposerActions;
  /** The quotation that was put in last. */
  #quoted = "";

  constructor(strings: Strings, actions: ComposerActions) {
    this.#strings = strings;
    this.#actions = actions;
    this.#input = element("textarea", {
      id: "question",
      rows: 3,
      placeholder: strings.placeholder,
      "aria-label": strings.question,
      "aria-describedby": "keys",
      onkeydown: (event) => this.#enter(event as KeyboardEvent),
      oninput: () => actions.changed(),
    });
    this.#mode = element(
      "select",
      { "aria-label": strings.mode, title: strings.mode, onchange: () => actions.changed() },
      element("option", { value: "auto" }, strings.modeAuto),
      element("option", { value: "generate" }, strings.modeGenerate),
      element("option", { value: "extract" }, strings.modeExtract),
    );
    this.#models = new ModelList(strings, actions.useModel);
    this.#sentTo = element("p", { class: "notice sent-to" });
    this.#folder = element("p", { class: "notice folder", hidden: true });
    this.#ask = button(strings.ask, () => this.#submit(), { class: "primary" });
    this.#stop = button(strings.stop, actions.stop);
    this.root = element(
      "form",
      {
        class: "composer",
        "aria-label": strings.question,
        onsubmit: (event) => event.preventDefault(),
        onkeydown: (event) => this.#key(event as KeyboardEvent),
      },
      this.#input,
      element("p", { id: "keys", class: "hidden" }, strings.keys),
      this.#folder,
      this.#sentTo,
      element("div", { class: "row" }, this.#mode, this.#models.root, this.#stop, this.#ask),
    );
    this.busy(false);
    this.models([]);
  }

  get draft(): string {
    return this.#input.value;
  }

  get mode(): Mode {
    return this.#mode.value as Mode;
  }

  restore(draft: string, mode: Mode): void {
    this.#input.value = draft;
    this.#mode.value = mode;
  }

  /** Focus the input; a quotation goes behind what was typed, and the cursor between the two. */
  focus(quotation?: string): void {
    this.#input.focus();
    if (quotation !== undefined) {
      const { value } = this.#input;
      // One to which nothing was typed makes room for the next.
      const typed = value === this.#quoted ? "" : value;
      this.#input.value = typed + quotation;
      // As the input has it: with its own ends of lines.
      this.#quoted = this.#input.value.slice(typed.length);
      this.#input.setSelectionRange(typed.length, typed.length);
      this.#actions.changed();
    }
  }

  busy(busy: boolean): void {
    const [shown, gone] = busy ? [this.#stop, this.#ask] : [this.#ask, this.#stop];
    shown.hidden = false;
    // A button that hides drops the focus, and the reader would have to start from the top.
    if (document.activeElement === gone) {
      shown.focus();
    }
    gone.hidden = true;
  }

  /** Say which folder is asked; undefined where there is only one. */
  folder(name: string | undefined): void {
    this.#folder.hidden = name === undefined;
    this.#folder.textContent = fill(this.#strings.asksIn, name ?? "");
  }

  models(models: readonly ModelChoice[]): void {
    this.#models.show(models);
    const inUse = models.find((model) => model.inUse);
    this.#sentTo.hidden = inUse?.remote === undefined;
    this.#sentTo.textContent = fill(this.#strings.sentTo, inUse?.remote ?? "");
  }

  #enter(event: KeyboardEvent): void {
    // Enter that confirms an input method's choice is not Enter that asks.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#submit();
    }
  }

  #key(event: KeyboardEvent): void {
    if (event.key === "Escape" && !event.isComposing && !this.#stop.hidden) {
      this.#actions.stop();
    } else if (event.key === "Enter" && event.repeat && event.target instanceof HTMLButtonElement) {
      // Held down, it would stop what it just asked: the focus is on Stop by then.
      event.preventDefault();
    }
  }

  #submit(): void {
    const question = this.#input.value.trim();
    if (question !== "") {
      this.#input.value = "";
      this.#actions.ask(question, this.mode);
      this.#actions.changed();
    }
  }
}
