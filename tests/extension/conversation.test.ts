import { expect, test } from "vitest";
import { type Answerer, type Asked, Conversation } from "../../extension/ui/conversation";
import type { Exchange } from "../../extension/ui/exchange";
import type { Answer, PartialAnswer } from "../../extension/ui/protocol";
import { answer, source } from "./fixtures";

/** The other end: a test says when it writes and when it answers. */
class Server implements Answerer {
  readonly asked: Asked[] = [];
  tell: (partial: PartialAnswer) => void = () => undefined;
  reply: (answer: Answer) => void = () => undefined;

  ask(
    asked: Asked,
    onPartial: (partial: PartialAnswer) => void,
    signal: AbortSignal,
  ): Promise<Answer> {
    this.asked.push(asked);
    this.tell = onPartial;
    return new Promise((resolve, reject) => {
      this.reply = resolve;
      signal.addEventListener("abort", () => reject(new DOMException("gone", "AbortError")));
    });
  }

  describe(error: unknown): Exchange["failure"] {
    return error instanceof DOMException ? undefined : { message: String(error), hint: "" };
  }
}

function start(server: Answerer) {
  const stages: string[] = [];
  const answered: string[] = [];
  const conversation = new Conversation(server, {
    changed: ({ question, stage }) => stages.push(`${question} ${stage}`),
    answered: ({ id }) => answered.push(id),
  });
  return { conversation, stages, answered };
}

test("a question goes through its stages to its answer", async () => {
  const server = new Server();
  const { conversation, stages, answered } = start(server);
  const asking = conversation.ask("a");
  server.tell({ kind: "sources", sources: [source(1)] });
  server.tell({ kind: "delta", text: "Kept" });
  server.reply(answer());
  expect((await asking).answer?.id).toBe("a1");
  expect(stages).toEqual(["a searching", "a writing", "a writing", "a done"]);
  expect(answered).toEqual(["a1"]);
  expect(conversation.busy).toBe(false);
});

test("the next question gives up the one before, which then changes no more", async () => {
  const server = new Server();
  const { conversation, answered } = start(server);
  const first = conversation.ask("a");
  const { tell } = server;
  const second = conversation.ask("b");
  tell({ kind: "delta", text: "late" });
  server.reply(answer());
  await Promise.all([first, second]);
  const seen = conversation.exchanges.map(({ stage, text }) => [stage, text]);
  expect(seen).toEqual([
    ["stopped", ""],
    ["done", "Readings are kept for 400 days [1]."],
  ]);
  expect(answered).toEqual(["a1"]);
});

test("what goes wrong is in the exchange", async () => {
  const failing = {
    ask: () => Promise.reject(new Error("broken")),
    describe: new Server().describe,
  };
  const { conversation } = start(failing);
  const { stage, failure } = await conversation.ask("a");
  expect([stage, failure?.message]).toEqual(["failed", "Error: broken"]);
});

test("a cleared conversation is a session of its own", async () => {
  const server = new Server();
  const { conversation } = start(server);
  for (const question of ["a", "b"]) {
    const asking = conversation.ask(question);
    server.reply(answer());
    await asking;
  }
  conversation.clear();
  const asking = conversation.ask("c");
  server.reply(answer());
  await asking;
  const [first, second, third] = server.asked.map(({ session }) => session);
  expect(first).toBe(second);
  expect(third).not.toBe(first);
  expect(conversation.exchanges).toHaveLength(1);
});

const LEFT: Exchange = {
  id: "x",
  question: "a",
  mode: "auto",
  stage: "writing",
  text: "Half",
  sources: [],
};

test("what an earlier window left unfinished is stopped, and its session goes on", async () => {
  const server = new Server();
  const { conversation } = start(server);
  conversation.adopt({ exchanges: [LEFT], session: "earlier" });
  expect(conversation.exchanges.map(({ stage }) => stage)).toEqual(["stopped"]);
  const asking = conversation.ask("b");
  server.reply(answer());
  await asking;
  expect(server.asked.map(({ session }) => session)).toEqual(["earlier"]);
  conversation.clear();
  expect(conversation.session).not.toBe("earlier");
});

test("what an earlier window left without its session is in the new one", () => {
  const { conversation } = start(new Server());
  const { session } = conversation;
  conversation.adopt({ exchanges: [LEFT] });
  expect(conversation.session).toBe(session);
});

test.each([
  ["was taken over", (one: Conversation) => one.adopt({ exchanges: [] })],
  ["was asked", (one: Conversation) => void one.ask("b")],
  ["was cleared", (one: Conversation) => one.clear()],
])("nothing is taken over once something %s", (_, before) => {
  const { conversation } = start(new Server());
  before(conversation);
  const { session, exchanges } = conversation;
  conversation.adopt({ exchanges: [LEFT], session: "earlier" });
  expect(conversation.exchanges).toBe(exchanges);
  expect(conversation.session).toBe(session);
});

test("a mode is asked for where one was chosen; otherwise the server's setting decides", () => {
  const server = new Server();
  const { conversation } = start(server);
  void conversation.ask("a");
  void conversation.ask("b", { mode: "auto", workspace: "w" });
  void conversation.ask("c", { mode: "extract" });
  const { session } = conversation;
  expect(server.asked).toEqual([
    { question: "a", session },
    { question: "b", session, workspace: "w" },
    { question: "c", session, mode: "extract" },
  ]);
  expect(conversation.exchanges.map(({ mode }) => mode)).toEqual(["auto", "auto", "extract"]);
});
