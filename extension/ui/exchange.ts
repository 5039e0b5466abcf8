import type { Answer, Mode, PartialAnswer, Source } from "./protocol";

/** One question of a session with what came of it; plain data, so that it can be kept and sent. */
export interface Exchange {
  readonly id: string;
  readonly question: string;
  readonly mode: Mode;
  readonly workspace?: string;
  readonly stage: Stage;
  readonly text: string;
  readonly sources: readonly Source[];
  /** Why an earlier text was taken back. */
  readonly withdrawn?: string;
  readonly answer?: Answer;
  readonly failure?: {
    readonly message: string;
    readonly hint: string;
    /** Left out where no button can mend it. */
    readonly fix?: Fix;
  };
}

/** A command that mends something, and what its button says. */
export interface Fix {
  readonly title: string;
  readonly command: string;
}

export type Stage = "searching" | "writing" | "done" | "stopped" | "failed";

export type ExchangeEvent =
  | PartialAnswer
  | { readonly kind: "answered"; readonly answer: Answer }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly failure: NonNullable<Exchange["failure"]> };

export function begin(
  id: string,
  question: string,
  mode: Mode,
  workspace: string | undefined,
): Exchange {
  const exchange: Exchange = { id, question, mode, stage: "searching", text: "", sources: [] };
  return workspace === undefined ? exchange : { ...exchange, workspace };
}

export function isOver(exchange: Exchange): boolean {
  return exchange.stage !== "searching" && exchange.stage !== "writing";
}

/** Return the exchange after an event; what comes after the end changes nothing. */
export function advance(exchange: Exchange, event: ExchangeEvent): Exchange {
  if (isOver(exchange)) {
    return exchange;
  }
  switch (event.kind) {
    case "sources":
      return { ...exchange, sources: event.sources, stage: "writing" };
    case "delta":
      return { ...exchange, text: exchange.text + event.text, stage: "writing" };
    case "withdrawn":
      return { ...exchange, text: "", withdrawn: event.reason, stage: "writing" };
    case "answered": {
      const { answer } = event;
      return { ...exchange, answer, text: answer.text, sources: answer.sources, stage: "done" };
    }
    case "stopped":
      return { ...exchange, stage: "stopped" };
    case "failed":
      return { ...exchange, failure: event.failure, stage: "failed" };
  }
}
