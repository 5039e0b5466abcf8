import { afterEach, expect, test, vi } from "vitest";
import { Client } from "../../extension/page/client";
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
