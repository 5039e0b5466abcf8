import type { Exchange, Fix } from "./exchange";
import type { Kept } from "./kept";
import type { Mode, Model } from "./protocol";

/** What the panel shows besides its exchanges. */
export interface PanelState {
  readonly models: readonly ModelChoice[];
  readonly server: "starting" | "running" | "stopped" | "failed";
  readonly problem: string;
  /** The folder that the next question is about, where there are several. */
  readonly folder?: string;
  /** What mends the problem, best first. */
  readonly fixes: readonly Fix[];
}

export interface ModelChoice {
  readonly id: string;
  readonly installed: boolean;
  readonly inUse: boolean;
  /** Where questions and passages go when it writes; left out where they stay here. */
  readonly remote?: string;
}

/** Return what the panel shows of a model. */
export function choiceOf({ id, installed, in_use, remote }: Model): ModelChoice {
  return { id, installed, inUse: in_use, ...(remote === undefined ? {} : { remote }) };
}

/** What a host can do with an answer. */
export type Act = "insert" | "copy" | "openDocument" | "retry";

/** What the panel tells its host. */
export type ToHost =
  | { readonly type: "ready"; readonly exchanges: readonly Exchange[]; readonly session?: string }
  | { readonly type: "ask"; readonly question: string; readonly mode: Mode }
  | { readonly type: "stop" | "clear" }
  | { readonly type: Act; readonly id: string }
  | { readonly type: "open"; readonly id: string; readonly place: PlaceInDocument }
  | { readonly type: "useModel"; readonly model: string }
  | { readonly type: "run"; readonly command: string };

export interface PlaceInDocument {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
}

/** What the host tells the panel. */
export type ToPanel =
  | {
      readonly type: "exchanges";
      readonly exchanges: readonly Exchange[];
      readonly session: string;
    }
  | { readonly type: "exchange"; readonly exchange: Exchange }
  | { readonly type: "state"; readonly state: PanelState }
  | { readonly type: "focus"; readonly draft?: string };

/** How a panel reaches its host: by VS Code's messages, or directly where both are one page. */
export interface Transport {
  readonly acts: readonly Act[];
  send(message: ToHost): void;
  listen(listener: (message: ToPanel) => void): void;
  /** Return what was saved last, perhaps by another version. */
  load(): unknown;
  save(kept: Kept): void;
}
