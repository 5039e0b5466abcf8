import * as vscode from "vscode";
import type { Answer } from "../ui/protocol";
import { AUDIT_SCHEME } from "./audit";
import { ClientError } from "./errors";
import { Folders } from "./folders";
import { toWire } from "./navigation";
import type { Requests } from "./requests";
import { type Spacing, spacing } from "./spacing";

export const ANSWER_SCHEME = "nsllm-answer";
const NO_DOCUMENTS = new Set(["output", "comment", "debug", AUDIT_SCHEME]);

/** The answers of this window: the last one, their documents, and their way into files. */
export class Answers implements vscode.TextDocumentContentProvider, vscode.Disposable {
  last: Answer | undefined;

  readonly #folders = new Folders();
  readonly #requests: Requests;
  readonly #log: vscode.LogOutputChannel;
  readonly #subscriptions: vscode.Disposable[];
  #editor = vscode.window.activeTextEditor;

  constructor(requests: Requests, log: vscode.LogOutputChannel) {
    this.#requests = requests;
    this.#log = log;
    this.#subscriptions = [
      vscode.workspace.registerTextDocumentContentProvider(ANSWER_SCHEME, this),
      // A panel that has the focus is no editor: the one before it is what "at the cursor" means.
      vscode.window.onDidChangeActiveTextEditor((editor) => {
        this.#editor = isOfDocument(editor) ? editor : this.#editor;
        this.#folders.use(editor);
      }),
    ];
  }

  /** Return the editor that has the focus, or had it last and is still visible. */
  get editor(): vscode.TextEditor | undefined {
    const active = vscode.window.activeTextEditor;
    const before = this.#editor?.document;
    return isOfDocument(active)
      ? active
      : vscode.window.visibleTextEditors.find(({ document }) => document === before);
  }

  /** Return the folder that a question is about: that of a document, by default the editor's. */
  folderOf(uri = this.editor?.document.uri): string | undefined {
    return this.#folders.of(uri);
  }

  async provideTextDocumentContent(
    uri: vscode.Uri,
    token: vscode.CancellationToken,
  ): Promise<string> {
    const { text, workspace } = await this.#requests.answerDocument(uri.toString(true), token);
    if (workspace !== undefined) {
      this.#folders.keepAnswer(uri, workspace);
    }
    return text;
  }

  async openDocument(answer: Answer): Promise<void> {
    const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(answer.uri));
    await vscode.window.showTextDocument(document, { preview: false });
  }

  /** Put an answer in place of the selection, and have it governed there from now on. */
  async insertAtCursor(answer: Answer): Promise<void> {
    const { editor } = this;
    if (!editor || editor.document.uri.scheme === ANSWER_SCHEME) {
      throw new ClientError(
        vscode.l10n.t("There is no editor to insert the answer into."),
        "editor",
        vscode.l10n.t("Open a file and put the cursor where the answer shall go."),
      );
    }
    await this.insert(answer, editor.document, editor.selection);
    await vscode.window.showTextDocument(editor.document, { viewColumn: editor.viewColumn ?? 1 });
  }

  async insert(answer: Answer, document: vscode.TextDocument, given: vscode.Range): Promise<void> {
    const place = document.validateRange(given);
    const { before, after } = spacingAt(document, place);
    const edit = new vscode.WorkspaceEdit();
    edit.replace(document.uri, place, `${before}${answer.text}${after}`);
    if (!(await vscode.workspace.applyEdit(edit))) {
      throw new ClientError(
        vscode.l10n.t("{0} cannot be changed.", document.uri.fsPath),
        "editor",
        vscode.l10n.t("Copy the answer instead."),
      );
    }
    const start = place.start.translate(0, before.length);
    const range = new vscode.Range(start, endOf(start, answer.text));
    // A thread that closes leaves the editor scrolled to where its end was.
    vscode.window.visibleTextEditors
      .find((editor) => editor.document === document)
      ?.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    const uri = document.uri.toString();
    await this.#requests.check({ uri, range: toWire(range), generated: true });
    this.#log.debug(`Inserted answer ${answer.id} into ${uri}`);
  }

  dispose(): void {
    vscode.Disposable.from(...this.#subscriptions).dispose();
  }
}

/** Tell whether an editor is one of a document: logs and the like are shown in editors too. */
function isOfDocument(editor: vscode.TextEditor | undefined): editor is vscode.TextEditor {
  return editor !== undefined && !NO_DOCUMENTS.has(editor.document.uri.scheme);
}

function spacingAt(document: vscode.TextDocument, place: vscode.Range): Spacing {
  const first = document.lineAt(place.start).text.slice(0, place.start.character);
  return spacing(first, document.lineAt(place.end).text.slice(place.end.character));
}

function endOf(start: vscode.Position, text: string): vscode.Position {
  const lines = text.split(/\r\n|\r|\n/);
  const last = lines.at(-1) ?? "";
  return lines.length === 1
    ? start.translate(0, last.length)
    : new vscode.Position(start.line + lines.length - 1, last.length);
}
