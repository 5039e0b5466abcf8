/** Poll until `probe` gives something truthy, and return it; an error in `probe` ends the wait. */
export async function until(probe, { what, timeout = 15_000, every = 50 }) {
  const end = Date.now() + timeout;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`Waited ${timeout / 1000} s for ${typeof what === 'function' ? await what() : what}`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
