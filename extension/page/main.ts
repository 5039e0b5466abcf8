import { App } from "../ui/app";
import { button, element } from "../ui/dom";
import { AuditView } from "./audit";
import { Client, type Folder, Problem } from "./client";
import { Entrance } from "./entrance";
import { PageHost } from "./host";
import { MetricsView } from "./metrics";
import type { View } from "./view";
import { PAGE, STRINGS } from "./words";
import "./theme.css";
import "../ui/style.css";
import "./page.css";

const VIEWS = ["ask", "audit", "metrics"] as const;
type Name = (typeof VIEWS)[number];

const NOTICE_MS = 4_000;

/** The page while a token is in force, or while none is needed. */
class Page {
  readonly #host: PageHost;
  readonly #views: Readonly<Record<Name, View>>;
  readonly #links: ReadonlyMap<Name, HTMLAnchorElement>;
  readonly #workspaces = element("select", { id: "workspace" });
  readonly #workspaceField: HTMLElement;
  readonly #body = element("div", { class: "body" });
  readonly #notice = element("div", { class: "toast", role: "status" });
  #current: View | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(root: HTMLElement, token: string, leave: (reason: string) => void) {
    const client = new Client(token);
    const onRefused = (): void => leave(PAGE.tokenRefused);
    this.#host = new PageHost({
      client,
      strings: STRINGS,
      workspace: () => this.#workspaces.value || undefined,
      onFolders: (folders) => this.#showFolders(folders),
      say: (text) => this.#say(text),
      onRefused,
    });
    const sayable = (error: unknown): string => {
      if (error instanceof Problem) {
        if (error.status === 401) {
          onRefused();
        }
        return `${error.message} ${error.hint}`.trim();
      }
      return String(error);
    };
    const ask = element("div", { class: "view ask" });
    this.#views = {
      ask: { root: ask, show: () => undefined, hide: () => undefined },
      audit: new AuditView(client, STRINGS, sayable),
      metrics: new MetricsView(client, STRINGS, sayable),
    };
    this.#links = new Map(
      VIEWS.map((name) => [name, element("a", { href: `#${name}` }, PAGE[name])]),
    );
    this.#workspaceField = element(
      "div",
      { class: "workspace", hidden: true },
      element("label", { for: "workspace" }, PAGE.workspace),
      this.#workspaces,
    );
    root.replaceChildren(
      this.#header(token, () => leave("")),
      this.#body,
      this.#notice,
    );
    new App(ask, this.#host, STRINGS);
    window.addEventListener("hashchange", this.#route);
    this.#route();
  }

  close(): void {
    window.removeEventListener("hashchange", this.#route);
    clearTimeout(this.#timer);
    this.#current?.hide();
    this.#host.close();
  }

  #header(token: string, onForget: () => void): HTMLElement {
    return element(
      "header",
      { class: "top" },
      element("h1", {}, "NS-LLM"),
      element("nav", { "aria-label": PAGE.views }, ...this.#links.values()),
      this.#workspaceField,
      token !== "" && button(PAGE.signOut, onForget, { class: "sign-out" }),
    );
  }

  readonly #route = (): void => {
    const name = VIEWS.find((one) => location.hash === `#${one}`) ?? "ask";
    for (const [each, link] of this.#links) {
      if (each === name) {
        link.setAttribute("aria-current", "page");
      } else {
        link.removeAttribute("aria-current");
      }
    }
    document.title = `${PAGE[name]} · NS-LLM`;
    const view = this.#views[name];
    if (view !== this.#current) {
      this.#current?.hide();
      this.#current = view;
      this.#body.replaceChildren(view.root);
      view.show();
    }
  };

  #showFolders(folders: readonly Folder[]): void {
    const names = folders.map(({ workspace }) => workspace);
    const shown = [...this.#workspaces.options].map(({ value }) => value);
    if (names.join("\n") !== shown.join("\n")) {
      this.#workspaces.replaceChildren(
        ...names.map((name) => element("option", { value: name }, name)),
      );
    }
    this.#workspaceField.hidden = names.length < 2;
  }

  #say(text: string): void {
    clearTimeout(this.#timer);
    this.#notice.textContent = text;
    this.#timer = setTimeout(() => this.#notice.replaceChildren(), NOTICE_MS);
  }
}

const root = document.getElementById("app");
if (root) {
  new Entrance(root, (token, leave) => new Page(root, token, leave)).start();
}
