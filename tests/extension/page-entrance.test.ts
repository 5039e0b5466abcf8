// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Entrance } from "../../extension/page/entrance";
import { PAGE } from "../../extension/page/words";

const KEPT = "nsllm.kept";

/** Tokens that the server takes; undefined while it does not run. */
let taken: string[] | undefined;
/** What was opened and closed, in order. */
let told: string[];
let root: HTMLElement;
let leave: (reason: string) => void;
const listeners: EventListener[] = [];

beforeEach(() => {
  taken = ["one", "two"];
  told = [];
  sessionStorage.clear();
  history.replaceState(null, "", "/");
  root = document.createElement("div");
  document.body.replaceChildren(root);
  const listen = window.addEventListener.bind(window);
  vi.spyOn(window, "addEventListener").mockImplementation((type: string, listener: unknown) => {
    listeners.push(listener as EventListener);
    listen(type, listener as EventListener);
  });
  vi.stubGlobal("fetch", (_: string, { headers }: { headers: Record<string, string> }) => {
    const token = headers["Authorization"]?.replace("Bearer ", "") ?? "";
    return taken === undefined
      ? Promise.reject(new TypeError("Failed to fetch"))
      : Promise.resolve(new Response("{}", { status: taken.includes(token) ? 200 : 401 }));
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Load the page, as after a reload: what listened before is gone. */
async function load(hash = ""): Promise<void> {
  for (const listener of listeners.splice(0)) {
    window.removeEventListener("hashchange", listener);
  }
  history.replaceState(null, "", `/${hash}`);
  new Entrance(root, (token, left) => {
    told.push(`open ${token}`);
    leave = left;
    return { close: () => told.push(`close ${token}`) };
  }).start();
  await settled();
}

/** Open a link in the tab that shows the page: only what is behind `#` changes. */
async function follow(hash: string): Promise<void> {
  history.replaceState(null, "", `/${hash}`);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
  await settled();
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const input = () => root.querySelector("input");
const reason = () => root.querySelector('[role="alert"]')?.textContent;

async function enter(token: string): Promise<void> {
  const field = input();
  if (field) {
    field.value = token;
  }
  root.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true }));
  await settled();
}

test("the printed link opens the page from the form, and leaves the address", async () => {
  await load();
  expect(input()).not.toBeNull();
  expect(reason()).toBe("");
  await follow("#token=one");
  expect(told).toEqual(["open one"]);
  expect(input()).toBeNull();
  expect(location.href).not.toContain("one");
});

test("a link with another token takes the place of what is open, and of what was asked", async () => {
  await load("#token=one");
  sessionStorage.setItem(KEPT, "{}");
  await follow("#token=two");
  expect(told).toEqual(["open one", "close one", "open two"]);
  expect(location.href).not.toContain("two");
  expect(sessionStorage.getItem(KEPT)).toBeNull();
});

test("the same link again leaves the page, which may be answering, as it is", async () => {
  await load("#token=one");
  sessionStorage.setItem(KEPT, "{}");
  await follow("#token=one");
  expect(told).toEqual(["open one"]);
  expect(location.href).not.toContain("one");
  expect(sessionStorage.getItem(KEPT)).toBe("{}");
});

test("going to another view is no link with a token", async () => {
  await load();
  const field = input();
  await follow("#audit");
  expect(input()).toBe(field);
});

test("of two links the last one counts", async () => {
  await load();
  await Promise.all([follow("#token=one"), follow("#token=two")]);
  expect(told).toEqual(["open two"]);
});

test("a wrong token of a link is said to be wrong", async () => {
  await load("#token=old");
  expect(reason()).toBe(PAGE.tokenWrong);
});

test("a reload while the server is down says so, and the next one opens the page", async () => {
  await load("#token=one");
  taken = undefined;
  told = [];
  await load();
  expect(reason()).toBe(`${PAGE.unreachable} ${PAGE.reloadHint}`);
  taken = ["one"];
  await load();
  expect(told).toEqual(["open one"]);
});

test("a token that is refused later is forgotten, once, and asked for again", async () => {
  await load("#token=one");
  leave(PAGE.tokenRefused);
  const field = input();
  leave("");
  expect(input()).toBe(field);
  expect(reason()).toBe(PAGE.tokenRefused);
  expect(told).toEqual(["open one", "close one"]);
  expect(sessionStorage).toHaveLength(0);
  await enter("two");
  expect(told.at(-1)).toBe("open two");
});

test("a form that a link replaced opens nothing any more", async () => {
  await load();
  const entering = enter("one");
  await Promise.all([follow("#token=two"), entering]);
  expect(told).toEqual(["open two"]);
});
