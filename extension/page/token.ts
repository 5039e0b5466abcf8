const KEY = "nsllm.token";

/**
 * Return the token of this tab: from the link that the server printed, or from before a reload.
 *
 * The link holds it behind `#`, which browsers send to no server, and it leaves the address at
 * once, so that it is in no bookmark. It goes with the tab.
 */
export function takeToken(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    keepToken(given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(KEY) ?? "";
}

export function keepToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

/** Forget the token, and with it all that was asked under it. */
export function forget(): void {
  sessionStorage.clear();
}
