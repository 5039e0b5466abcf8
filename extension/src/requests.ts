import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import {
  type LanguageClient,
  ProgressType,
  WorkDoneProgress,
  type WorkDoneProgressReport,
} from "vscode-languageclient/node";
import {
  type AcceptedFinding,
  type Answer,
  type AuditRecord,
  type AuditVerification,
  type CheckParams,
  type Hit,
  type IndexAction,
  type IndexFolder,
  isPartialAnswer,
  type Judgement,
  type Model,
  type ModelAction,
  type PartialAnswer,
  type QueryParams,
} from "../ui/protocol";
import type { Server } from "./client";
import { ClientError } from "./errors";

/** A model that an answer takes and that has to be fetched, again where it is damaged. */
export interface MissingModel {
  readonly id: string;
  readonly task: string;
  readonly licence: string;
  /** 0 where it is made of another one that is fetched with it, or of files on this machine. */
  readonly download_bytes: number;
  readonly source: string;
}

export type ProgressReporter = vscode.Progress<{ message?: string; increment?: number }>;

/** Errors of the connection, not of the server: it ended while a request was open. */
const CONNECTION_LOST = new Set([-32097, -32099]);
const PARTIAL_ANSWER = new ProgressType<unknown>();

/** The requests of docs/PROTOCOL.md, typed. */
export class Requests {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Ask; what is written meanwhile goes to `onPartial`. */
  async ask(
    params: QueryParams,
    onPartial: (partial: PartialAnswer) => void,
    token: vscode.CancellationToken,
  ): Promise<Answer> {
    const client = await this.#server.connection();
    const partialResultToken = randomUUID();
    const listener = client.onProgress(PARTIAL_ANSWER, partialResultToken, (value) => {
      if (isPartialAnswer(value) && !token.isCancellationRequested) {
        onPartial(value);
      }
    });
    try {
      return await send<Answer>(
        client,
        "nsllm/hybridQuery",
        { ...params, partialResultToken },
        token,
      );
    } finally {
      listener.dispose();
    }
  }

  async search(
    params: { query: string; top_k?: number; workspace?: string },
    token?: vscode.CancellationToken,
  ): Promise<readonly Hit[]> {
    const client = await this.#server.connection();
    return (await send<{ hits: readonly Hit[] }>(client, "nsllm/search", params, token)).hits;
  }

  async check(
    params: CheckParams,
    progress?: ProgressReporter,
    token?: vscode.CancellationToken,
  ): Promise<Judgement> {
    return this.#watched<Judgement>("nsllm/check", params, progress, token);
  }

  /** Return the text of an answer's document, and the folder that it is about where that is open. */
  async answerDocument(
    uri: string,
    token?: vscode.CancellationToken,
  ): Promise<{ readonly text: string; readonly workspace?: string }> {
    const client = await this.#server.connection();
    return send(client, "nsllm/answer", { uri }, token);
  }

  async models(
    action: ModelAction,
    id?: string,
    progress?: ProgressReporter,
    token?: vscode.CancellationToken,
  ): Promise<readonly Model[]> {
    const params = id === undefined ? { action } : { action, id };
    return (
      await this.#watched<{ models: readonly Model[] }>("nsllm/models", params, progress, token)
    ).models;
  }

  /** Return what an answer lacks, in the order to fetch it. */
  async missingModels(): Promise<readonly MissingModel[]> {
    const client = await this.#server.connection();
    const params = { action: "missing" };
    return (await send<{ missing: readonly MissingModel[] }>(client, "nsllm/models", params))
      .missing;
  }

  async index(
    action: IndexAction,
    progress?: ProgressReporter,
    token?: vscode.CancellationToken,
  ): Promise<readonly IndexFolder[]> {
    return (
      await this.#watched<{ folders: readonly IndexFolder[] }>(
        "nsllm/index",
        { action },
        progress,
        token,
      )
    ).folders;
  }

  async auditRecords(limit: number, before?: number): Promise<readonly AuditRecord[]> {
    const client = await this.#server.connection();
    const params = { action: "list", limit, ...(before === undefined ? {} : { before }) };
    return (await send<{ records: readonly AuditRecord[] }>(client, "nsllm/audit", params)).records;
  }

  async auditVerification(): Promise<AuditVerification> {
    const client = await this.#server.connection();
    const params = { action: "verify" };
    return (await send<{ verification: AuditVerification }>(client, "nsllm/audit", params))
      .verification;
  }

  async acceptFinding(finding: AcceptedFinding): Promise<void> {
    const client = await this.#server.connection();
    await send(client, "nsllm/audit", { action: "accept", finding });
  }

  /** Send a request whose work-done progress is shown. */
  async #watched<R>(
    method: string,
    params: object,
    progress: ProgressReporter | undefined,
    token: vscode.CancellationToken | undefined,
  ): Promise<R> {
    const client = await this.#server.connection();
    if (!progress) {
      return send<R>(client, method, params, token);
    }
    const workDoneToken = randomUUID();
    let shown = 0;
    const listener = client.onProgress(WorkDoneProgress.type, workDoneToken, (value) => {
      const { message, percentage } = value as Partial<WorkDoneProgressReport>;
      const increment = percentage === undefined ? 0 : Math.max(0, percentage - shown);
      shown += increment;
      progress.report({ ...(message === undefined ? {} : { message }), increment });
    });
    try {
      return await send<R>(client, method, { ...params, workDoneToken }, token);
    } finally {
      listener.dispose();
    }
  }
}

async function send<R>(
  client: LanguageClient,
  method: string,
  params: object,
  token?: vscode.CancellationToken,
): Promise<R> {
  try {
    return await (token
      ? client.sendRequest<R>(method, params, token)
      : client.sendRequest<R>(method, params));
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    if (typeof code === "number" && CONNECTION_LOST.has(code)) {
      throw new ClientError(
        vscode.l10n.t("The server stopped before it answered."),
        "server.stopped",
        vscode.l10n.t("Restart the server and try again."),
      );
    }
    throw error;
  }
}
