// Sends files piece by piece and survives a closed laptop lid.

const PIECE_BYTES = 48 * 1024 * 1024;

// Three at once fills a usual line. More made phones run hot.
const PARALLEL_PIECES = 3;

// Seconds between attempts double up to this ceiling.
const MAX_BACKOFF_S = 120;

// The queue lives in IndexedDB; entries older than this are dropped
// because the server has thrown the upload away by then.
const FORGET_AFTER_H = 6;

export type State = "waiting" | "hashing" | "sending" | "done" | "refused";

export interface Entry {
  file: File;
  uploadId?: string;
  nextPiece: number;
  attempts: number;
  state: State;
}

export function pieces(file: File): number {
  // An empty file still needs one piece, or the server waits for ever.
  return Math.max(1, Math.ceil(file.size / PIECE_BYTES));
}

export function backoff(attempts: number): number {
  return Math.min(2 ** attempts, MAX_BACKOFF_S);
}

export function afterResponse(entry: Entry, status: number): Entry {
  switch (status) {
    case 204:
      return { ...entry, nextPiece: entry.nextPiece + 1, attempts: 0 };
    case 409: // the server already has this piece, skip it
      return { ...entry, nextPiece: entry.nextPiece + 1 };
    case 413: // a proxy is too strict: retrying can't help
    case 507: // the server is below its limit of free space
      return { ...entry, state: "refused" };
    default:
      return { ...entry, attempts: entry.attempts + 1 };
  }
}

// Hash before sending: for a duplicate not a single byte goes over the line.
export const HASH_FIRST = true;
