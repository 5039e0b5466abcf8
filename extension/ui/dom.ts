type Child = Node | string | null | undefined | false;
type Listener = (event: Event) => void;

/** Attributes, with `on…` for listeners; false and undefined leave an attribute out. */
type Attributes = Readonly<Record<string, string | number | boolean | Listener | undefined>>;

/** Make an element. Text is only ever set as text, so nothing in it can become markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      made.addEventListener(name.slice(2), value);
    } else if (value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? "" : String(value));
    }
  }
  made.append(
    ...children.filter((child) => child !== null && child !== undefined && child !== false),
  );
  return made;
}

export function button(
  label: string,
  onclick: () => void,
  attributes: Attributes = {},
): HTMLButtonElement {
  return element("button", { type: "button", ...attributes, onclick }, label);
}
