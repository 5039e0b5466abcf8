import { type ChildProcess, type ExecFileException, execFile, spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";
import { within } from "./deadline";
import {
  type Attempt,
  candidatesOnPath,
  type Discovery,
  discover,
  interpreter,
  isName,
  type Launch,
  type Place,
  parseVersion,
  programOf,
} from "./discovery";
import { trustedSetting } from "./settings";

const VALIDATION_TIMEOUT_MS = 20_000;
/** Another extension may first have to start, and to ask conda; one that hangs must not hold us. */
const LOOK_UP_TIMEOUT_MS = 30_000;
const ENVIRONMENTS_EXTENSION = "ms-python.vscode-python-envs";
const PYTHON_EXTENSION = "ms-python.python";
const WINDOWS = process.platform === "win32";

/** What this extension reads of the Python Environments API. */
interface EnvironmentsApi {
  getEnvironment(
    scope: vscode.Uri | undefined,
  ): Promise<{ execInfo: { run: { executable: string } } } | undefined>;
}

/** What this extension reads of the legacy Python extension's API. */
interface PythonApi {
  readonly environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(
      path: unknown,
    ): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
  };
}

/** Find a server that starts. */
export function findServer(extensionPath: string): Promise<Discovery> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  return discover(
    places(extensionPath, folder),
    (launch) => readVersion(launch, extensionPath),
    vscode.l10n.t("nothing there"),
  );
}

function places(extensionPath: string, folder: vscode.Uri | undefined): Place[] {
  const { t } = vscode.l10n;
  const found: Place[] = [
    {
      name: t("Setting {0}", "nsllm.server.path"),
      find: async () => {
        const program = await chosenProgram("server.path", folder);
        return program === undefined ? undefined : { program, arguments: [] };
      },
      chosen: true,
    },
    {
      name: t("Setting {0}", "nsllm.server.interpreter"),
      find: async () => {
        const python = await chosenProgram("server.interpreter", folder);
        return python === undefined ? undefined : interpreter(python);
      },
      chosen: true,
    },
    { name: t("Bundled server"), find: () => bundled(extensionPath) },
  ];
  // An environment may live in the opened folder, so it is only used where that is trusted.
  if (vscode.workspace.isTrusted) {
    found.push(
      {
        name: t("Python Environments extension"),
        find: () => inTime(fromEnvironments(folder), LOOK_UP_TIMEOUT_MS),
      },
      {
        name: t("Python extension"),
        find: () => inTime(fromPython(folder), LOOK_UP_TIMEOUT_MS),
      },
    );
  }
  found.push({ name: t("PATH"), find: () => onPath("nsllm") });
  return found;
}

function inTime<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  return within(promise, limitMs, lateness(limitMs));
}

/** Say that nothing came for so long. */
export function lateness(limitMs: number): string {
  return vscode.l10n.t("no answer within {0} seconds", limitMs / 1_000);
}

/** Return the program that a setting chooses; undefined where it is empty. */
async function chosenProgram(
  key: string,
  folder: vscode.Uri | undefined,
): Promise<string | undefined> {
  const value = trustedSetting<string>(key);
  if (!value) {
    return undefined;
  }
  const { isTrusted } = vscode.workspace;
  const program = programOf(value, {
    home: homedir(),
    folder: folder?.fsPath,
    isTrusted,
    paths: path,
  });
  if (program === undefined) {
    throw new Error(vscode.l10n.t("not used until the folder is trusted"));
  }
  return placed(program);
}

/** Give a name alone its place on PATH; where it has none, trying it tells so. */
async function placed(program: string): Promise<string> {
  return isName(program) ? ((await firstOnPath(program)) ?? program) : program;
}

async function bundled(extensionPath: string): Promise<Launch | undefined> {
  const python = WINDOWS ? ["python", "python.exe"] : ["python", "bin", "python3"];
  const file = path.join(extensionPath, "extension", "server", ...python);
  return (await isExecutable(file)) ? interpreter(file) : undefined;
}

async function fromEnvironments(folder: vscode.Uri | undefined): Promise<Launch | undefined> {
  const api = await exportsOf<EnvironmentsApi>(ENVIRONMENTS_EXTENSION);
  const environment = await api?.getEnvironment(folder);
  return environment && interpreter(await placed(environment.execInfo.run.executable));
}

async function fromPython(folder: vscode.Uri | undefined): Promise<Launch | undefined> {
  const api = await exportsOf<PythonApi>(PYTHON_EXTENSION);
  const active = api?.environments.getActiveEnvironmentPath(folder);
  const environment = active && (await api?.environments.resolveEnvironment(active));
  const python = environment?.executable.uri?.fsPath;
  return python ? interpreter(python) : undefined;
}

async function exportsOf<T>(id: string): Promise<T | undefined> {
  return (await vscode.extensions.getExtension<T>(id)?.activate()) as T | undefined;
}

async function onPath(name: string): Promise<Launch | undefined> {
  const program = await firstOnPath(name);
  return program === undefined ? undefined : { program, arguments: [] };
}

/** Return the first file on PATH that a name means and that may be run. */
export async function firstOnPath(name: string): Promise<string | undefined> {
  for (const file of candidatesOnPath(name, process.env, process.platform)) {
    if (await isExecutable(file)) {
      return file;
    }
  }
  return undefined;
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Run `--version`. The folder is the extension's own: `-m` imports from where it runs. */
function readVersion(launch: Launch, extensionPath: string): Promise<string> {
  // The system would look for any other in relative folders of PATH too, or beside itself.
  if (!path.isAbsolute(launch.program)) {
    return Promise.reject(new Error(vscode.l10n.t("there is no such program")));
  }
  return new Promise((resolveVersion, reject) => {
    const options = {
      cwd: extensionPath,
      timeout: VALIDATION_TIMEOUT_MS,
      // Its end is waited for, so that it must not be its choice.
      killSignal: "SIGKILL",
      windowsHide: true,
    } as const;
    execFile(
      launch.program,
      [...launch.arguments, "--version"],
      options,
      (error, stdout, stderr) => {
        const version = parseVersion(stdout);
        if (!error && version !== undefined) {
          resolveVersion(version);
          return;
        }
        const lastLine = stderr.trim().split(/\r?\n/).at(-1);
        reject(new Error(lastLine || describeRun(error)));
      },
    );
  });
}

/** Say why a program that wrote nothing told no version. */
function describeRun(error: ExecFileException | null): string {
  const { t } = vscode.l10n;
  if (error?.killed) {
    return lateness(VALIDATION_TIMEOUT_MS);
  }
  switch (error?.code) {
    case "ENOENT":
      return t("there is no such program");
    case "EACCES":
      return t("it may not be run");
    default:
      return error?.message ?? t("no version told");
  }
}

/** Start the server; its standard streams are the connection. */
export function spawnServer(launch: Launch, extensionPath: string): ChildProcess {
  const extra = trustedSetting<readonly string[]>("server.arguments") ?? [];
  return spawn(launch.program, [...launch.arguments, "lsp", ...extra], {
    cwd: extensionPath,
    windowsHide: true,
  });
}

/** Tell the attempts in one line each. */
export function describeAttempts(attempts: readonly Attempt[]): string[] {
  return attempts.map(({ place, tried, problem }) =>
    tried === undefined ? `${place}: ${problem}` : `${place}: ${tried}: ${problem}`,
  );
}
