import { expect, test } from "vitest";
import { sessionOf } from "../../extension/src/chat-session";

test("a follow-up belongs to the session of the last answer", () => {
  const asked = {};
  const history = [
    asked,
    { result: { metadata: { session: "a" } } },
    asked,
    { result: { metadata: { session: "b" } } },
    asked,
    { result: { metadata: {} } },
    { result: {} },
  ];
  expect(sessionOf(history)).toBe("b");
});

test("chats that begin have sessions of their own", () => {
  expect(sessionOf([])).not.toBe(sessionOf([{}]));
});
