// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client, Problem } from "../../extension/page/client";
import { MetricsView } from "../../extension/page/metrics";
import { PAGE, STRINGS } from "../../extension/page/words";

let view: MetricsView;

beforeEach(() => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  const hint = (error: unknown) => (error instanceof Problem ? error.hint : String(error));
  view = new MetricsView(new Client("t"), STRINGS, hint);
  document.body.replaceChildren(view.root);
});

afterEach(() => {
  view.hide();
  vi.unstubAllGlobals();
});

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const message = () => view.root.querySelector(".notice")?.textContent;

test("that the figures are read again is said while they are, and not once that is switched off", async () => {
  view.show();
  await settled();
  expect(message()).toBe(PAGE.retriesHint);
  view.root.querySelector<HTMLInputElement>("#live")?.click();
  await settled();
  expect(message()).toBe(PAGE.unreachableHint);
});
