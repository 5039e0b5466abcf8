/**
 * The order in which a server is looked for. Pure: what touches the machine is passed in, so that
 * tests can put fakes there.
 */
import type { PlatformPath } from "node:path";

/** A way to start the server: a program and the arguments before `lsp`. */
export interface Launch {
  readonly program: string;
  readonly arguments: readonly string[];
}

/** A place to look: `find` returns the launch that would be tried, or undefined if it has none. */
export interface Place {
  readonly name: string;
  readonly find: () => Promise<Launch | undefined>;
  /** A place that the user chose: where it fails, nothing else is tried. */
  readonly chosen?: boolean;
}

export interface Attempt {
  readonly place: string;
  readonly tried?: string;
  readonly problem: string;
}

export interface Server {
  readonly launch: Launch;
  readonly place: string;
  readonly version: string;
}

export type Discovery =
  | { readonly server: Server; readonly attempts: readonly Attempt[] }
  | { readonly server?: undefined; readonly attempts: readonly Attempt[] };

/** Return the version that a launch reports; throws an Error that says why it has none. */
export type Validate = (launch: Launch) => Promise<string>;

/** Launch the server's module with an interpreter. */
export function interpreter(python: string): Launch {
  return { program: python, arguments: ["-m", "nsllm"] };
}

/** Ask the places in order, and return the first whose server answers with its version. */
export async function discover(
  places: readonly Place[],
  validate: Validate,
  absent: string,
): Promise<Discovery> {
  const attempts: Attempt[] = [];
  for (const place of places) {
    const result = await tryPlace(place, validate, absent);
    if ("launch" in result) {
      return { server: result, attempts };
    }
    attempts.push(result);
    if (place.chosen && result.tried !== undefined) {
      break;
    }
  }
  return { attempts };
}

async function tryPlace(
  place: Place,
  validate: Validate,
  absent: string,
): Promise<Server | Attempt> {
  let tried: string | undefined;
  try {
    const launch = await place.find();
    if (!launch) {
      return { place: place.name, problem: absent };
    }
    tried = [launch.program, ...launch.arguments].join(" ");
    return { launch, place: place.name, version: await validate(launch) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { place: place.name, problem, ...(tried === undefined ? {} : { tried }) };
  }
}

/** Return the version in the output of `nsllm --version`. */
export function parseVersion(output: string): string | undefined {
  return /\b(\d+\.\d+\.\d+\S*)/.exec(output)?.[1];
}

/** VS Code's own placeholder in settings. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is not one of TypeScript's.
const FOLDER = "${workspaceFolder}";

/** What a setting's program is read against. */
export interface Surroundings {
  readonly home: string;
  readonly folder: string | undefined;
  readonly isTrusted: boolean;
  readonly paths: Pick<PlatformPath, "isAbsolute" | "join">;
}

/**
 * Return the file that a setting means, or the name alone that is to be looked up on PATH.
 *
 * Undefined where it leads into a folder that is not trusted: the setting may be the user's own,
 * but what it would run is the folder's.
 */
export function programOf(
  value: string,
  { home, folder, isTrusted, paths }: Surroundings,
): string | undefined {
  const expanded = value.replace(/^~(?=$|[\\/])/, () => home);
  const usesFolder = expanded.includes(FOLDER);
  if (!usesFolder && (isName(expanded) || paths.isAbsolute(expanded))) {
    return expanded;
  }
  if (!isTrusted) {
    return undefined;
  }
  if (folder === undefined) {
    return expanded;
  }
  const inFolder = expanded.replace(FOLDER, () => folder);
  return paths.isAbsolute(inFolder) ? inFolder : paths.join(folder, inFolder);
}

/** Tell whether a program is a name alone, which only PATH gives a place. */
export function isName(program: string): boolean {
  return !/[\\/]/.test(program);
}

/**
 * Return the absolute files that a program's name may mean, in the order of PATH. Relative entries
 * are left out: they would run what the opened folder holds.
 */
export function candidatesOnPath(
  name: string,
  variables: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
): string[] {
  const windows = platform === "win32";
  const path = variables["PATH"] ?? variables["Path"] ?? "";
  const absolute = windows ? /^([A-Za-z]:[\\/]|\\\\)/ : /^\//;
  return path
    .split(windows ? ";" : ":")
    .filter((folder) => absolute.test(folder))
    .map((folder) => `${folder.replace(/[\\/]$/, "")}${windows ? "\\" : "/"}${name}`)
    .map((file) => (windows && !/\.exe$/i.test(file) ? `${file}.exe` : file));
}
