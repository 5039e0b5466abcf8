const KEY = "nsllm.token";

/**
 * Take the token of the link that the server printed out of the address; tell whether there is one.
 *
 * The link holds it behind `#`, which browsers send to no server, and it leaves the address at
 * once, so that it is in no bookmark. It goes with the tab.
 */
export function takeToken(): boolean {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) {
    return false;
  }
  keepToken(given);
  history.replaceState(null, "", location.pathname);
  return true;
}

/** Return the token of this tab, empty where it has none. */
export function keptToken(): string {
  return sessionStorage.getItem(KEY) ?? "";
}

/** Keep a token; what was asked under another one is not its holder's to see. */
export function keepToken(token: string): void {
  if (token !== keptToken()) {
    forget();
  }
  sessionStorage.setItem(KEY, token);
}

/** Forget the token, and with it all that was asked under it. */
export function forget(): void {
  sessionStorage.clear();
}
