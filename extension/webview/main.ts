import { App } from "../ui/app";
import type { ToPanel, Transport } from "../ui/messages";
import { ENGLISH, type Strings } from "../ui/strings";
import "../ui/style.css";

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

/** The transport of a webview: VS Code's messages and VS Code's state. */
function webviewTransport(): Transport {
  const api = acquireVsCodeApi();
  return {
    acts: ["insert", "copy", "openDocument", "retry"],
    send: (message) => api.postMessage(message),
    listen: (listener) =>
      window.addEventListener("message", (event) => listener(event.data as ToPanel)),
    load: () => api.getState(),
    save: (kept) => api.setState(kept),
  };
}

const root = document.getElementById("app");
if (root) {
  const strings = JSON.parse(root.dataset["strings"] ?? "{}") as Partial<Strings>;
  new App(root, webviewTransport(), { ...ENGLISH, ...strings });
}
