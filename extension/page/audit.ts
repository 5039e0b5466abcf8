import { answerText } from "../ui/answer-text";
import { findingList, scoreBars } from "../ui/details";
import { button, element } from "../ui/dom";
import { fill, type Strings } from "../ui/strings";
import type { AuditEntry, AuditPage, Client, Verification } from "./client";
import { passageAt, showPassage } from "./passage";
import type { View } from "./view";
import { PAGE } from "./words";

/** The audit log: its records, newest first, and whether its chain is as it was written. */
export class AuditView implements View {
  readonly root: HTMLElement;
  readonly #client: Client;
  readonly #strings: Strings;
  readonly #sayable: (error: unknown) => string;
  readonly #records = element("ul", { class: "records" });
  readonly #result = element("div", { class: "verification", role: "status" });
  readonly #message = element("p", { class: "notice", role: "status" });
  readonly #older: HTMLButtonElement;
  readonly #verify: HTMLButtonElement;
  #next: number | null = null;
  /** How often records were asked for: only what was asked for last is shown. */
  #loads = 0;
  #isLoading = false;

  constructor(client: Client, strings: Strings, sayable: (error: unknown) => string) {
    this.#client = client;
    this.#strings = strings;
    this.#sayable = sayable;
    this.#older = button(PAGE.older, () => this.#loadOlder(), { hidden: true });
    this.#verify = button(PAGE.verify, () => void this.#check(), { class: "primary" });
    this.root = element(
      "main",
      { class: "view audit", "aria-label": PAGE.auditTitle },
      element("h2", {}, PAGE.auditTitle),
      element("p", { class: "explained" }, PAGE.auditText),
      element(
        "div",
        { class: "actions" },
        this.#verify,
        button(PAGE.refresh, () => void this.#load(null)),
      ),
      this.#result,
      this.#records,
      this.#message,
      this.#older,
    );
  }

  show(): void {
    void this.#load(null);
  }

  hide(): void {
    this.#result.replaceChildren();
  }

  #loadOlder(): void {
    // The page that is on its way ends elsewhere than the one that is shown.
    if (!this.#isLoading) {
      void this.#load(this.#next);
    }
  }

  async #load(before: number | null): Promise<void> {
    this.#loads += 1;
    const load = this.#loads;
    this.#isLoading = true;
    this.#message.textContent = PAGE.loading;
    const show = await this.#client.audit(before).then(
      (page) => () => this.#list(page, before === null ? [] : [...this.#records.children]),
      (error: unknown) => () => {
        this.#message.textContent = this.#sayable(error);
      },
    );
    if (load === this.#loads) {
      this.#isLoading = false;
      show();
    }
  }

  #list({ records, next }: AuditPage, kept: readonly Element[]): void {
    const made = records.map((record) => recordView(record, this.#strings));
    this.#records.replaceChildren(...kept, ...made);
    this.#next = next;
    this.#message.textContent = kept.length + made.length === 0 ? PAGE.noRecords : "";
    if (next === null && document.activeElement === this.#older) {
      // It hides, and reading goes on with what it brought.
      (made[0] ?? kept.at(-1))?.querySelector("summary")?.focus();
    }
    this.#older.hidden = next === null;
  }

  async #check(): Promise<void> {
    this.#result.replaceChildren(element("p", { class: "progress" }, PAGE.verifying));
    const isFocused = document.activeElement === this.#verify;
    this.#verify.disabled = true;
    try {
      this.#result.replaceChildren(verification(await this.#client.verifyAudit()));
    } catch (error) {
      this.#result.replaceChildren(element("p", { class: "error" }, this.#sayable(error)));
    } finally {
      this.#verify.disabled = false;
      if (isFocused && document.activeElement === document.body) {
        // The browser took the focus away from what was disabled.
        this.#verify.focus();
      }
    }
  }
}

function verification({ intact, entries, head, faults, notes }: Verification): HTMLElement {
  const told = [...faults, ...notes.map((message) => ({ message }))];
  return element(
    "div",
    { class: intact ? "intact" : "error" },
    element("p", {}, intact ? fill(PAGE.intact, entries, head) : PAGE.broken),
    told.length > 0 && element("ul", {}, ...told.map(({ message }) => element("li", {}, message))),
  );
}

function recordView(record: AuditEntry, strings: Strings): HTMLElement {
  const time = element("time", { datetime: record.time }, localTime(record.time));
  const details = element(
    "details",
    { class: "record" },
    element(
      "summary",
      {},
      element("span", { class: "number" }, `${record.number}`),
      " ",
      chip(record, strings),
      " ",
      element("span", { class: "asked" }, record.question || record.text),
      " ",
      time,
    ),
  );
  // Most records are never opened.
  details.addEventListener("toggle", () => details.append(...recordBody(record, strings)), {
    once: true,
  });
  return element("li", {}, details);
}

/** The verdict, which what someone accepted has none of. */
function chip({ accepted, verdict }: AuditEntry, strings: Strings): HTMLElement {
  return accepted
    ? element("span", { class: "verdict" }, PAGE.accepted)
    : element("span", { class: `verdict ${verdict}` }, strings[verdict]);
}

function recordBody(record: AuditEntry, strings: Strings): HTMLElement[] {
  const { accepted, findings, text } = record;
  const id = `record-${record.number}`;
  const open = (place: Parameters<typeof passageAt>[0]): void => {
    const passage = passageAt(place, { sources: [], findings });
    if (passage) {
      showPassage(passage, strings);
    }
  };
  // The log keeps the sources' hashes, not their texts, so markers lead nowhere.
  const body = answerText({ id, text, sources: [], findings, strings, onCite: () => undefined });
  return [
    element("p", { class: "verdict-line" }, what(record)),
    element("div", { class: "text" }, body),
    ...(accepted
      ? [
          element("p", {}, `${PAGE.reason}: ${accepted.reason}`),
          element("p", {}, `${PAGE.document}: ${accepted.uri}`),
        ]
      : []),
    ...(findings.length > 0 ? [findingList({ findings, sources: [] }, id, strings, open)] : []),
    ...(accepted ? [] : [scoreBars(record.scores, strings)]),
  ];
}

/** Say what a record is of, and whose it is. */
function what({ accepted, client, id, model, workspace }: AuditEntry): string {
  const how = model === null ? PAGE.quotation : fill(PAGE.model, model);
  const told = accepted ? fill(PAGE.acceptedFinding, accepted.rule) : `${PAGE.answeredBy} ${how}`;
  return `${told}, ${fill(PAGE.by, client, id, workspace)}`;
}

function localTime(time: string): string {
  const parsed = new Date(time);
  return Number.isNaN(parsed.valueOf()) ? time : parsed.toLocaleString();
}
