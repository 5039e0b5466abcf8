/**
 * Stands in for the window of VS Code: what it holds and what its user chooses is set by the tests,
 * and what was shown and run is noted. For `vi.mock("vscode", …)`.
 */

type Level = "workspaceFolderValue" | "workspaceValue" | "globalValue";

interface Message {
  readonly text: string;
  readonly detail: string | undefined;
  readonly buttons: readonly string[];
}

interface Editor {
  readonly document: { readonly uri: Uri };
}

export class Uri {
  readonly scheme: string;
  readonly fsPath: string;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    this.scheme = text.slice(0, text.indexOf(":"));
    this.fsPath = text.replace(/^\w+:\/\//, "");
  }

  static parse(text: string): Uri {
    return new Uri(text);
  }

  toString(): string {
    return this.#text;
  }
}

export class EventEmitter<T> {
  readonly #listeners = new Set<(value: T) => void>();

  readonly event = (listener: (value: T) => void): { dispose: () => void } => {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  };

  fire(value: T): void {
    for (const listener of [...this.#listeners]) {
      listener(value);
    }
  }

  dispose(): void {
    this.#listeners.clear();
  }
}

/** What the tests set and look at. */
export const state = {
  folders: [] as string[],
  isTrusted: true,
  settings: {} as Record<string, Partial<Record<Level, string>>>,
  /** The button or row that the user chooses, by its place in the order of the questions. */
  choices: [] as (string | undefined)[],
  messages: [] as Message[],
  commands: [] as string[],
  progress: [] as string[],
  editor: undefined as Editor | undefined,
};

const activeEditor = new EventEmitter<Editor | undefined>();

/** Begin anew. */
export function reset(): void {
  Object.assign(state, {
    folders: [],
    isTrusted: true,
    settings: {},
    choices: [],
    messages: [],
    commands: [],
    progress: [],
    editor: undefined,
  });
}

/** Give the focus to an editor on a document, or take it from all. */
export function focus(uri: string | undefined): void {
  state.editor = uri === undefined ? undefined : { document: { uri: new Uri(uri) } };
  activeEditor.fire(state.editor);
}

function show(
  text: string,
  ...rest: (string | { readonly detail?: string })[]
): Promise<string | undefined> {
  const [first] = rest;
  const detail = typeof first === "object" ? first.detail : undefined;
  const buttons = rest.filter((one) => typeof one === "string");
  state.messages.push({ text, detail, buttons });
  return Promise.resolve(buttons.length > 0 ? state.choices.shift() : undefined);
}

function configuration() {
  const levels: Level[] = ["workspaceFolderValue", "workspaceValue", "globalValue"];
  const inspect = (key: string) => ({ defaultValue: "", ...state.settings[key] });
  return {
    inspect,
    get: (key: string) =>
      levels.map((level) => inspect(key)[level]).find((one) => one !== undefined),
    update: (key: string, value: string | undefined, target: number) => {
      const level = levels.at(-target);
      if (level === undefined) {
        throw new Error(`there is no level ${target}`);
      }
      const { [level]: _, ...others } = state.settings[key] ?? {};
      state.settings[key] = value === undefined ? others : { ...others, [level]: value };
      return Promise.resolve();
    },
  };
}

const disposable = { dispose: () => undefined };
const never = () => disposable;

/** The part of the API that the tested modules use. */
export const vscode = {
  Uri,
  EventEmitter,
  CancellationError: class extends Error {},
  ConfigurationTarget: { Global: 1, Workspace: 2, WorkspaceFolder: 3 },
  LogLevel: { Trace: 1, Debug: 2, Info: 3 },
  ProgressLocation: { Notification: 15 },
  Disposable: { from: () => disposable },
  l10n: {
    t: (text: string, ...values: unknown[]) =>
      text.replace(/\{(\d)\}/g, (_, index) => String(values[Number(index)])),
  },
  commands: {
    executeCommand: (command: string) => {
      state.commands.push(command);
      return Promise.resolve();
    },
  },
  window: {
    get activeTextEditor() {
      return state.editor;
    },
    get visibleTextEditors() {
      return state.editor ? [state.editor] : [];
    },
    onDidChangeActiveTextEditor: activeEditor.event,
    showInformationMessage: show,
    showWarningMessage: show,
    showErrorMessage: show,
    showQuickPick: () => Promise.resolve(state.choices.shift()),
    withProgress: (
      { title }: { readonly title: string },
      task: (progress: object, token: object) => Promise<unknown>,
    ) => {
      state.progress.push(title);
      return task({ report: () => undefined }, {});
    },
  },
  workspace: {
    get isTrusted() {
      return state.isTrusted;
    },
    get workspaceFolders() {
      return state.folders.map((folder) => ({ uri: new Uri(folder) }));
    },
    getWorkspaceFolder: (uri: Uri) => {
      const folder = state.folders.find((one) => uri.toString().startsWith(`${one}/`));
      return folder === undefined ? undefined : { uri: new Uri(folder) };
    },
    getConfiguration: configuration,
    onDidChangeConfiguration: never,
    onDidGrantWorkspaceTrust: never,
    registerTextDocumentContentProvider: never,
  },
};
