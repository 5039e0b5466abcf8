import * as vscode from "vscode";
import type { Hit } from "../../ui/protocol";
import type { Extension } from "../context";
import { isCancellation, report } from "../errors";
import { openSource } from "../navigation";

const TYPING_PAUSE_MS = 150;
const TOP_K = 20;

interface HitItem extends vscode.QuickPickItem {
  readonly source: Hit;
}

/** Search as the user types; a hit opens at its lines. */
export function searchWorkspace(extension: Extension, initial?: unknown): void {
  const workspace = extension.answers.folderOf();
  const pick = vscode.window.createQuickPick<HitItem>();
  pick.title = vscode.l10n.t("Search the workspace by meaning and by words");
  pick.placeholder = vscode.l10n.t("What are you looking for?");
  pick.matchOnDescription = true;
  pick.matchOnDetail = true;
  const search = new TypedSearch(extension, pick, workspace);
  pick.onDidChangeValue((value) => search.schedule(value));
  pick.onDidAccept(() => {
    const [hit] = pick.selectedItems;
    if (hit) {
      pick.hide();
      openSource(hit.source, workspace).catch((error: unknown) => report(error, extension.log));
    }
  });
  pick.onDidHide(() => {
    search.dispose();
    pick.dispose();
  });
  pick.show();
  if (typeof initial === "string") {
    pick.value = initial;
    search.schedule(initial);
  }
}

/** Runs the search for what was typed last; an earlier one is given up. */
class TypedSearch {
  readonly #extension: Extension;
  readonly #pick: vscode.QuickPick<HitItem>;
  readonly #workspace: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: vscode.CancellationTokenSource | undefined;

  constructor(
    extension: Extension,
    pick: vscode.QuickPick<HitItem>,
    workspace: string | undefined,
  ) {
    this.#extension = extension;
    this.#pick = pick;
    this.#workspace = workspace;
  }

  schedule(value: string): void {
    this.dispose();
    const query = value.trim();
    if (query === "") {
      this.#pick.items = [];
      return;
    }
    this.#timer = setTimeout(() => void this.#run(query), TYPING_PAUSE_MS);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#running?.cancel();
    this.#running = undefined;
    this.#pick.busy = false;
  }

  async #run(query: string): Promise<void> {
    const source = new vscode.CancellationTokenSource();
    this.#running = source;
    this.#pick.busy = true;
    const workspace = this.#workspace === undefined ? {} : { workspace: this.#workspace };
    try {
      const hits = await this.#extension.requests.search(
        { query, top_k: TOP_K, ...workspace },
        source.token,
      );
      if (!source.token.isCancellationRequested) {
        this.#pick.items = hits.map(toItem);
        this.#pick.busy = false;
      }
    } catch (error) {
      if (!isCancellation(error) && !source.token.isCancellationRequested) {
        this.#pick.hide();
        await report(error, this.#extension.log);
      }
    } finally {
      source.dispose();
    }
  }
}

function toItem(source: Hit): HitItem {
  return {
    label: `$(file) ${source.path}:${source.start_line}`,
    description: source.score.toFixed(2),
    detail: source.text.replace(/\s+/g, " ").trim(),
    // The server found it; the list's own filter must not hide it.
    alwaysShow: true,
    source,
  };
}
