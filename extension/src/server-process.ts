import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as vscode from "vscode";
import type { Launch } from "./discovery";
import { lastLines } from "./logged-client";
import { spawnServer } from "./runtime";

const EXIT_WAIT_MS = 1_000;

/** The server's process, with the end of what it wrote to its error stream. */
export class ServerProcess {
  readonly child: ChildProcess;
  #stderr: string[] = [];

  private constructor(child: ChildProcess) {
    this.child = child;
    child.stderr?.setEncoding("utf-8").on("data", (text: string) => {
      this.#stderr = lastLines([...this.#stderr, text].join(""));
    });
  }

  /** Start it; fails where the system does not. */
  static async start(
    launch: Launch,
    extensionPath: string,
    log: vscode.LogOutputChannel,
  ): Promise<ServerProcess> {
    const server = new ServerProcess(spawnServer(launch, extensionPath));
    await once(server.child, "spawn");
    server.child.on("error", (error) => log.error(`The server's process: ${error.message}`));
    return server;
  }

  get #isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  end(signal: "SIGTERM" | "SIGKILL"): void {
    if (!this.#isOver) {
      this.child.kill(signal);
    }
  }

  /** Return how the process ended and the end of what it wrote to its error stream. */
  async lastWords(): Promise<string> {
    if (!this.#isOver) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, EXIT_WAIT_MS);
        this.child.once("close", () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    const { t } = vscode.l10n;
    const { exitCode, signalCode } = this.child;
    // What was written before someone ended it is not why it ended.
    return signalCode === null
      ? this.withStderr(t("exit code {0}", String(exitCode ?? "?")))
      : t("signal {0}", signalCode);
  }

  /** Add to what happened the last line of the error stream. */
  withStderr(happened: string): string {
    const said = this.#stderr.join("").trim().split(/\r?\n/).at(-1) ?? "";
    return said === "" ? happened : `${happened}: ${said}`;
  }
}
