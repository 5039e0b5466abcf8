import type { ServerStatus } from "../ui/protocol";
import type { ServerState } from "./client";

/** What the status items show; icons are VS Code's `$(name)`. */
export interface StatusView {
  readonly icon: string;
  readonly text: string;
  readonly detail: string;
  readonly severity: "information" | "warning" | "error";
  readonly busy: boolean;
}

export interface StatusInput {
  readonly state: ServerState;
  readonly reason?: string | undefined;
  readonly told?: ServerStatus | undefined;
}

export interface StatusWords {
  readonly starting: string;
  readonly stopped: string;
  readonly failed: string;
  readonly noModel: string;
  readonly documents: (count: number) => string;
  readonly progress: (task: string, done: number, total: number | undefined) => string;
}

/** Return what to show for the server's state and what it last told. */
export function statusView({ state, reason, told }: StatusInput, words: StatusWords): StatusView {
  if (state === "failed") {
    return view("$(error)", words.failed, reason ?? "", "error");
  }
  if (state === "stopped") {
    return view("$(circle-slash)", words.stopped, "", "warning");
  }
  if (state === "starting" || !told) {
    return { ...view("$(loading~spin)", words.starting, "", "information"), busy: true };
  }
  if (told.health !== "ok") {
    const detail = [told.message, told.hint].filter((part) => part).join(" ");
    const severity = told.health === "error" ? "error" : "warning";
    return view(severity === "error" ? "$(error)" : "$(warning)", words.failed, detail, severity);
  }
  const model = told.models.generator ?? words.noModel;
  const [task] = told.busy;
  if (task) {
    const detail = words.progress(task.task, task.done, task.total ?? undefined);
    return { ...view("$(sync~spin)", model, detail, "information"), busy: true };
  }
  const documents = told.folders.reduce((sum, folder) => sum + folder.documents, 0);
  return view("$(check)", model, words.documents(documents), "information");
}

function view(
  icon: string,
  text: string,
  detail: string,
  severity: StatusView["severity"],
): StatusView {
  return { icon, text, detail, severity, busy: false };
}
