import { button, element } from "./dom";
import type { ModelChoice } from "./messages";
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
  readonly #model: HTMLSelectElement;
  readonly #sentTo: HTMLElement;
  readonly #folder: HTMLElement;
  readonly #ask: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #strings: Strings;
  readonly #actions: ComposerActions;
  #told: string | undefined;

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
    this.#model = element("select", {
      class: "model",
      "aria-label": strings.model,
      title: strings.model,
      onchange: () => actions.useModel(this.#model.value),
    });
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
      element("div", { class: "row" }, this.#mode, this.#model, this.#stop, this.#ask),
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

  /** Put the cursor before a draft's quotation, where the question goes. */
  focus(draft?: string): void {
    if (draft !== undefined) {
      this.#input.value = draft;
      this.#actions.changed();
    }
    this.#input.focus();
    if (draft !== undefined) {
      this.#input.setSelectionRange(0, 0);
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
    const inUse = models.find((model) => model.inUse);
    const told = JSON.stringify(models);
    // A list that is being read is not made anew, unless another choice was declined.
    if (told === this.#told && this.#model.value === (inUse?.id ?? "")) {
      return;
    }
    this.#told = told;
    this.#model.hidden = models.length === 0;
    const options = models.map(({ id, installed, inUse }) =>
      element(
        "option",
        { value: id, selected: inUse },
        installed ? id : fill(this.#strings.toDownload, id),
      ),
    );
    this.#model.replaceChildren(...options);
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
