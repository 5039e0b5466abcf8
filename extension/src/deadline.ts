/** What was waited for did not come in time. */
export class LateError extends Error {}

/** Wait for a promise, but no longer than this; it goes on, and how it ends is ignored. */
export function within<T>(promise: Promise<T>, limitMs: number, reason: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new LateError(reason)), limitMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
