// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AuditView } from "../../extension/page/audit";
import { type AuditEntry, type AuditPage, Client } from "../../extension/page/client";
import { PAGE } from "../../extension/page/words";
import { ENGLISH } from "../../extension/ui/strings";
import { answer } from "./fixtures";

/** What the server gives, in order; undefined is no answer at all. */
let replies: (object | Promise<object> | undefined)[];
let asked: string[];
let view: AuditView;

beforeEach(() => {
  replies = [];
  asked = [];
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    const reply = await replies.shift();
    if (!reply) {
      throw new TypeError("Failed to fetch");
    }
    return new Response(JSON.stringify(reply));
  });
  view = new AuditView(new Client("t"), ENGLISH, String);
  document.body.replaceChildren(view.root);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function records(next: number | null, ...numbers: number[]): AuditPage {
  const { text, mode, model, scores, findings, verdict } = answer();
  const judged = { text, mode, model, scores, findings, verdict };
  const made = numbers.map(
    (number): AuditEntry => ({
      ...judged,
      number,
      id: `a${number}`,
      time: "2026-01-01T00:00:00Z",
      workspace: "handbook",
      client: "owner",
      question: "How long?",
    }),
  );
  return { records: made, next };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const named = (name: string) =>
  [...view.root.querySelectorAll("button")].find((one) => one.textContent === name);

async function show(first: object): Promise<HTMLButtonElement> {
  replies.push(first);
  view.show();
  await settled();
  const older = named(PAGE.older);
  if (!older) {
    throw new Error("There is no such button.");
  }
  return older;
}

async function press(button: HTMLButtonElement, reply: object | undefined): Promise<void> {
  replies.push(reply);
  button.focus();
  button.click();
  await settled();
}

test("the last older records take the focus from the button that brought them", async () => {
  const older = await show(records(3, 4, 3));
  await press(older, records(2, 2));
  expect(document.activeElement).toBe(older);
  await press(older, records(null, 1));
  expect(older.hidden).toBe(true);
  expect(document.activeElement?.tagName).toBe("SUMMARY");
  expect(document.activeElement?.querySelector(".number")?.textContent).toBe("1");
});

test("a focus that went elsewhere meanwhile stays there", async () => {
  const older = await show(records(3, 3));
  const refresh = named(PAGE.refresh);
  const pressed = press(older, records(null, 2));
  refresh?.focus();
  await pressed;
  expect(older.hidden).toBe(true);
  expect(document.activeElement).toBe(refresh);
});

test("older records that do not come can be asked for again", async () => {
  const older = await show(records(3, 3));
  await press(older, undefined);
  expect(older.hidden).toBe(false);
  expect(document.activeElement).toBe(older);
  await press(older, records(null, 2));
  expect(view.root.querySelectorAll(".record")).toHaveLength(2);
});

const numbers = () =>
  [...view.root.querySelectorAll(".record .number")].map((one) => Number(one.textContent));

test("a second click on what lists older records lists them once", async () => {
  const older = await show(records(3, 3));
  replies.push(records(2, 2), records(1, 1));
  older.click();
  older.click();
  await settled();
  expect(numbers()).toEqual([3, 2]);
  older.click();
  await settled();
  expect(numbers()).toEqual([3, 2, 1]);
});

test("records that come after those of a later question are not shown", async () => {
  const older = await show(records(3, 3));
  let arrive: (page: object) => void = () => undefined;
  replies.push(
    new Promise((resolve) => {
      arrive = resolve;
    }),
    records(4, 4),
  );
  older.click();
  named(PAGE.refresh)?.click();
  await settled();
  arrive(records(2, 2));
  await settled();
  expect(numbers()).toEqual([4]);
  await press(older, records(null, 3));
  expect(numbers()).toEqual([4, 3]);
  expect(asked.at(-1)).toContain("before=4");
});

test("a finding that someone accepted is told as one, and not as an answer that passed", async () => {
  const { records: both } = records(null, 2, 1);
  const accepted = { rule: "text.forbidden", uri: "file:///a.md", reason: "It is <b>quoted</b>." };
  const made = both.map((record) =>
    record.number === 2
      ? { ...record, accepted, mode: "accept", question: "", text: "400 days" }
      : record,
  );
  await show({ records: made, next: null });
  const [acceptance, answered] = [...view.root.querySelectorAll("details")];
  expect(acceptance?.querySelector("summary")?.textContent).toContain("2 Accepted 400 days");
  expect(answered?.querySelector("summary")?.textContent).toContain("1 Passed How long?");
  for (const record of [acceptance, answered]) {
    record?.dispatchEvent(new Event("toggle"));
  }
  const text = acceptance?.textContent;
  expect(text).toContain("Accepted finding: text.forbidden, owner for a2, in handbook");
  expect(text).toContain("Reason: It is <b>quoted</b>.");
  expect(text).toContain("Document: file:///a.md");
  expect(text).not.toContain(PAGE.answeredBy);
  expect(acceptance?.querySelector(".scores")).toBeNull();
  expect(answered?.textContent).toContain(`${PAGE.answeredBy} ${PAGE.quotation}`);
  expect(answered?.querySelector(".scores")).not.toBeNull();
});

test("the button that verifies has the focus again once that is done", async () => {
  await show(records(null, 1));
  const verify = named(PAGE.verify);
  replies.push({ intact: true, entries: 1, head: "1:a", faults: [], notes: [] });
  verify?.focus();
  verify?.click();
  // Browsers take the focus away from a button that is disabled.
  named(PAGE.refresh)?.focus();
  named(PAGE.refresh)?.blur();
  expect(document.activeElement).toBe(document.body);
  await settled();
  expect(view.root.textContent).toContain("The chain is intact");
  expect(document.activeElement).toBe(verify);
});
