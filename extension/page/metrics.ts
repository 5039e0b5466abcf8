import { element } from "../ui/dom";
import type { Verdict } from "../ui/protocol";
import type { Strings } from "../ui/strings";
import { type Client, retried } from "./client";
import { distributions, parseMetrics, type Sample, total, totals } from "./prometheus";
import type { View } from "./view";
import { PAGE } from "./words";

const EVERY_MS = 2_000;

/** The server's figures, read again every two seconds while they are looked at. */
export class MetricsView implements View {
  readonly root: HTMLElement;
  readonly #client: Client;
  readonly #strings: Strings;
  readonly #sayable: (error: unknown) => string;
  readonly #figures = element("div", {});
  readonly #message = element("p", { class: "notice", role: "status" });
  readonly #live: HTMLInputElement;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isShown = false;

  constructor(client: Client, strings: Strings, sayable: (error: unknown) => string) {
    this.#client = client;
    this.#strings = strings;
    this.#sayable = sayable;
    this.#live = element("input", { type: "checkbox", id: "live", checked: true });
    this.#live.addEventListener("change", () => void this.#read());
    this.root = element(
      "main",
      { class: "view metrics", "aria-label": PAGE.metricsTitle },
      element("h2", {}, PAGE.metricsTitle),
      element("p", {}, this.#live, " ", element("label", { for: "live" }, PAGE.live)),
      this.#figures,
      this.#message,
    );
  }

  show(): void {
    this.#isShown = true;
    void this.#read();
  }

  hide(): void {
    this.#isShown = false;
    clearTimeout(this.#timer);
  }

  async #read(): Promise<void> {
    clearTimeout(this.#timer);
    const isRepeated = (): boolean => this.#isShown && this.#live.checked;
    try {
      const samples = parseMetrics(await this.#client.metrics());
      this.#figures.replaceChildren(...figures(samples, this.#strings));
      this.#say("");
    } catch (error) {
      this.#say(this.#sayable(isRepeated() ? retried(error) : error));
    }
    if (isRepeated()) {
      this.#timer = setTimeout(() => void this.#read(), EVERY_MS);
    }
  }

  #say(message: string): void {
    // The same words again would be read out again.
    if (this.#message.textContent !== message) {
      this.#message.textContent = message;
    }
  }
}

function figures(samples: readonly Sample[], strings: Strings): HTMLElement[] {
  const answers = total(samples, "nsllm_answers_total");
  const cached = total(samples, "nsllm_answers_total", ({ cached }) => cached === "true");
  // Until all is indexed `/readyz` says so by its status, which is no failure.
  const failed = ({ status = "", route }: Sample["labels"]): boolean =>
    Number(status) >= 400 && route !== "/readyz";
  return [
    element(
      "dl",
      { class: "cards" },
      ...card(PAGE.answers, answers, `${cached} ${PAGE.fromCache}`),
      ...card(PAGE.running, total(samples, "nsllm_requests_running")),
      ...card(PAGE.waiting, total(samples, "nsllm_requests_waiting")),
      ...card(PAGE.findings, total(samples, "nsllm_findings_total")),
      ...card(
        PAGE.requests,
        total(samples, "nsllm_http_requests_total"),
        `${total(samples, "nsllm_http_requests_total", failed)} ${PAGE.refused}`,
      ),
    ),
    ...verdicts(samples, strings),
    ...times(samples, PAGE.stages, PAGE.stage, "nsllm_answer_stage_seconds", "stage"),
    ...times(samples, PAGE.routes, PAGE.route, "nsllm_http_request_seconds", "route"),
    ...(answers === 0 ? [element("p", { class: "notice" }, PAGE.nothingYet)] : []),
    element("p", { class: "notice" }, PAGE.quantiles),
  ];
}

function card(name: string, value: number, more = ""): HTMLElement[] {
  return [
    element(
      "div",
      {},
      element("dt", {}, name),
      element("dd", {}, element("strong", {}, value.toLocaleString()), more && ` ${more}`),
    ),
  ];
}

function verdicts(samples: readonly Sample[], strings: Strings): HTMLElement[] {
  const rows = totals(samples, "nsllm_answers_total", "verdict").map(([verdict, count]) => [
    strings[verdict as Verdict] ?? verdict,
    count.toLocaleString(),
  ]);
  return table(PAGE.verdicts, [PAGE.verdictColumn, PAGE.count], rows);
}

function times(
  samples: readonly Sample[],
  title: string,
  what: string,
  name: string,
  label: string,
): HTMLElement[] {
  const rows = distributions(samples, name, label).map(([key, found]) => [
    key,
    found.count.toLocaleString(),
    duration(found.mean),
    duration(found.median),
    duration(found.p95),
  ]);
  return table(title, [what, PAGE.count, PAGE.mean, PAGE.median, PAGE.p95], rows);
}

function table(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): HTMLElement[] {
  if (rows.length === 0) {
    return [];
  }
  const head = columns.map((name) => element("th", { scope: "col" }, name));
  const body = rows.map(([first = "", ...others]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, first),
      ...others.map((value) => element("td", {}, value)),
    ),
  );
  return [
    element(
      "table",
      {},
      element("caption", {}, title),
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...body),
    ),
  ];
}

function duration(seconds: number): string {
  return seconds >= 1 ? `${seconds.toFixed(2)} s` : `${(seconds * 1000).toFixed(1)} ms`;
}
