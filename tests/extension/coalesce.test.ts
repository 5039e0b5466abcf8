import { expect, test } from "vitest";
import { coalesce } from "../../extension/src/coalesce";

/** A task that ends when told to, and counts how many of it run at once. */
function scripted() {
  const state = { started: 0, running: 0, most: 0, ends: [] as ((error?: Error) => void)[] };
  const task = (): Promise<void> => {
    state.started += 1;
    state.running += 1;
    state.most = Math.max(state.most, state.running);
    return new Promise((resolve, reject) => {
      state.ends.push((error) => {
        state.running -= 1;
        error ? reject(error) : resolve();
      });
    });
  };
  return { state, task };
}

test("calls during a run queue exactly one more", async () => {
  const { state, task } = scripted();
  const restart = coalesce(task);
  const first = restart();
  const later = [restart(), restart(), restart()];
  expect(state.started).toBe(1);
  state.ends[0]?.();
  await first;
  await expect.poll(() => state.started).toBe(2);
  state.ends[1]?.();
  await Promise.all(later);
  expect(state.started).toBe(2);
});

test("a call between the end of a run and the start of the queued one does not run beside it", async () => {
  const { state, task } = scripted();
  const restart = coalesce(task);
  const first = restart();
  const queued = restart();
  // Registered after the queue's own continuation, and so called right at that moment.
  const between = first.then(() => restart());
  state.ends[0]?.();
  await expect.poll(() => state.started).toBeGreaterThanOrEqual(2);
  state.ends[1]?.();
  await queued;
  await Promise.resolve();
  state.ends[2]?.();
  await between;
  expect(state.most).toBe(1);
});

test("a failed run is the failure of its caller, and the queued run still comes", async () => {
  const { state, task } = scripted();
  const restart = coalesce(task);
  const first = restart();
  const second = restart();
  state.ends[0]?.(new Error("no server"));
  await expect(first).rejects.toThrow("no server");
  await expect.poll(() => state.started).toBe(2);
  state.ends[1]?.();
  await expect(second).resolves.toBeUndefined();
});

test("after everything has ended a call runs again", async () => {
  const { state, task } = scripted();
  const restart = coalesce(task);
  for (const index of [0, 1, 2]) {
    const run = restart();
    state.ends[index]?.();
    await run;
  }
  expect(state.started).toBe(3);
});
