import * as vscode from "vscode";
import type { Answer } from "../ui/protocol";
import { ChatModels } from "./chat-models";
import { type ChatTurn, sessionOf } from "./chat-session";
import { registerTools } from "./chat-tools";
import { verdictName } from "./commands/check";
import type { Extension } from "./context";
import { describe, isCancellation } from "./errors";
import { documentUri } from "./navigation";
import { escapeMarkdown, inertMarkdown, linkCitations } from "./thread-markdown";

const PARTICIPANT = "nsllm.chat";

/** Offer the chat features that this VS Code has; an editor without chat loses only these. */
export function registerChat(extension: Extension): void {
  const { subscriptions } = extension.context;
  if ("chat" in vscode && typeof vscode.chat?.createChatParticipant === "function") {
    const participant = vscode.chat.createChatParticipant(
      PARTICIPANT,
      (request, { history }, stream, token) => {
        const asked = { request, session: sessionOf(history as readonly ChatTurn[]) };
        return respond(extension, asked, stream, token);
      },
    );
    participant.iconPath = vscode.Uri.joinPath(
      extension.context.extensionUri,
      "extension/media/nsllm.svg",
    );
    subscriptions.push(participant);
  }
  if (typeof vscode.lm?.registerTool === "function") {
    subscriptions.push(...registerTools(extension));
  }
  if (typeof vscode.lm?.registerLanguageModelChatProvider === "function") {
    const models = new ChatModels(extension);
    subscriptions.push(
      models,
      vscode.lm.registerLanguageModelChatProvider(ChatModels.VENDOR, models),
    );
  }
}

async function respond(
  extension: Extension,
  { request, session }: { readonly request: vscode.ChatRequest; readonly session: string },
  stream: vscode.ChatResponseStream,
  token: vscode.CancellationToken,
): Promise<vscode.ChatResult> {
  try {
    if (request.command === "search") {
      await search(extension, request.prompt, stream, token);
    } else {
      await ask(extension, { question: request.prompt, session }, stream, token);
    }
    return { metadata: { session } };
  } catch (error) {
    if (isCancellation(error)) {
      return { metadata: { session } };
    }
    const { message, hint, fix } = describe(error);
    stream.button({ command: fix.command, title: fix.title });
    return { errorDetails: { message: `${message} ${hint}`.trim() }, metadata: { session } };
  }
}

async function ask(
  { requests, answers }: Extension,
  asked: { readonly question: string; readonly session: string },
  stream: vscode.ChatResponseStream,
  token: vscode.CancellationToken,
): Promise<void> {
  const workspace = answers.folderOf();
  stream.progress(vscode.l10n.t("Searching the documents…"));
  // What chat has shown cannot be taken back, so the text is shown once it is judged.
  const answer = await requests.ask(
    { ...asked, ...(workspace === undefined ? {} : { workspace }) },
    (partial) => {
      if (partial.kind === "sources") {
        stream.progress(vscode.l10n.t("Writing the answer…"));
      }
    },
    token,
  );
  answers.last = answer;
  show(answer, stream);
}

function show(answer: Answer, stream: vscode.ChatResponseStream): void {
  const { t } = vscode.l10n;
  const uriOf = (path: string): vscode.Uri => documentUri(path, answer.workspace);
  stream.markdown(linkCitations(answer.text, answer.sources, (path) => uriOf(path).toString()));
  for (const { path, start_line, end_line } of answer.sources) {
    const range = new vscode.Range(start_line - 1, 0, end_line - 1, 0);
    stream.reference(new vscode.Location(uriOf(path), range));
  }
  const findings = answer.findings.map(({ message }) => `- ${escapeMarkdown(message)}`).join("\n");
  stream.markdown(`\n\n*${verdictName(answer.verdict)}*\n${findings}\n`);
  stream.button({ command: "nsllm.insertLastAnswer", title: t("Insert Answer") });
}

async function search(
  { requests, answers }: Extension,
  query: string,
  stream: vscode.ChatResponseStream,
  token: vscode.CancellationToken,
): Promise<void> {
  const workspace = answers.folderOf();
  const params = { query, ...(workspace === undefined ? {} : { workspace }) };
  const hits = await requests.search(params, token);
  if (hits.length === 0) {
    stream.markdown(vscode.l10n.t("Nothing was found."));
  }
  for (const { path, start_line, end_line, text } of hits) {
    const range = new vscode.Range(start_line - 1, 0, end_line - 1, 0);
    stream.anchor(
      new vscode.Location(documentUri(path, workspace), range),
      `${path}:${start_line}`,
    );
    const quoted = inertMarkdown(text.trim()).replace(/^/gm, "> ");
    stream.markdown(`\n\n${quoted}\n\n`);
  }
}
