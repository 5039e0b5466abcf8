/** By how much all waits are longer, on a machine that has other work: NSLLM_HOST_PATIENCE. */
export const PATIENCE = Number(process.env.NSLLM_HOST_PATIENCE ?? 1);

/** Poll until `probe` gives something truthy, and return it; an error in `probe` ends the wait. */
export async function until(probe, { what, timeout = 15_000, every = 50 }) {
  const end = Date.now() + timeout * PATIENCE;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`Waited ${(timeout * PATIENCE) / 1000} s for ${typeof what === 'function' ? await what() : what}`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
