import { randomUUID } from "node:crypto";

/** A turn of chat's history, as far as it is read here; only responses have a result. */
export interface ChatTurn {
  readonly result?: { readonly metadata?: Readonly<Record<string, unknown>> };
}

/** Return the session of a chat's earlier answers, so that a follow-up is one; else a new one. */
export function sessionOf(history: readonly ChatTurn[]): string {
  for (const { result } of history.toReversed()) {
    const session = result?.metadata?.["session"];
    if (typeof session === "string") {
      return session;
    }
  }
  return randomUUID();
}
