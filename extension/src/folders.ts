import * as vscode from "vscode";

/** Which folder of the workspace is meant where none is named. */
export class Folders {
  readonly #ofAnswers = new Map<string, string>();
  #last: string | undefined;

  constructor() {
    for (const editor of [...vscode.window.visibleTextEditors, vscode.window.activeTextEditor]) {
      this.use(editor);
    }
  }

  /** Remember the folder of an editor that has the focus; of one outside all folders, nothing. */
  use(editor: vscode.TextEditor | undefined): void {
    const folder = editor && vscode.workspace.getWorkspaceFolder(editor.document.uri);
    this.#last = folder?.uri.toString() ?? this.#last;
  }

  /** Let the document of an answer stand for the folder that answered. */
  keepAnswer(uri: vscode.Uri, folder: string): void {
    this.#ofAnswers.set(uri.toString(), folder);
  }

  /**
   * Return the folder of a document or, where it is in none, the only folder, or the one that was
   * used last; undefined leaves the choice to the server.
   */
  of(uri: vscode.Uri | undefined): string | undefined {
    const folders = (vscode.workspace.workspaceFolders ?? []).map((one) => one.uri.toString());
    const own = uri && vscode.workspace.getWorkspaceFolder(uri)?.uri.toString();
    const answered = uri && this.#ofAnswers.get(uri.toString());
    const only = folders.length === 1 ? folders[0] : undefined;
    // A folder may have left the workspace since.
    return [own, answered, only, this.#last].find((one) => one && folders.includes(one));
  }
}
