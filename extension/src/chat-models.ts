import * as vscode from "vscode";
import type { Model } from "../ui/protocol";
import { isGenerator } from "./commands/models";
import type { Extension } from "./context";
import { ClientError } from "./errors";
import { setting } from "./settings";

/** Characters of a token in English text, for estimates where no tokenizer is asked. */
const CHARACTERS_PER_TOKEN = 4;

/** Our models in chat's model picker; each answers from the workspace, governed like elsewhere. */
export class ChatModels implements vscode.LanguageModelChatProvider, vscode.Disposable {
  static readonly VENDOR = "nsllm";

  readonly #extension: Extension;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeLanguageModelChatInformation = this.#changed.event;
  readonly #listener: vscode.Disposable;

  constructor(extension: Extension) {
    this.#extension = extension;
    this.#listener = extension.server.onDidChangeState(() => this.#changed.fire());
  }

  async provideLanguageModelChatInformation(): Promise<vscode.LanguageModelChatInformation[]> {
    if (this.#extension.server.state !== "running") {
      return [];
    }
    const models = await this.#extension.requests.models("list");
    return models.filter((model) => isGenerator(model) && model.installed).map(toInformation);
  }

  async provideLanguageModelChatResponse(
    model: vscode.LanguageModelChatInformation,
    messages: readonly vscode.LanguageModelChatRequestMessage[],
    _options: vscode.ProvideLanguageModelChatResponseOptions,
    progress: vscode.Progress<vscode.LanguageModelResponsePart>,
    token: vscode.CancellationToken,
  ): Promise<void> {
    const { requests, answers } = this.#extension;
    const question = lastQuestion(messages);
    if (question === "") {
      throw new ClientError(
        vscode.l10n.t("The message holds no text."),
        "question",
        vscode.l10n.t("Ask a question."),
      );
    }
    const workspace = answers.folderOf();
    const folder = workspace === undefined ? {} : { workspace };
    const params = { question, model: model.id, ...folder };
    const answer = await requests.ask(params, () => undefined, token);
    answers.last = answer;
    // What chat has shown cannot be taken back, so the text is told once it is judged.
    progress.report(new vscode.LanguageModelTextPart(answer.text));
  }

  provideTokenCount(
    _model: vscode.LanguageModelChatInformation,
    text: string | vscode.LanguageModelChatRequestMessage,
  ): Promise<number> {
    const content = typeof text === "string" ? text : textOf(text);
    return Promise.resolve(Math.ceil(content.length / CHARACTERS_PER_TOKEN));
  }

  dispose(): void {
    this.#listener.dispose();
    this.#changed.dispose();
  }
}

function toInformation(model: Model): vscode.LanguageModelChatInformation {
  const longest = setting<number>("generation.max_tokens") ?? model.context_length;
  return {
    id: model.id,
    name: model.id,
    family: model.family,
    version: model.id,
    tooltip: model.remote
      ? vscode.l10n.t("questions and passages are sent to {0}", model.remote)
      : vscode.l10n.t("Runs on this machine and answers from the workspace"),
    maxInputTokens: Math.max(1, model.context_length - longest),
    maxOutputTokens: longest,
    capabilities: {},
  };
}

function lastQuestion(messages: readonly vscode.LanguageModelChatRequestMessage[]): string {
  const last = messages.findLast(({ role }) => role === vscode.LanguageModelChatMessageRole.User);
  return last ? textOf(last).trim() : "";
}

function textOf({ content }: vscode.LanguageModelChatRequestMessage): string {
  return content
    .filter((part) => part instanceof vscode.LanguageModelTextPart)
    .map((part) => part.value)
    .join("");
}
