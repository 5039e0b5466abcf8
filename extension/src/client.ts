import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as vscode from "vscode";
import {
  CloseAction,
  DidChangeConfigurationNotification,
  ErrorAction,
  type LanguageClient,
  type LanguageClientOptions,
  Trace,
} from "vscode-languageclient/node";
import { isServerStatus, type ServerStatus } from "../ui/protocol";
import { coalesce } from "./coalesce";
import { LateError, within } from "./deadline";
import type { Server as Found } from "./discovery";
import { ClientError, failureText, type ServerFailure } from "./errors";
import { LoggedClient } from "./logged-client";
import { describeAttempts, findServer, lateness } from "./runtime";
import { ServerProcess } from "./server-process";
import { explicitSettings, SECTION, setting } from "./settings";

export type ServerState = "stopped" | "starting" | "running" | "failed";

/** Generous: the first start may read a cold disk, or run under a scanner; one that hangs ends. */
const INITIALIZE_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 2_000;
/** Text documents of these kinds are governed; the language does not matter. */
export const SCHEMES = ["file", "untitled", "nsllm-answer"] as const;

/** The one connection to the server, from the search for it to its end. */
export class Server implements vscode.Disposable {
  state: ServerState = "stopped";
  found: Found | undefined;
  failure: ServerFailure | undefined;

  readonly #changed = new vscode.EventEmitter<ServerState>();
  readonly #told = new vscode.EventEmitter<ServerStatus>();
  readonly #failed = new vscode.EventEmitter<ServerFailure>();
  readonly onDidChangeState = this.#changed.event;
  readonly onDidTellStatus = this.#told.event;
  readonly onDidFail = this.#failed.event;

  readonly #renew = coalesce(() => this.#restart());
  readonly #context: vscode.ExtensionContext;
  readonly #log: vscode.LogOutputChannel;
  readonly #serverLog: vscode.LogOutputChannel;
  #client: LanguageClient | undefined;
  #process: ServerProcess | undefined;
  /** Ends the start that is under way. */
  #attempt = new AbortController();
  #disposed = false;

  constructor(
    context: vscode.ExtensionContext,
    log: vscode.LogOutputChannel,
    serverLog: vscode.LogOutputChannel,
  ) {
    this.#context = context;
    this.#log = log;
    this.#serverLog = serverLog;
    context.subscriptions.push(
      vscode.workspace.onDidChangeConfiguration((event) => this.#settingsChanged(event)),
      vscode.workspace.onDidGrantWorkspaceTrust(() => void this.restart()),
      serverLog.onDidChangeLogLevel(() => void this.#applyTrace()),
    );
  }

  /** Return the running connection; waits for one that starts, and fails with what to do. */
  async connection(): Promise<LanguageClient> {
    while (this.state === "starting") {
      await new Promise<void>((resolve) => {
        const listener = this.onDidChangeState(() => {
          listener.dispose();
          resolve();
        });
      });
    }
    if (this.state === "running" && this.#client) {
      return this.#client;
    }
    const { t } = vscode.l10n;
    if (this.failure?.kind === "missing") {
      throw new ClientError(
        t("No NS-LLM server was found."),
        "server.missing",
        t("Install it or choose the Python interpreter that has it."),
      );
    }
    throw new ClientError(
      this.failure ? failureText(this.failure) : t("The NS-LLM server is not running."),
      "server.stopped",
      t("Restart the server."),
    );
  }

  /** Find and start the server anew; one that is still starting is not waited for. */
  restart(): Promise<void> {
    this.#attempt.abort();
    return this.#renew();
  }

  /** End the server; an unfinished request fails. */
  async stop(): Promise<void> {
    this.#attempt.abort();
    this.#enter("stopped");
    await this.#end();
  }

  async #end(): Promise<void> {
    const client = this.#client;
    const server = this.#process;
    // Who has not answered yet may not heed a request to end either.
    const signal = client?.isRunning() ? "SIGTERM" : "SIGKILL";
    this.#client = undefined;
    this.#process = undefined;
    try {
      await client?.dispose(STOP_TIMEOUT_MS);
    } catch (error) {
      // At the end of the session the log is gone, and the process must go all the same.
      if (!this.#disposed) {
        this.#log.debug(`The server did not stop when asked: ${String(error)}`);
      }
    }
    server?.end(signal);
  }

  dispose(): void {
    this.#disposed = true;
    void this.stop();
    for (const emitter of [this.#changed, this.#told, this.#failed]) {
      emitter.dispose();
    }
  }

  async #restart(): Promise<void> {
    if (this.#disposed) {
      return;
    }
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.failure = undefined;
    this.#enter("starting");
    await this.#end();
    if (!attempt.signal.aborted) {
      const abandoned = once(attempt.signal, "abort");
      await Promise.race([this.#start(attempt.signal), abandoned]);
    }
  }

  /** Once it is abandoned, another start may be under way: then this one changes nothing more. */
  async #start(abandoned: AbortSignal): Promise<void> {
    const { server, attempts } = await findServer(this.#context.extensionPath);
    if (abandoned.aborted) {
      return;
    }
    for (const line of describeAttempts(attempts)) {
      this.#log.info(`Looked for the server: ${line}`);
    }
    this.found = server;
    if (!server) {
      const tried = attempts.filter((attempt) => attempt.tried !== undefined);
      const told = describeAttempts(tried.length > 0 ? tried : attempts);
      this.#fail({ kind: "missing", reason: told.join("\n") });
      return;
    }
    const { program } = server.launch;
    this.#log.info(`Server ${server.version} from ${server.place}: ${program}`);
    await this.#connect(server, abandoned);
  }

  async #connect(server: Found, abandoned: AbortSignal): Promise<void> {
    const started = performance.now();
    const spawned = (): Promise<ChildProcess> => this.#spawn(server, abandoned);
    const client = new LoggedClient(spawned, this.#options(), this.#serverLog);
    client.onNotification("nsllm/status", (status: unknown) => {
      if (isServerStatus(status)) {
        this.#told.fire(status);
      }
    });
    this.#client = client;
    try {
      await within(client.start(), INITIALIZE_TIMEOUT_MS, lateness(INITIALIZE_TIMEOUT_MS));
      if (abandoned.aborted) {
        await client.dispose(STOP_TIMEOUT_MS);
        return;
      }
      this.#log.info(`Server ready in ${Math.round(performance.now() - started)} ms`);
      this.#enter("running");
      await this.#applyTrace();
    } catch (error) {
      if (!abandoned.aborted) {
        await this.#explainStart(error, abandoned);
      }
    }
  }

  async #explainStart(error: unknown, abandoned: AbortSignal): Promise<void> {
    this.#client = undefined;
    const server = this.#process;
    if (error instanceof LateError) {
      server?.end("SIGKILL");
      this.#fail({ kind: "silent", reason: server?.withStderr(error.message) ?? error.message });
      return;
    }
    const reason = (await server?.lastWords()) ?? String(error);
    if (!abandoned.aborted) {
      this.#fail({ kind: "unstartable", reason });
    }
  }

  #options(): LanguageClientOptions {
    return {
      documentSelector: SCHEMES.map((scheme) => ({ scheme })),
      outputChannel: this.#serverLog,
      traceOutputChannel: this.#serverLog,
      diagnosticPullOptions: { onChange: true, onSave: true },
      initializationOptions: { trusted: vscode.workspace.isTrusted },
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue }),
        closed: () => {
          void this.#closed();
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
      middleware: {
        workspace: {
          configuration: (params) =>
            params.items.map(({ section, scopeUri }) =>
              section === SECTION
                ? explicitSettings(scopeUri === undefined ? undefined : vscode.Uri.parse(scopeUri))
                : null,
            ),
          // #settingsChanged tells the server, once.
          didChangeConfiguration: () => Promise.resolve(),
        },
      },
    };
  }

  async #spawn(found: Found, abandoned: AbortSignal): Promise<ChildProcess> {
    const server = await ServerProcess.start(found.launch, this.#context.extensionPath, this.#log);
    if (abandoned.aborted) {
      server.end("SIGKILL");
    } else {
      this.#process = server;
    }
    return server.child;
  }

  async #closed(): Promise<void> {
    if (this.state !== "running" || this.#disposed) {
      return;
    }
    const client = this.#client;
    this.#client = undefined;
    const words = (await this.#process?.lastWords()) ?? "";
    // Stopped or restarted meanwhile: then the end was wanted.
    if (this.#disposed || this.state !== "running" || this.#client) {
      return;
    }
    this.#fail({ kind: "crashed", reason: words });
    await client?.dispose().catch(() => undefined);
  }

  #fail(failure: ServerFailure): void {
    this.failure = failure;
    this.#log.error(`The server is ${failure.kind}: ${failure.reason}`);
    this.#enter("failed");
    this.#failed.fire(failure);
  }

  #enter(state: ServerState): void {
    if (this.state !== state && !this.#disposed) {
      this.state = state;
      this.#changed.fire(state);
    }
  }

  #settingsChanged(event: vscode.ConfigurationChangeEvent): void {
    if (event.affectsConfiguration(`${SECTION}.server`)) {
      void this.restart();
      return;
    }
    if (event.affectsConfiguration(`${SECTION}.trace`)) {
      void this.#applyTrace();
    }
    if (event.affectsConfiguration(SECTION) && this.state === "running") {
      void this.#client?.sendNotification(DidChangeConfigurationNotification.type, {
        settings: { [SECTION]: explicitSettings() },
      });
    }
  }

  /** Trace as the setting says; by default as far as the server log's level shows it. */
  async #applyTrace(): Promise<void> {
    const wanted = setting<string>("trace") ?? "auto";
    const level = this.#serverLog.logLevel;
    const byLevel =
      level === vscode.LogLevel.Trace
        ? Trace.Verbose
        : level === vscode.LogLevel.Debug
          ? Trace.Messages
          : Trace.Off;
    await this.#client?.setTrace(wanted === "auto" ? byLevel : Trace.fromString(wanted));
  }
}
