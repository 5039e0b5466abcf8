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
import type { Server as Found } from "./discovery";
import { ClientError, failureText, type ServerFailure } from "./errors";
import { LoggedClient, lastLines } from "./logged-client";
import { describeAttempts, findServer, spawnServer } from "./runtime";
import { explicitSettings, SECTION, setting } from "./settings";

export type ServerState = "stopped" | "starting" | "running" | "failed";

const STOP_TIMEOUT_MS = 2_000;
const EXIT_WAIT_MS = 1_000;
/** Text documents of these kinds are governed; the language does not matter. */
export const SCHEMES = ["file", "untitled", "nsllm-answer"] as const;

/** The one connection to the server, from the search for it to its end. */
export class Server implements vscode.Disposable {
  readonly restart = coalesce(() => this.#restart());
  state: ServerState = "stopped";
  found: Found | undefined;
  failure: ServerFailure | undefined;

  readonly #changed = new vscode.EventEmitter<ServerState>();
  readonly #told = new vscode.EventEmitter<ServerStatus>();
  readonly #failed = new vscode.EventEmitter<ServerFailure>();
  readonly onDidChangeState = this.#changed.event;
  readonly onDidTellStatus = this.#told.event;
  readonly onDidFail = this.#failed.event;

  readonly #context: vscode.ExtensionContext;
  readonly #log: vscode.LogOutputChannel;
  readonly #serverLog: vscode.LogOutputChannel;
  #client: LanguageClient | undefined;
  #process: ChildProcess | undefined;
  #stderr: string[] = [];
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

  /** End the server; an unfinished request fails. */
  async stop(): Promise<void> {
    const client = this.#client;
    const server = this.#process;
    this.#client = undefined;
    this.#process = undefined;
    this.#enter("stopped");
    try {
      await client?.dispose(STOP_TIMEOUT_MS);
    } catch (error) {
      // At the end of the session the log is gone, and the process must go all the same.
      if (!this.#disposed) {
        this.#log.debug(`The server did not stop when asked: ${String(error)}`);
      }
    }
    if (server && server.exitCode === null && server.signalCode === null) {
      server.kill();
    }
  }

  dispose(): void {
    this.#disposed = true;
    void this.stop();
    for (const emitter of [this.#changed, this.#told, this.#failed]) {
      emitter.dispose();
    }
  }

  async #restart(): Promise<void> {
    await this.stop();
    if (this.#disposed) {
      return;
    }
    this.failure = undefined;
    this.#enter("starting");
    const { server, attempts } = await findServer(this.#context.extensionPath);
    if (this.#disposed) {
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
    await this.#connect(server);
  }

  async #connect(server: Found): Promise<void> {
    const started = performance.now();
    const client = new LoggedClient(() => this.#spawn(server), this.#options(), this.#serverLog);
    client.onNotification("nsllm/status", (status: unknown) => {
      if (isServerStatus(status)) {
        this.#told.fire(status);
      }
    });
    this.#client = client;
    try {
      await client.start();
      if (this.#disposed || this.#client !== client) {
        await client.dispose(STOP_TIMEOUT_MS);
        return;
      }
      this.#log.info(`Server ready in ${Math.round(performance.now() - started)} ms`);
      this.#enter("running");
      await this.#applyTrace();
    } catch (error) {
      if (this.#client === client) {
        this.#client = undefined;
        const reason = (await this.#lastWords()) || String(error);
        this.#fail({ kind: "unstartable", reason });
      }
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

  async #spawn(found: Found): Promise<ChildProcess> {
    const server = spawnServer(found.launch, this.#context.extensionPath);
    this.#stderr = [];
    server.stderr?.setEncoding("utf-8").on("data", (text: string) => {
      this.#stderr = lastLines([...this.#stderr, text].join(""));
    });
    await once(server, "spawn");
    server.on("error", (error) => this.#log.error(`The server's process: ${error.message}`));
    this.#process = server;
    return server;
  }

  async #closed(): Promise<void> {
    if (this.state !== "running" || this.#disposed) {
      return;
    }
    const client = this.#client;
    this.#client = undefined;
    const words = await this.#lastWords();
    // Stopped or restarted meanwhile: then the end was wanted.
    if (this.#disposed || this.state !== "running" || this.#client) {
      return;
    }
    this.#fail({ kind: "crashed", reason: words });
    await client?.dispose().catch(() => undefined);
  }

  /** Return how the process ended and the end of what it wrote to its error stream. */
  async #lastWords(): Promise<string> {
    const server = this.#process;
    if (!server) {
      return "";
    }
    if (server.exitCode === null && server.signalCode === null) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, EXIT_WAIT_MS);
        server.once("close", () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    const { t } = vscode.l10n;
    if (server.signalCode !== null) {
      // What was written before someone ended it is not why it ended.
      return t("signal {0}", server.signalCode);
    }
    const how = t("exit code {0}", String(server.exitCode ?? "?"));
    const said = this.#stderr.join("").trim().split(/\r?\n/).at(-1) ?? "";
    return said === "" ? how : `${how}: ${said}`;
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
