// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client } from "../../extension/page/client";
import { PageHost } from "../../extension/page/host";
import { PAGE, STRINGS } from "../../extension/page/words";
import { App } from "../../extension/ui/app";
import { answer } from "./fixtures";

type Reply = object | undefined | Promise<object>;

/** What the server answers at a path; undefined is no answer at all. */
let replies: Record<string, Reply>;
let bodies: Record<string, unknown>[];
let root: HTMLElement;
let host: PageHost | undefined;

const model = (id: string, in_use: boolean, more: object = {}) => ({
  id,
  task: "generation",
  installed: true,
  in_use,
  ...more,
});
const FOLDERS = {
  workspaces: [{ workspace: "handbook", state: "ready", documents: 1, chunks: 1, problem: null }],
};

beforeEach(() => {
  sessionStorage.clear();
  bodies = [];
  vi.stubGlobal("isSecureContext", false);
  replies = { "/api/index": FOLDERS, "/api/models": { models: [model("a", true)] } };
  vi.stubGlobal("fetch", async (path: string, { body }: RequestInit) => {
    if (body !== undefined) {
      bodies.push(JSON.parse(String(body)));
    }
    const reply = await replies[path];
    if (reply === undefined) {
      throw new TypeError("Failed to fetch");
    }
    const text = JSON.stringify(reply);
    return new Response(path === "/api/hybrid-query" ? `event: answer\ndata: ${text}\n\n` : text);
  });
});

afterEach(() => {
  host?.close();
  vi.unstubAllGlobals();
});

/** Load the page, as after a reload. */
async function load(): Promise<void> {
  host?.close();
  root = document.createElement("div");
  document.body.replaceChildren(root);
  host = new PageHost({
    client: new Client("t"),
    strings: STRINGS,
    workspace: () => undefined,
    onFolders: () => undefined,
    say: () => undefined,
    onRefused: () => undefined,
  });
  new App(root, host, STRINGS);
  await settled();
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 10));
const banner = () => root.querySelector(".banner")?.textContent;

async function ask(question: string): Promise<void> {
  host?.send({ type: "ask", question, mode: "auto" });
  await settled();
}

test("that everything stays on the server is said of a model on it, and of no other", async () => {
  await load();
  expect(root.querySelector(".empty")?.textContent).toContain(PAGE.staysHere);
  replies["/api/models"] = { models: [model("a", true, { remote: "http://host:8000/v1" })] };
  await load();
  expect(root.querySelector(".empty")?.textContent).toContain(PAGE.emptyText);
  expect(root.querySelector(".empty")?.textContent).not.toContain(PAGE.staysHere);
});

test("a follow-up after a reload is of the same session, until a new one", async () => {
  replies["/api/hybrid-query"] = answer();
  await load();
  await ask("How long?");
  await load();
  expect(root.querySelectorAll("article")).toHaveLength(1);
  await ask("And why?");
  host?.send({ type: "clear" });
  await load();
  await ask("Who?");
  const [first, second, third] = bodies.map(({ session }) => session);
  expect(second).toBe(first);
  expect(third).not.toBe(first);
  expect(bodies.map(({ mode }) => mode)).toEqual([undefined, undefined, undefined]);
});

test.each(["{", "null", '{"draft":1,"exchanges":[{"id":"x"}]}'])(
  "what another version kept, %j, does not stop the page",
  async (kept) => {
    sessionStorage.setItem("nsllm.kept", kept);
    await load();
    expect(root.querySelector(".empty")).not.toBeNull();
  },
);

test("only where the page tries again by itself it says so", async () => {
  replies["/api/hybrid-query"] = undefined;
  await load();
  await ask("How long?");
  const failed = root.querySelector(".error")?.textContent;
  expect(failed).toBe(`${PAGE.unreachable}${PAGE.unreachableHint}`);
  replies["/api/index"] = undefined;
  await load();
  expect(banner()).toBe(`${PAGE.unreachable} ${PAGE.retriesHint}`);
});

test("a model that is chosen while another is switched to is not taken", async () => {
  const models = [model("a", true), model("b", false), model("c", false)];
  replies["/api/models"] = { models };
  await load();
  let finish: (reply: object) => void = () => undefined;
  replies["/api/models/use"] = new Promise((resolve) => {
    finish = resolve;
  });
  host?.send({ type: "useModel", model: "b" });
  host?.send({ type: "useModel", model: "c" });
  await settled();
  expect(bodies).toEqual([{ id: "b" }]);
  expect(banner()).toBe("Switching to b…");
  const switched = { models: [model("a", false), model("b", true), model("c", false)] };
  replies["/api/models"] = switched;
  finish(switched);
  await settled();
  expect(root.querySelector<HTMLSelectElement>("select.model")?.value).toBe("b");
  host?.send({ type: "useModel", model: "c" });
  await settled();
  expect(bodies).toEqual([{ id: "b" }, { id: "c" }]);
});
