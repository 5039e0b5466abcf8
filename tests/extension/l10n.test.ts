import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bundle, messages } from "../../extension/l10n.mjs";
import { ENGLISH } from "../../extension/ui/strings";

const table = (path: string): Record<string, string> => JSON.parse(readFileSync(path, "utf-8"));
const places = (text: string): string[] => (text.match(/\{\d\}/g) ?? []).toSorted();

test("the bundle holds every message of the sources: npm run l10n", () => {
  expect(readFileSync("l10n/bundle.l10n.json", "utf-8")).toBe(bundle("."));
});

test("the panel's words are among the messages", () => {
  expect(messages(".")).toEqual(expect.arrayContaining(Object.values(ENGLISH)));
});

test("German has every message, with the same places for values", () => {
  const german = table("l10n/bundle.l10n.de.json");
  expect(Object.keys(german).toSorted()).toEqual(messages("."));
  for (const [english, translated] of Object.entries(german)) {
    expect(places(translated), english).toEqual(places(english));
  }
});

test("every placeholder of package.json has its words", () => {
  const words = table("package.nls.json");
  const used = readFileSync("package.json", "utf-8").matchAll(/"%([^%"]+)%"/g);
  const missing = [...used].map(([, key]) => key ?? "").filter((key) => !(key in words));
  expect(missing).toEqual([]);
});

test("German words of package.json are for keys that exist", () => {
  const words = table("package.nls.json");
  const german = table("package.nls.de.json");
  expect(Object.keys(german).filter((key) => !(key in words))).toEqual([]);
  const byHand = Object.keys(words).filter((key) => !key.startsWith("settings."));
  expect(byHand.filter((key) => !(key in german))).toEqual([]);
});
