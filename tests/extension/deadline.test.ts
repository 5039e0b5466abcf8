import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LateError, within } from "../../extension/src/deadline";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("what comes in time is passed on, and leaves no timer", async () => {
  await expect(within(Promise.resolve(7), 1_000, "late")).resolves.toBe(7);
  await expect(within(Promise.reject(new Error("no")), 1_000, "late")).rejects.toThrow("no");
  expect(vi.getTimerCount()).toBe(0);
});

test("what does not come in time is late, however it ends then", async () => {
  let fail: (error: Error) => void = () => undefined;
  const slow = new Promise<void>((_, reject) => {
    fail = reject;
  });
  const waiting = expect(within(slow, 1_000, "no answer")).rejects.toEqual(
    new LateError("no answer"),
  );
  await vi.advanceTimersByTimeAsync(1_000);
  await waiting;
  fail(new Error("nobody hears this"));
});
