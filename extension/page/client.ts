import { EventSourceParserStream } from "eventsource-parser/stream";
import type { Asked } from "../ui/conversation";
import type { Answer, Judgement, Model, PartialAnswer } from "../ui/protocol";
import { isPartialAnswer } from "../ui/protocol";
import { PAGE } from "./words";

/** A workspace and the state of its index. */
export interface Folder {
  readonly workspace: string;
  readonly state: "indexing" | "ready" | "failed";
  readonly documents: number;
  readonly chunks: number;
  readonly problem: string | null;
}

export interface AuditEntry extends Judgement {
  readonly number: number;
  readonly id: string;
  readonly time: string;
  readonly workspace: string;
  readonly client: string;
  readonly question: string;
  readonly text: string;
  readonly mode: string;
  readonly model: string | null;
  /** Of a record that is not of an answer, but of a finding that someone accepted on `text`. */
  readonly accepted?: { readonly rule: string; readonly uri: string; readonly reason: string };
}

export interface AuditPage {
  readonly records: readonly AuditEntry[];
  /** What `before` of the next page is, or null where there is none. */
  readonly next: number | null;
}

export interface Verification {
  readonly intact: boolean;
  readonly entries: number;
  readonly head: string;
  readonly faults: readonly { readonly kind: string; readonly message: string }[];
  readonly notes: readonly string[];
}

/** An error that the server told, or that it could not be reached (status 0). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string;

  constructor(status: number, told: { code?: string; detail?: string; hint?: string }) {
    super(told.detail ?? PAGE.unreadable);
    this.status = status;
    this.code = told.code ?? "client";
    this.hint = told.hint ?? "";
  }
}

/** The operations of docs/API.md that the page uses; each fails with a Problem. */
export class Client {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  /** Ask; what is written meanwhile goes to `onPartial`. Ending the signal ends the answer. */
  async ask(
    { question, mode, workspace, session }: Asked,
    onPartial: (partial: PartialAnswer) => void,
    signal: AbortSignal,
  ): Promise<Answer> {
    // JSON leaves out what is undefined.
    const body = { question, mode, session, workspace };
    const response = await this.#send("/api/hybrid-query", {
      body,
      signal,
      accept: "text/event-stream",
    });
    const events = response.body
      ?.pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    const reader = events?.getReader();
    for (;;) {
      const read = reader && (await received(reader.read()));
      if (!read || read.done) {
        throw endedEarly();
      }
      const { event, data } = read.value;
      const told = parsed(data, response.status);
      if (event === "answer") {
        return { ...(told as Omit<Answer, "uri" | "workspace">), uri: "", workspace: "" };
      }
      if (event === "error") {
        throw problem(told);
      }
      const partial = { kind: event, ...(told as object) };
      if (isPartialAnswer(partial)) {
        onPartial(partial);
      }
    }
  }

  async models(): Promise<readonly Model[]> {
    return (await this.#json<{ models: readonly Model[] }>("/api/models")).models;
  }

  /** Answer with another model from now on; returns all models. */
  async useModel(id: string): Promise<readonly Model[]> {
    return (await this.#json<{ models: readonly Model[] }>("/api/models/use", { id })).models;
  }

  async folders(): Promise<readonly Folder[]> {
    return (await this.#json<{ workspaces: readonly Folder[] }>("/api/index")).workspaces;
  }

  audit(before: number | null): Promise<AuditPage> {
    const query = before === null ? "" : `&before=${before}`;
    return this.#json<AuditPage>(`/api/audit?limit=20${query}`);
  }

  verifyAudit(): Promise<Verification> {
    return this.#json<Verification>("/api/audit/verify");
  }

  /** Return the figures in Prometheus's text format; any token may read them. */
  async metrics(): Promise<string> {
    return received((await this.#send("/metrics")).text());
  }

  async #json<T>(path: string, body?: object): Promise<T> {
    const response = await this.#send(path, body === undefined ? {} : { body });
    return parsed(await received(response.text()), response.status) as T;
  }

  async #send(
    path: string,
    { body, signal, accept }: { body?: object; signal?: AbortSignal; accept?: string } = {},
  ): Promise<Response> {
    const headers = {
      ...(this.#token === "" ? {} : { Authorization: `Bearer ${this.#token}` }),
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(accept === undefined ? {} : { Accept: accept }),
    };
    const init = {
      headers,
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    };
    const response = await fetch(path, init).catch((error: unknown) => {
      // Browsers tell nothing of why: `fetch` fails with a TypeError for all of it.
      throw error instanceof TypeError
        ? new Problem(0, { detail: PAGE.unreachable, hint: PAGE.unreachableHint })
        : error;
    });
    if (!response.ok) {
      throw problem(parsed(await received(response.text()), response.status), response.status);
    }
    return response;
  }
}

/** Return an error as it is told where the page tries again by itself. */
export function retried(error: unknown): unknown {
  return error instanceof Problem && error.status === 0
    ? new Problem(0, { code: error.code, detail: error.message, hint: PAGE.retriesHint })
    : error;
}

/** Wait for what the server sends; where the connection is lost meanwhile, say that. */
function received<T>(reading: Promise<T>): Promise<T> {
  return reading.catch((error: unknown) => {
    throw error instanceof TypeError ? endedEarly() : error;
  });
}

function endedEarly(): Problem {
  return new Problem(0, { detail: PAGE.endedEarly, hint: PAGE.askAgain });
}

/** Read JSON; what comes of a proxy may be none. */
function parsed(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(status, {});
  }
}

function problem(told: unknown, status = 0): Problem {
  const fields = typeof told === "object" && told !== null ? told : {};
  return new Problem((fields as { status?: number }).status ?? status, fields);
}
