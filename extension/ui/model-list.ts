import { element } from "./dom";
import type { ModelChoice } from "./messages";
import { fill, type Strings } from "./strings";

/**
 * The list of the models, with the one in use selected; `use` gets another one that is chosen.
 *
 * In some browsers each arrow key selects the next model without opening the list, so what a key
 * selects is only chosen on Enter, or once the list loses the focus.
 */
export class ModelList {
  readonly root: HTMLSelectElement;
  readonly #strings: Strings;
  readonly #use: (id: string) => void;
  #told = "";
  #inUse = "";
  /** Whether the browser is just doing what a key says. */
  #isKey = false;
  /** Whether something is selected that is not chosen yet. */
  #isPending = false;

  constructor(strings: Strings, use: (id: string) => void) {
    this.#strings = strings;
    this.#use = use;
    this.root = element("select", {
      class: "model",
      "aria-label": strings.model,
      title: strings.model,
      onkeydown: (event) => this.#key(event as KeyboardEvent),
      onkeypress: (event) => this.#key(event as KeyboardEvent),
      onchange: () => this.#change(),
      onblur: () => this.#settle(),
    });
  }

  show(models: readonly ModelChoice[]): void {
    const told = JSON.stringify(models);
    // A list that is being read is not made anew, unless another choice was declined.
    if (told === this.#told && (this.#isPending || this.root.value === this.#inUse)) {
      return;
    }
    this.#told = told;
    this.#inUse = models.find(({ inUse }) => inUse)?.id ?? "";
    this.#isPending = false;
    this.root.hidden = models.length === 0;
    const options = models.map(({ id, installed, inUse }) =>
      element(
        "option",
        { value: id, selected: inUse },
        installed ? id : fill(this.#strings.toDownload, id),
      ),
    );
    this.root.replaceChildren(...options);
  }

  #key({ key }: KeyboardEvent): void {
    if (key === "Enter") {
      this.#settle();
      return;
    }
    this.#isKey = true;
    // A key that selects does so before any later task; one that opens a list selects nothing yet.
    setTimeout(() => {
      this.#isKey = false;
    });
  }

  #change(): void {
    this.#isPending = true;
    if (!this.#isKey) {
      this.#settle();
    }
  }

  #settle(): void {
    if (this.#isPending) {
      this.#isPending = false;
      if (this.root.value !== this.#inUse) {
        this.#use(this.root.value);
      }
    }
  }
}
