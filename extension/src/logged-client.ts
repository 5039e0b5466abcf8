import type { ChildProcess } from "node:child_process";
import type * as vscode from "vscode";
import { LanguageClient, type LanguageClientOptions } from "vscode-languageclient/node";

const KEPT_LINES = 20;

/**
 * A language client that writes to a log by level, and never shows a message by itself: the
 * library's own would come beside ours.
 */
export class LoggedClient extends LanguageClient {
  readonly #log: vscode.LogOutputChannel;

  constructor(
    start: () => Promise<ChildProcess>,
    options: LanguageClientOptions,
    log: vscode.LogOutputChannel,
  ) {
    super("nsllm", "NS-LLM", start, options);
    this.#log = log;
  }

  override error(message: string, data?: unknown): void {
    this.#log.error(withData(message, data));
  }

  override warn(message: string, data?: unknown): void {
    this.#log.warn(withData(message, data));
  }

  override info(message: string, data?: unknown): void {
    this.#log.info(withData(message, data));
  }

  override debug(message: string, data?: unknown): void {
    this.#log.debug(withData(message, data));
  }
}

function withData(message: string, data: unknown): string {
  if (data === undefined || data === null) {
    return message;
  }
  return `${message} ${data instanceof Error ? (data.stack ?? data.message) : JSON.stringify(data)}`;
}

/** Return the end of a text, as pieces that can be joined again. */
export function lastLines(text: string): string[] {
  const lines = text.split(/(?<=\n)/);
  return lines.slice(-KEPT_LINES);
}
