import { afterEach, expect, test, vi } from "vitest";
import { Client, Problem, retried } from "../../extension/page/client";
import { PAGE } from "../../extension/page/words";
import type { PartialAnswer } from "../../extension/ui/protocol";
import { answer, source } from "./fixtures";

afterEach(() => {
  vi.unstubAllGlobals();
});

const ASKED = { question: "How long?", mode: "auto", session: "s" } as const;

/** Let the network answer with pieces of a body, and return what was sent. */
function respond(pieces: readonly string[], init: ResponseInit = {}) {
  const sent: { path: string; init: RequestInit }[] = [];
  vi.stubGlobal("fetch", (path: string, given: RequestInit) => {
    sent.push({ path, init: given });
    const bytes = new TextEncoder();
    const body = new ReadableStream({
      start(controller) {
        for (const piece of pieces) {
          controller.enqueue(bytes.encode(piece));
        }
        controller.close();
      },
    });
    return Promise.resolve(new Response(body, init));
  });
  return sent;
}

async function ask(token = "t") {
  const partials: PartialAnswer[] = [];
  const asking = new Client(token).ask(
    ASKED,
    (partial) => partials.push(partial),
    new AbortController().signal,
  );
  return { partials, asked: await asking.catch((error: unknown) => error) };
}

test("an answer comes in events, wherever the network cuts them", async () => {
  const { uri: _, workspace: __, ...whole } = answer();
  const text = [
    `event: sources\ndata: ${JSON.stringify({ sources: [source(1)] })}\n\n`,
    ": ping\n\n",
    'event: delta\ndata: {"text":"Käse"}\n\n',
    'event: withdrawn\ndata: {"reason":"unsupported"}\n\n',
    'event: later\ndata: {"of":"another version"}\n\n',
    `event: answer\ndata: ${JSON.stringify(whole)}\n\n`,
  ].join("");
  const sent = respond([text.slice(0, 25), text.slice(25, 60), text.slice(60)]);
  const { partials, asked } = await ask();
  expect(partials.map(({ kind }) => kind)).toEqual(["sources", "delta", "withdrawn"]);
  expect(asked).toEqual({ ...whole, uri: "", workspace: "" });
  expect(sent[0]?.path).toBe("/api/hybrid-query");
  expect(sent[0]?.init.headers).toMatchObject({
    Authorization: "Bearer t",
    Accept: "text/event-stream",
  });
  expect(JSON.parse(String(sent[0]?.init.body))).toEqual(ASKED);
});

test("the mode is sent that was chosen, and none where the setting decides", async () => {
  const sent = respond([]);
  const { signal } = new AbortController();
  for (const mode of [undefined, "extract"] as const) {
    const asked = { question: "How long?", session: "s", ...(mode && { mode }) };
    await new Client("").ask(asked, () => undefined, signal).catch(() => undefined);
  }
  expect(sent.map(({ init }) => JSON.parse(String(init.body)))).toEqual([
    { question: "How long?", session: "s" },
    { question: "How long?", session: "s", mode: "extract" },
  ]);
});

test("no token is sent where there is none", async () => {
  const sent = respond(["[]"]);
  await new Client("").metrics();
  expect(sent[0]?.init.headers).toEqual({});
});

test("an error within the stream is the server's own", async () => {
  const problem = { status: 503, code: "worker", detail: "It stopped.", hint: "Ask again." };
  respond([`event: error\ndata: ${JSON.stringify(problem)}\n\n`]);
  const { asked } = await ask();
  expect(asked).toMatchObject({ message: "It stopped.", hint: "Ask again.", status: 503 });
});

test("a refusal is told in the server's words", async () => {
  const problem = { status: 403, code: "scope", detail: "It lacks the scope.", hint: "Another." };
  respond([JSON.stringify(problem)], { status: 403 });
  await expect(new Client("t").verifyAudit()).rejects.toMatchObject({
    message: "It lacks the scope.",
    hint: "Another.",
    status: 403,
    code: "scope",
  });
});

test("a stream that ends early, a proxy's error page and no network at all are told apart", async () => {
  respond(['event: delta\ndata: {"text":"Half"}\n\n']);
  expect((await ask()).asked).toMatchObject({ message: expect.stringContaining("before it was") });
  respond(["<html>Bad gateway"], { status: 502 });
  expect((await ask()).asked).toMatchObject({
    status: 502,
    message: expect.stringContaining("not its own"),
  });
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  expect((await ask()).asked).toMatchObject({ status: 0, message: "The server does not answer." });
});

/** Let the network answer with the beginning of a body, and fail then. */
function breakOff(beginning: string, error: Error, init: ResponseInit = {}): void {
  vi.stubGlobal("fetch", () => {
    let pulls = 0;
    const body = new ReadableStream({
      pull(controller) {
        pulls += 1;
        if (pulls === 1) {
          controller.enqueue(new TextEncoder().encode(beginning));
        } else {
          controller.error(error);
        }
      },
    });
    return Promise.resolve(new Response(body, init));
  });
}

test.each([
  [
    "an answer",
    (client: Client) => client.ask(ASKED, () => undefined, new AbortController().signal),
  ],
  ["the models", (client: Client) => client.models()],
  ["the metrics", (client: Client) => client.metrics()],
])("a connection that is lost within %s is an answer that ended early", async (_, request) => {
  breakOff('event: delta\ndata: {"text":"Half"}\n\n', new TypeError("network error"));
  await expect(request(new Client("t"))).rejects.toMatchObject({
    status: 0,
    message: PAGE.endedEarly,
    hint: PAGE.askAgain,
  });
});

test("an answer that was given up is no problem of the server", async () => {
  const given = new DOMException("gone", "AbortError");
  breakOff('event: delta\ndata: {"text":"Half"}\n\n', given);
  expect((await ask()).asked).toBe(given);
});

test("what is no JSON is not the server's own", async () => {
  respond(["<html>Sign in"]);
  await expect(new Client("t").models()).rejects.toMatchObject({ message: PAGE.unreadable });
  respond(["event: answer\ndata: <html>\n\n"]);
  expect((await ask()).asked).toMatchObject({ message: PAGE.unreadable });
});

test("only an error of the connection is told as one after which the page tries again", () => {
  const lost = new Problem(0, { detail: PAGE.unreachable, hint: PAGE.unreachableHint });
  expect(retried(lost)).toMatchObject({ message: PAGE.unreachable, hint: PAGE.retriesHint });
  for (const other of [new Problem(403, { hint: "Another." }), new Error("plain"), undefined]) {
    expect(retried(other)).toBe(other);
  }
});
