// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { App } from "../../extension/ui/app";
import { advance, begin, type Exchange } from "../../extension/ui/exchange";
import type { Kept } from "../../extension/ui/kept";
import type { ToHost, ToPanel } from "../../extension/ui/messages";
import { ENGLISH } from "../../extension/ui/strings";
import { answer, finding, SCORES, source } from "./fixtures";

let sent: ToHost[];
let kept: Kept | undefined;
let tell: (message: ToPanel) => void;
let root: HTMLElement;

function start(): void {
  root = document.createElement("div");
  document.body.replaceChildren(root);
  new App(
    root,
    {
      acts: ["insert", "copy", "openDocument", "retry"],
      send: (message) => sent.push(message),
      listen: (listener) => {
        tell = listener;
      },
      load: () => kept,
      save: (state) => {
        kept = state;
      },
    },
    ENGLISH,
  );
}

beforeEach(() => {
  sent = [];
  kept = undefined;
  start();
});

const asked = begin("x1", "How long?", "auto", undefined);
const show = (exchanges: readonly Exchange[]) =>
  tell({ type: "exchanges", exchanges, session: "s1" });
const input = () => root.querySelector("textarea") as HTMLTextAreaElement;
const named = (name: string) =>
  [...root.querySelectorAll("button")].find((one) => one.textContent === name && !one.hidden);

function press(key: string, shiftKey = false): void {
  const event = new KeyboardEvent("keydown", { key, shiftKey, bubbles: true, cancelable: true });
  input().dispatchEvent(event);
}

test("Enter asks and empties the input; Shift+Enter does not", () => {
  input().value = "How long?";
  press("Enter", true);
  expect(sent.filter(({ type }) => type === "ask")).toEqual([]);
  press("Enter");
  expect(sent.at(-1)).toEqual({ type: "ask", question: "How long?", mode: "auto" });
  expect(input().value).toBe("");
});

test("a question of only spaces is not asked", () => {
  input().value = "  \n";
  press("Enter");
  expect(sent.map(({ type }) => type)).toEqual(["ready"]);
});

test("text is shown while it streams, with Stop in place of Ask", () => {
  tell({ type: "exchange", exchange: asked });
  const writing = advance(asked, { kind: "delta", text: "Kept for **400" });
  tell({ type: "exchange", exchange: writing });
  expect(root.querySelector("article")?.getAttribute("aria-busy")).toBe("true");
  expect(root.querySelector(".text")?.textContent).toBe("Kept for **400");
  expect(named(ENGLISH.ask)).toBeUndefined();
  named(ENGLISH.stop)?.click();
  expect(sent.at(-1)).toEqual({ type: "stop" });
});

test("Escape in the input stops an answer, and does nothing without one", () => {
  press("Escape");
  expect(sent.map(({ type }) => type)).toEqual(["ready"]);
  tell({ type: "exchange", exchange: asked });
  press("Escape");
  expect(sent.at(-1)).toEqual({ type: "stop" });
});

test("Escape stops an answer wherever in the form the focus is", () => {
  tell({ type: "exchange", exchange: asked });
  const pressed = { key: "Escape", bubbles: true };
  named(ENGLISH.stop)?.dispatchEvent(new KeyboardEvent("keydown", pressed));
  root.querySelector("select")?.dispatchEvent(new KeyboardEvent("keydown", pressed));
  expect(sent.map(({ type }) => type)).toEqual(["ready", "stop", "stop"]);
  // This one takes back what an input method offers.
  input().dispatchEvent(new KeyboardEvent("keydown", { ...pressed, isComposing: true }));
  expect(sent).toHaveLength(3);
});

test("the focus goes from Ask to Stop and back as one takes the other's place", () => {
  const working = advance(asked, { kind: "delta", text: "Kept" });
  named(ENGLISH.ask)?.focus();
  tell({ type: "exchange", exchange: asked });
  expect(document.activeElement).toBe(named(ENGLISH.stop));
  tell({ type: "exchange", exchange: working });
  expect(document.activeElement).toBe(named(ENGLISH.stop));
  tell({ type: "exchange", exchange: advance(working, { kind: "stopped" }) });
  expect(document.activeElement).toBe(named(ENGLISH.ask));
});

test("Enter that is held down on Ask does not stop the answer", () => {
  tell({ type: "exchange", exchange: asked });
  const held = { key: "Enter", repeat: true, bubbles: true, cancelable: true };
  expect(named(ENGLISH.stop)?.dispatchEvent(new KeyboardEvent("keydown", held))).toBe(false);
  const once = { ...held, repeat: false };
  expect(named(ENGLISH.stop)?.dispatchEvent(new KeyboardEvent("keydown", once))).toBe(true);
});

test("a focus elsewhere stays there", () => {
  const done = advance(asked, { kind: "answered", answer: answer() });
  for (const place of [input(), document.body]) {
    place.focus();
    const before = document.activeElement;
    tell({ type: "exchange", exchange: asked });
    tell({ type: "exchange", exchange: done });
    show([]);
    expect(document.activeElement).toBe(before);
    input().blur();
  }
});

test("a new session leads to the question", () => {
  const done = advance(asked, { kind: "answered", answer: answer() });
  show([done]);
  named(ENGLISH.newSession)?.focus();
  show([]);
  expect(document.activeElement).toBe(input());
});

test("a citation opens its source's lines", () => {
  const done = advance(asked, { kind: "answered", answer: answer() });
  show([done]);
  const chip = root.querySelector<HTMLButtonElement>("button.citation");
  expect(chip?.getAttribute("aria-label")).toBe("Source 1: docs/1.md, line 10");
  chip?.click();
  expect(sent.at(-1)).toEqual({
    type: "open",
    id: "x1",
    place: { path: "docs/1.md", start_line: 10, end_line: 12 },
  });
});

test("a finding is marked on its words, counted in characters", () => {
  const text = "😀 Kept for **12 years** now.";
  const from = [..."😀 Kept for **"].length;
  const findings = [finding(from, from + "12 years".length, { severity: "reject" })];
  const done = advance(asked, { kind: "answered", answer: answer({ text, findings }) });
  show([done]);
  const marks = [...root.querySelectorAll("mark")];
  expect(marks.map((mark) => mark.textContent)).toEqual(["12 years"]);
  expect(marks[0]?.className).toBe("finding reject");
  expect(root.querySelector(".finding-row")?.textContent).toContain("Not supported");
});

test("marked words lead to their finding, its rule and its reason", () => {
  const findings = [finding(0, 8, { severity: "reject" }), finding(4, 8)];
  const done = advance(asked, { kind: "answered", answer: answer({ findings }) });
  show([done]);
  const links = [...root.querySelectorAll<HTMLAnchorElement>("mark a")];
  expect(links.map((link) => link.textContent)).toEqual(["Read", "ings"]);
  const described = links[1]?.getAttribute("aria-describedby")?.split(" ") ?? [];
  const rows = described.map((id) => document.getElementById(id)?.textContent);
  expect(rows).toEqual([
    expect.stringContaining("Error Not supported by the sources. claim-grounding"),
    expect.stringContaining("Warning Not supported by the sources. claim-grounding"),
  ]);
  (root.querySelector("details.findings") as HTMLDetailsElement).open = false;
  links[1]?.click();
  expect(document.activeElement?.id).toBe(described[0]);
  expect((root.querySelector("details.findings") as HTMLDetailsElement).open).toBe(true);
});

test("only what the host can do is offered, and only a question can be asked again", () => {
  const done = advance(asked, { kind: "answered", answer: answer() });
  const stopped = advance(begin("x2", "And?", "auto", undefined), { kind: "stopped" });
  show([done, stopped]);
  const offered = [...root.querySelectorAll(".actions")].map((row) =>
    [...row.querySelectorAll("button")].map((one) => one.textContent),
  );
  expect(offered).toEqual([["Insert", "Copy", "Open", "Ask again"], ["Ask again"]]);
});

test("markup in texts of the server stays text", () => {
  const evil = '<img src=x onerror="alert(1)"><script>alert(1)</script>';
  const failing = advance(begin("x2", evil, "auto", undefined), {
    kind: "failed",
    failure: { message: evil, hint: evil, fix: { title: evil, command: "nsllm.showLogs" } },
  });
  const done = advance(begin("x3", evil, "auto", undefined), {
    kind: "answered",
    answer: answer({
      text: evil,
      findings: [finding(0, 4, { message: evil, rule: evil })],
      sources: [source(1, { path: evil, text: evil })],
    }),
  });
  show([failing, done]);
  expect(root.querySelectorAll("img, script")).toHaveLength(0);
  expect(root.querySelector("article h2")?.textContent).toBe(evil);
});

test("scores have a name, a value and a meaning; one not computed says so", () => {
  const scores = { ...SCORES, toxicity: null };
  const done = advance(asked, { kind: "answered", answer: answer({ scores }) });
  show([done]);
  const rows = [...root.querySelectorAll(".score")].map((row) => row.textContent);
  expect(rows).toContain(`Grounding0.95${ENGLISH.groundingMeaning}`);
  expect(rows).toContain(`Toxicitynot computed${ENGLISH.toxicityMeaning}`);
});

test("a finished answer is announced once, whole", () => {
  const announcer = root.querySelector('[aria-live="polite"]');
  tell({ type: "exchange", exchange: asked });
  const writing = advance(asked, { kind: "delta", text: "Half" });
  tell({ type: "exchange", exchange: writing });
  expect(announcer?.textContent).toBe(ENGLISH.writing);
  tell({ type: "exchange", exchange: advance(writing, { kind: "answered", answer: answer() }) });
  expect(announcer?.textContent).toBe(
    "Answer finished: Passed, 0 findings. Readings are kept for 400 days [1].",
  );
});

test("withdrawn text is gone and the notice says why", () => {
  tell({ type: "exchange", exchange: asked });
  const wrong = advance(asked, { kind: "delta", text: "Wrong words" });
  tell({ type: "exchange", exchange: wrong });
  tell({
    type: "exchange",
    exchange: advance(wrong, { kind: "withdrawn", reason: "unsupported" }),
  });
  expect(root.textContent).not.toContain("Wrong words");
  expect(root.querySelector(".notice")?.textContent).toContain("unsupported");
});

test("what the reader opened stays open while text streams", () => {
  const found = advance(asked, { kind: "sources", sources: [source(1)] });
  show([found]);
  (root.querySelector("details.sources") as HTMLDetailsElement).open = true;
  tell({ type: "exchange", exchange: advance(found, { kind: "delta", text: "A" }) });
  expect((root.querySelector("details.sources") as HTMLDetailsElement).open).toBe(true);
});

test("the focus stays on the source that the reader is at while text streams", () => {
  const found = advance(asked, { kind: "sources", sources: [source(1), source(2)] });
  show([found]);
  const second = () => [...root.querySelectorAll<HTMLElement>(".source .link")][1];
  (root.querySelector("details.sources") as HTMLDetailsElement).open = true;
  second()?.focus();
  const before = document.activeElement;
  tell({ type: "exchange", exchange: advance(found, { kind: "delta", text: "A" }) });
  expect(document.activeElement).not.toBe(before);
  expect(document.activeElement).toBe(second());
});

test("a page that comes back has its draft, its mode and its session", () => {
  const done = advance(asked, { kind: "answered", answer: answer() });
  show([done]);
  input().value = "And then?";
  input().dispatchEvent(new Event("input"));
  start();
  expect(input().value).toBe("And then?");
  expect(sent.at(-1)).toEqual({ type: "ready", exchanges: [done], session: "s1" });
});

test("a page that comes back after a new session, which it was not shown, is told so", () => {
  show([advance(asked, { kind: "answered", answer: answer() })]);
  start();
  tell({ type: "exchanges", exchanges: [], session: "s2" });
  expect(root.querySelector("article")).toBeNull();
  start();
  expect(sent.at(-1)).toEqual({ type: "ready", exchanges: [], session: "s2" });
});

test("a quotation goes behind what was typed, and takes the place of one that nothing was typed to", () => {
  tell({ type: "focus", draft: "\n\n“first\r\nline”" });
  tell({ type: "focus", draft: "\n\n“second”" });
  expect([input().value, input().selectionStart]).toEqual(["\n\n“second”", 0]);
  input().value = "Is it true?\n\n“second”";
  tell({ type: "focus" });
  expect(input().value).toBe("Is it true?\n\n“second”");
  input().value = "And why";
  tell({ type: "focus", draft: "\n\n“third”" });
  expect(input().value).toBe("And why\n\n“third”");
  expect([input().selectionStart, input().selectionEnd]).toEqual([7, 7]);
  expect(kept?.draft).toBe("And why\n\n“third”");
  expect(document.activeElement).toBe(input());
});

test("a server that does not run is said, with what to do", () => {
  const fixes = [{ title: "Restart Server", command: "nsllm.restartServer" }];
  const problem = "signal SIGKILL";
  tell({ type: "state", state: { models: [], server: "failed", problem, fixes } });
  expect(root.querySelector(".banner")?.textContent).toContain("signal SIGKILL");
  const restart = named("Restart Server");
  tell({ type: "state", state: { models: [], server: "failed", problem, fixes } });
  expect(named("Restart Server")).toBe(restart);
  restart?.click();
  expect(sent.at(-1)).toEqual({ type: "run", command: "nsllm.restartServer" });
});

test("the model in use is selected, and picking another tells the host", () => {
  const models = [
    { id: "a", installed: true, inUse: false },
    { id: "b", installed: true, inUse: true },
  ];
  tell({ type: "state", state: { models, server: "running", problem: "", fixes: [] } });
  const select = root.querySelector<HTMLSelectElement>(`select[title="${ENGLISH.model}"]`);
  expect(select?.value).toBe("b");
  const option = select?.options[0];
  tell({ type: "state", state: { models, server: "running", problem: "", fixes: [] } });
  expect(select?.options[0]).toBe(option);
  if (select) {
    select.value = "a";
    select.dispatchEvent(new Event("change"));
  }
  expect(sent.at(-1)).toEqual({ type: "useModel", model: "a" });
  // Declined: the host tells what is still in use.
  tell({ type: "state", state: { models, server: "running", problem: "", fixes: [] } });
  expect(select?.value).toBe("b");
});

test("of several folders the one that is asked is named", () => {
  const state = { models: [], server: "running", problem: "", fixes: [] } as const;
  const folder = () => root.querySelector<HTMLElement>(".composer .folder");
  tell({ type: "state", state });
  expect(folder()?.hidden).toBe(true);
  tell({ type: "state", state: { ...state, folder: "handbook" } });
  expect(folder()?.hidden).toBe(false);
  expect(folder()?.textContent).toBe("Asks in the folder handbook.");
});

test("that nothing leaves the machine is said of a model on it, and of no other", () => {
  const state = { server: "running", problem: "", fixes: [] } as const;
  const local = { id: "a", installed: true, inUse: true };
  const empty = () => root.querySelector(".empty")?.textContent;
  const notice = () => root.querySelector<HTMLElement>(".composer .sent-to");
  expect(empty()).not.toContain(ENGLISH.staysHere);
  tell({ type: "state", state: { ...state, models: [local] } });
  expect(empty()).toContain(ENGLISH.staysHere);
  expect(notice()?.hidden).toBe(true);
  const remote = { ...local, remote: "http://host:8000/v1" };
  tell({ type: "state", state: { ...state, models: [remote] } });
  expect(empty()).not.toContain(ENGLISH.staysHere);
  expect(notice()?.hidden).toBe(false);
  expect(notice()?.textContent).toContain("http://host:8000/v1");
});
