import * as vscode from "vscode";
import { Conversation } from "../ui/conversation";
import { type Exchange, isOver } from "../ui/exchange";
import type { Answer } from "../ui/protocol";
import { answererOf } from "./answerer";
import type { Answers } from "./answers";
import { verdictName } from "./commands/check";
import { ClientError } from "./errors";
import { documentUri } from "./navigation";
import type { Requests } from "./requests";
import { exchangeMarkdown } from "./thread-markdown";

const SHOW_INTERVAL_MS = 100;

interface OpenThread {
  readonly thread: vscode.CommentThread;
  readonly conversation: Conversation;
  timer?: NodeJS.Timeout | undefined;
}

/** The inline panel: native threads at the cursor, in which one asks and is answered. */
export class InlineThreads implements vscode.Disposable {
  readonly #requests: Requests;
  readonly #answers: Answers;
  readonly #log: vscode.LogOutputChannel;
  readonly #controller: vscode.CommentController;
  readonly #open = new Map<vscode.CommentThread, OpenThread>();

  constructor(requests: Requests, answers: Answers, log: vscode.LogOutputChannel) {
    this.#requests = requests;
    this.#answers = answers;
    this.#log = log;
    this.#controller = vscode.comments.createCommentController("nsllm.inline", "NS-LLM");
    this.#controller.options = {
      prompt: vscode.l10n.t("Ask about the documents of this workspace"),
      placeHolder: vscode.l10n.t("Ask about the documents of this workspace"),
    };
  }

  /** Open a thread at the cursor, or go to the one that is there. */
  async open(editor: vscode.TextEditor): Promise<void> {
    const { document, selection } = editor;
    // By address: a document that was closed and opened again is another object.
    const uri = document.uri.toString();
    const there = [...this.#open.values()].find(
      (one) =>
        one.thread.uri.toString() === uri && one.thread.range?.end.line === selection.end.line,
    );
    if (there?.conversation.last) {
      there.thread.collapsibleState = vscode.CommentThreadCollapsibleState.Expanded;
    } else {
      // VS Code takes an empty thread away without telling, so it is always made anew.
      if (there) {
        this.discard(there.thread);
      }
      this.#create(document, new vscode.Range(selection.active, selection.active));
    }
    await vscode.window.showTextDocument(document, { viewColumn: editor.viewColumn ?? 1 });
    await this.#focus();
  }

  /** Ask what was typed into a thread's reply box. */
  ask({ thread, text }: vscode.CommentReply): void {
    const open = this.#open.get(thread);
    const question = text.trim();
    if (!open || question === "") {
      return;
    }
    const workspace = this.#answers.folderOf(thread.uri);
    // Not awaited: VS Code empties the reply box when the command ends. It never fails.
    void open.conversation.ask(question, workspace === undefined ? {} : { workspace });
  }

  /** Insert the answer of one comment, or the last one of a thread. */
  async insert(chosen: vscode.CommentThread | vscode.Comment): Promise<void> {
    const [open, answer] = this.#answerOf(chosen);
    if (!open || !answer) {
      throw new ClientError(
        vscode.l10n.t("There is no answer to insert yet."),
        "editor",
        vscode.l10n.t("Ask a question first."),
      );
    }
    const { thread: own } = open;
    const document = await vscode.workspace.openTextDocument(own.uri);
    const editor = vscode.window.visibleTextEditors.find((one) => one.document === document);
    const place = editor?.selection ?? own.range ?? new vscode.Range(0, 0, 0, 0);
    this.discard(own);
    await this.#answers.insert(answer, document, place);
  }

  #answerOf(
    chosen: vscode.CommentThread | vscode.Comment,
  ): [OpenThread | undefined, Answer | undefined] {
    if ("body" in chosen) {
      const open = [...this.#open.values()].find(({ thread }) => thread.comments.includes(chosen));
      const index = open?.thread.comments.indexOf(chosen) ?? -1;
      // A question and its answer are two comments.
      return [open, open?.conversation.exchanges[Math.floor(index / 2)]?.answer];
    }
    const open = this.#open.get(chosen);
    return [open, open?.conversation.exchanges.findLast((one) => one.answer)?.answer];
  }

  stop(thread: vscode.CommentThread): void {
    this.#open.get(thread)?.conversation.stop();
  }

  discard(thread: vscode.CommentThread): void {
    const open = this.#open.get(thread);
    if (open) {
      this.#open.delete(open.thread);
      clearTimeout(open.timer);
      open.conversation.stop();
      open.thread.dispose();
    }
  }

  dispose(): void {
    for (const thread of [...this.#open.keys()]) {
      this.discard(thread);
    }
    this.#controller.dispose();
  }

  #create(document: vscode.TextDocument, range: vscode.Range): void {
    const thread = this.#controller.createCommentThread(document.uri, range, []);
    thread.label = vscode.l10n.t("Ask NS-LLM");
    thread.canReply = true;
    thread.collapsibleState = vscode.CommentThreadCollapsibleState.Expanded;
    thread.contextValue = "empty";
    const conversation = new Conversation(answererOf(this.#requests), {
      changed: (exchange) => this.#schedule(open, exchange),
      answered: (answer) => {
        this.#answers.last = answer;
      },
    });
    const open: OpenThread = { thread, conversation };
    this.#open.set(thread, open);
  }

  /** Show what changed, at most ten times a second while text streams. */
  #schedule(open: OpenThread, exchange: Exchange): void {
    if (isOver(exchange)) {
      clearTimeout(open.timer);
      open.timer = undefined;
      this.#show(open);
    } else {
      open.timer ??= setTimeout(() => {
        open.timer = undefined;
        this.#show(open);
      }, SHOW_INTERVAL_MS);
    }
  }

  #show({ thread, conversation }: OpenThread): void {
    const { exchanges, last } = conversation;
    thread.comments = exchanges.flatMap(toComments);
    const answered = exchanges.some((one) => one.answer);
    const busy = last !== undefined && !isOver(last);
    thread.contextValue = busy ? "busy" : answered ? "answered" : "unanswered";
  }

  /** Put the cursor into the reply box: first into the thread, then to what follows in it. */
  async #focus(): Promise<void> {
    try {
      await vscode.commands.executeCommand("workbench.action.focusCommentOnCurrentLine");
      await vscode.commands.executeCommand("widgetNavigation.focusNext");
    } catch (error) {
      // There is no API for this; where VS Code lacks the commands, the user clicks.
      this.#log.debug(`The thread was not focused: ${String(error)}`);
    }
  }
}

function toComments(exchange: Exchange): vscode.Comment[] {
  const { t } = vscode.l10n;
  const mode = vscode.CommentMode.Preview;
  return [
    { author: { name: t("You") }, body: exchange.question, mode },
    {
      author: { name: "NS-LLM" },
      body: new vscode.MarkdownString(
        exchangeMarkdown(
          exchange,
          {
            searching: t("Searching the documents…"),
            writing: t("Writing the answer…"),
            stopped: t("Stopped."),
            withdrawn: (reason) => t("A first text was withdrawn: {0}", reason),
            findings: t("Findings"),
            sources: t("Sources"),
            nearest: t("Nearest passages"),
            verdict: verdictName,
          },
          (path) => documentUri(path, exchange.answer?.workspace ?? exchange.workspace).toString(),
        ),
      ),
      mode,
      ...(exchange.answer
        ? { label: verdictName(exchange.answer.verdict), contextValue: "answer" }
        : {}),
    },
  ];
}
