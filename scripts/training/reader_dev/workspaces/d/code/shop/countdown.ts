// The clock in the basket. The server decides; this only shows.

/** Below this many seconds the clock turns orange. */
export const WARN_AT = 120;

/** Ask the server for the true end this often, in milliseconds. */
export const RESYNC_MS = 20_000;

// Screen readers would talk without a break if we announced each second.
export const ANNOUNCE_AT = [300, 60, 15];

export function remaining(expiresAt: string, offsetMs: number): number {
  // offsetMs corrects wrong clocks of patrons' devices; some are off by days.
  const left = Date.parse(expiresAt) - (Date.now() + offsetMs);
  return Math.max(0, Math.floor(left / 1000));
}

export function label(seconds: number): string {
  if (seconds === 0) return "Your seats have been released";
  const m = Math.floor(seconds / 60);
  return `${m}:${String(seconds % 60).padStart(2, "0")}`;
}

/** A hidden tab sleeps, so resync as soon as it is visible again. */
export function onVisible(resync: () => void): void {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) resync();
  });
}
