import { expect, test } from "vitest";
import { acceptable, type ShownFinding } from "../../extension/src/acceptable";

const CLAIM = "It takes 95 relays and 12 probes.";

function finding(words: string, changes: Partial<ShownFinding> = {}): ShownFinding {
  const message = `The source does not say ${words}.`;
  return { rule: "grounding.claim", message, line: 3, words, data: { text: CLAIM }, ...changes };
}

test("a claim with two wrong words is accepted whole, and listed once", () => {
  expect(acceptable([finding("95"), finding("12")])).toEqual([
    { rule: "grounding.claim", text: CLAIM, message: "The source does not say 95.", line: 3 },
  ]);
});

test("another rule on the same claim is accepted for itself", () => {
  const rules = acceptable([finding("95"), finding("95", { rule: "citation.missing" })]);
  expect(rules.map(({ rule }) => rule)).toEqual(["grounding.claim", "citation.missing"]);
});

test("where the server sent no claim, the underlined words are it", () => {
  for (const data of [undefined, null, {}, { text: 7 }]) {
    expect(acceptable([finding("95", { data })])[0]?.text).toBe("95");
  }
});
