/**
 * Return a function that runs `task` one at a time: a call during a run queues exactly one more,
 * which all callers that came meanwhile share.
 */
export function coalesce(task: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | undefined;
  let queued: Promise<void> | undefined;

  const run = (): Promise<void> => {
    const started = task().finally(() => {
      if (current === started) {
        current = undefined;
      }
    });
    current = started;
    return started;
  };

  return () => {
    if (queued || !current) {
      return queued ?? run();
    }
    queued = current
      .catch(() => undefined)
      .then(() => {
        queued = undefined;
        return run();
      });
    return queued;
  };
}
