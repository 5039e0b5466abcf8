// `nsllm serve` in a process of its own, on copies of the sample workspace and of the models.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../host/until.mjs';
import { addModel, INTERPRETER, makeNsllmHome, ROOT } from '../host/vscode.mjs';

export const MODEL = 'smollm2-135m-instruct';
export const OTHER = 'imported-model';
export const FORBIDDEN = 'No unit of time, please.';

// A word that the answers have is forbidden, so that there is a finding on exact words.
const SETTINGS = `
[governance.rules.text.forbidden]
patterns = [{ pattern = "\\\\b\\\\d+ (days|hours|months)\\\\b", message = "${FORBIDDEN}" }]
`;

export class Server {
  #process;

  constructor({ process, home, url, token }) {
    this.#process = process;
    this.home = home;
    this.url = url;
    this.token = token;
  }

  /** Start with two workspaces and two generators, and wait until questions are answered. */
  static async start(folder) {
    const home = makeNsllmHome(join(folder, 'nsllm'));
    addModel(home, MODEL, OTHER);
    writeFileSync(join(home, 'nsllm.toml'), SETTINGS);
    const workspaces = ['handbook', 'samples'].map((name) => join(folder, name));
    cpSync(join(ROOT, 'examples', 'handbook'), workspaces[0], { recursive: true });
    cpSync(join(ROOT, 'examples', 'handbook', 'policies'), workspaces[1], { recursive: true });
    const child = spawn(INTERPRETER, ['-m', 'nsllm', 'serve', ...workspaces, '--port', '0'], {
      env: { ...process.env, NSLLM_HOME: home },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text) => { log += text; });
    const server = new Server({ process: child, home });
    try {
      server.url = await until(() => {
        if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}: ${log}`);
        return /"url": ?"([^"]+)"/.exec(log)?.[1];
      }, { what: () => `the server to listen; its log: ${log}`, timeout: 120_000 });
      server.token = readFileSync(join(home, 'server', 'token'), 'utf8').trim();
      await until(async () => (await fetch(`${server.url}/readyz`).catch(() => null))?.ok, { what: () => `the index; the log: ${log}`, timeout: 240_000 });
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** The link that the server prints on a terminal. */
  get link() {
    return `${this.url}/#token=${this.token}`;
  }

  /** Change what a record of the audit log says, past the triggers that forbid it. */
  tamper() {
    const code = `
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as log:
    log.execute("DROP TRIGGER IF EXISTS entries_are_fixed")
    log.execute("UPDATE entries SET body = CAST(body || ' ' AS BLOB) WHERE number = 1")
`;
    this.#python('-c', code, join(this.home, 'audit.db'));
  }

  /** Make a token that allows one thing. */
  named(name, scope) {
    return this.#python('-m', 'nsllm', 'tokens', 'add', name, '--scope', scope);
  }

  remove(name) {
    this.#python('-m', 'nsllm', 'tokens', 'remove', name);
  }

  #python(...args) {
    const { status, stdout, stderr } = spawnSync(INTERPRETER, args, { encoding: 'utf8', env: { ...process.env, NSLLM_HOME: this.home } });
    if (status !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  async stop() {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await until(() => child.exitCode !== null || child.signalCode !== null, { what: 'the server to stop', timeout: 30_000 }).catch(() => child.kill('SIGKILL'));
  }
}
