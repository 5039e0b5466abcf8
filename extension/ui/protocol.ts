/**
 * The types of docs/PROTOCOL.md, as they travel between this client and the server.
 *
 * Offsets count characters (code points) of the text they refer to, `start_line` and `end_line`
 * count from 1, and an LSP `range` counts from 0.
 */

export type Mode = "auto" | "generate" | "extract";
export type Verdict = "pass" | "warn" | "reject";
export type Severity = "info" | "warn" | "reject";

export interface Source {
  readonly marker: number;
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
  readonly text: string;
  readonly score: number;
}

/** What `nsllm/search` finds: a source without a marker. */
export type Hit = Omit<Source, "marker">;

/** Each is null where it could not be computed. */
export interface Scores {
  readonly relevance: number | null;
  readonly coherence: number | null;
  readonly grounding: number | null;
  readonly perplexity: number | null;
  readonly toxicity: number | null;
  readonly overall: number | null;
}

export interface Evidence {
  readonly marker: number;
  readonly text: string;
  readonly path?: string | null;
  readonly start_line?: number | null;
  readonly end_line?: number | null;
}

export interface WirePosition {
  readonly line: number;
  readonly character: number;
}

export interface WireRange {
  readonly start: WirePosition;
  readonly end: WirePosition;
}

export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  readonly start: number;
  readonly end: number;
  readonly message: string;
  readonly evidence?: Evidence | null;
  readonly range?: WireRange;
}

export interface Judgement {
  readonly scores: Scores;
  readonly findings: readonly Finding[];
  readonly verdict: Verdict;
}

export interface QueryParams {
  readonly question: string;
  readonly top_k?: number;
  readonly mode?: Mode;
  readonly model?: string;
  readonly workspace?: string;
  readonly session?: string;
  readonly workDoneToken?: string;
  readonly partialResultToken?: string;
}

export interface Answer extends Judgement {
  readonly id: string;
  readonly text: string;
  readonly mode: Mode;
  readonly model: string | null;
  readonly sources: readonly Source[];
  readonly timings_ms: Readonly<Record<string, number>>;
  readonly cached: boolean;
  /** Its own document, for editors; empty over HTTP. */
  readonly uri: string;
  readonly workspace: string;
}

/** Whether something answers; if not, the sources are what was looked at. */
export function isFound({ findings }: Judgement): boolean {
  return findings.every(({ rule }) => rule !== "answer.not-found");
}

export type PartialAnswer =
  | { readonly kind: "sources"; readonly sources: readonly Source[] }
  | { readonly kind: "delta"; readonly text: string }
  | { readonly kind: "withdrawn"; readonly reason: string };

export interface CheckParams {
  readonly uri?: string;
  readonly range?: WireRange;
  readonly generated?: boolean;
  readonly text?: string;
  readonly workspace?: string;
  readonly workDoneToken?: string;
}

export interface Model {
  readonly id: string;
  readonly task: string;
  readonly family: string;
  readonly parameters: number;
  readonly licence: string;
  readonly context_length: number;
  readonly disk_bytes: number;
  readonly memory_bytes: number;
  readonly installed: boolean;
  readonly in_use: boolean;
  readonly calibrated: boolean;
  readonly exam?: { readonly score: number; readonly passed: boolean } | null;
  /** The server to which text is sent when it writes; only of a model on another machine. */
  readonly remote?: string;
}

export type ModelAction = "list" | "use" | "pull" | "remove" | "verify";
export type IndexAction = "status" | "sync" | "rebuild";

export interface IndexFolder {
  readonly workspace: string;
  readonly documents: number;
  readonly chunks: number;
  readonly busy: boolean;
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  readonly rebuilt_because?: string | null;
}

export interface AcceptedFinding {
  readonly uri: string;
  readonly rule: string;
  readonly text: string;
  readonly reason: string;
}

export interface AuditParams {
  readonly action: "list" | "accept" | "verify";
  readonly limit?: number;
  readonly before?: number;
  readonly finding?: AcceptedFinding;
}

export interface AuditRecord extends Judgement {
  readonly number: number;
  readonly id: string;
  readonly time: string;
  readonly question: string | null;
  readonly text: string;
  readonly mode: string;
  readonly model: string | null;
  readonly workspace: string;
  /** Who asked: the front end, and its session where it has one. */
  readonly client: string;
  readonly decided_by: readonly string[];
  readonly evidence: readonly {
    readonly path: string;
    readonly start_line: number;
    readonly end_line: number;
    readonly sha256: string;
  }[];
  readonly rejected: readonly {
    readonly text: string;
    readonly mode: string;
    readonly rule: string;
    readonly reason: string;
  }[];
  readonly tokens: number;
  readonly timings_ms: Readonly<Record<string, number>>;
  readonly version: string;
  readonly settings_sha256: string;
  readonly rules_sha256: string;
  readonly models: readonly {
    readonly id: string;
    readonly task: string;
    readonly sha256: string;
    readonly adapter_sha256?: string | null;
  }[];
  /** The kinds of secrets that were replaced before the record was written. */
  readonly redacted: readonly string[];
  readonly accepted?: { readonly rule: string; readonly uri: string; readonly reason: string };
}

/** Whether the audit log is as it was written. */
export interface AuditVerification {
  readonly intact: boolean;
  readonly entries: number;
  /** `NUMBER:DIGEST` of the last entry, to be noted elsewhere. */
  readonly head: string;
  readonly faults: readonly {
    readonly kind: string;
    readonly first: number | null;
    readonly last: number | null;
    readonly message: string;
  }[];
  readonly notes: readonly string[];
  readonly path: string;
  /** The folder of the key and the sealed head. */
  readonly seal: string;
}

export interface BusyTask {
  readonly task: string;
  readonly done: number;
  readonly total?: number | null;
  readonly unit: string;
}

export interface ServerStatus {
  readonly health: "ok" | "warning" | "error";
  readonly message: string;
  readonly hint?: string | null;
  /** The code of the error that `message` tells of. */
  readonly code?: string | null;
  readonly busy: readonly BusyTask[];
  readonly models: { readonly embedder: string | null; readonly generator: string | null };
  readonly folders: readonly {
    readonly workspace: string;
    readonly documents: number;
    readonly chunks: number;
  }[];
}

/** The `data` of the server's errors. */
export interface ErrorData {
  readonly code: string;
  readonly hint: string;
}

type Fields = Readonly<Record<string, unknown>>;

export function fields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? (value as Fields) : undefined;
}

/** Tell whether a value is one of the three partial results; anything else is ignored. */
export function isPartialAnswer(value: unknown): value is PartialAnswer {
  const record = fields(value);
  switch (record?.["kind"]) {
    case "sources":
      return Array.isArray(record["sources"]) && record["sources"].every(isSource);
    case "delta":
      return typeof record["text"] === "string";
    case "withdrawn":
      return typeof record["reason"] === "string";
    default:
      return false;
  }
}

export function isSource(value: unknown): value is Source {
  const record = fields(value);
  return (
    typeof record?.["marker"] === "number" &&
    typeof record["path"] === "string" &&
    typeof record["start_line"] === "number" &&
    typeof record["end_line"] === "number" &&
    typeof record["text"] === "string"
  );
}

/** Return the `data` of a server's error, or undefined where an error is not the server's. */
export function errorData(error: unknown): ErrorData | undefined {
  const data = fields(fields(error)?.["data"]);
  const code = data?.["code"];
  const hint = data?.["hint"];
  return typeof code === "string"
    ? { code, hint: typeof hint === "string" ? hint : "" }
    : undefined;
}

export function isServerStatus(value: unknown): value is ServerStatus {
  const record = fields(value);
  return (
    (record?.["health"] === "ok" ||
      record?.["health"] === "warning" ||
      record?.["health"] === "error") &&
    typeof record["message"] === "string" &&
    Array.isArray(record["busy"]) &&
    Array.isArray(record["folders"]) &&
    fields(record["models"]) !== undefined
  );
}
