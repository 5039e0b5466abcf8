import { posix, win32 } from "node:path";
import { expect, test } from "vitest";
import {
  candidatesOnPath,
  discover,
  interpreter,
  type Launch,
  type Place,
  parseVersion,
  programOf,
} from "../../extension/src/discovery";

const ABSENT = "nothing there";

function place(name: string, launch?: Launch, chosen = false): Place {
  return { name, find: () => Promise.resolve(launch), chosen };
}

/** Accept what runs one of the good programs; note what was run. */
function validator(...good: string[]) {
  const run: string[] = [];
  const validate = (launch: Launch): Promise<string> => {
    run.push(launch.program);
    return good.includes(launch.program)
      ? Promise.resolve("0.1.0")
      : Promise.reject(new Error("No module named nsllm"));
  };
  return { run, validate };
}

test("the first place whose server answers is used, and later ones are not asked", async () => {
  const { run, validate } = validator("/b/python", "/c/python");
  const places = [
    place("setting"),
    place("bundled", interpreter("/a/python")),
    place("environments", interpreter("/b/python")),
    place("python", interpreter("/c/python")),
  ];
  const found = await discover(places, validate, ABSENT);
  expect(found.server).toEqual({
    launch: { program: "/b/python", arguments: ["-m", "nsllm"] },
    place: "environments",
    version: "0.1.0",
  });
  expect(run).toEqual(["/a/python", "/b/python"]);
  expect(found.attempts).toEqual([
    { place: "setting", problem: ABSENT },
    { place: "bundled", tried: "/a/python -m nsllm", problem: "No module named nsllm" },
  ]);
});

test("what the user chose is not replaced by something else when it fails", async () => {
  const { run, validate } = validator("/b/python");
  const places = [
    place("setting", interpreter("/wrong/python"), true),
    place("PATH", interpreter("/b/python")),
  ];
  const found = await discover(places, validate, ABSENT);
  expect(found.server).toBeUndefined();
  expect(run).toEqual(["/wrong/python"]);
});

test("an empty setting is no choice", async () => {
  const { validate } = validator("/b/python");
  const places = [place("setting", undefined, true), place("PATH", interpreter("/b/python"))];
  expect((await discover(places, validate, ABSENT)).server?.place).toBe("PATH");
});

test("a place that fails to look is an attempt like others", async () => {
  const { validate } = validator("/b/python");
  const broken: Place = { name: "python", find: () => Promise.reject(new Error("not activated")) };
  const found = await discover([broken, place("PATH", interpreter("/b/python"))], validate, ABSENT);
  expect(found.attempts).toEqual([{ place: "python", problem: "not activated" }]);
  expect(found.server?.place).toBe("PATH");
});

test("where nothing works every attempt is told", async () => {
  const { validate } = validator();
  const places = [place("bundled"), place("PATH", { program: "/usr/bin/nsllm", arguments: [] })];
  const found = await discover(places, validate, ABSENT);
  expect(found.server).toBeUndefined();
  expect(found.attempts.map(({ problem }) => problem)).toEqual([ABSENT, "No module named nsllm"]);
});

test.each([
  ["0.1.0", "0.1.0"],
  ["nsllm 1.12.3rc1\n", "1.12.3rc1"],
  ["Python 3.11", undefined],
  ["", undefined],
])("the version in %j is %j", (output, version) => {
  expect(parseVersion(output)).toBe(version);
});

test("relative entries of PATH are left out: they would run what the folder holds", () => {
  const variables = { PATH: ".:/usr/bin:bin::/opt/x/" };
  expect(candidatesOnPath("nsllm", variables, "linux")).toEqual(["/usr/bin/nsllm", "/opt/x/nsllm"]);
});

test("on Windows the program has its ending, and Path its other spelling", () => {
  const variables = { Path: "C:\\Python\\Scripts;.;\\\\share\\bin" };
  expect(candidatesOnPath("nsllm", variables, "win32")).toEqual([
    "C:\\Python\\Scripts\\nsllm.exe",
    "\\\\share\\bin\\nsllm.exe",
  ]);
  expect(candidatesOnPath("python.exe", { Path: "C:\\Python" }, "win32")).toEqual([
    "C:\\Python\\python.exe",
  ]);
});

// biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code's own placeholder in settings.
const PLACEHOLDER = "${workspaceFolder}";

test.each([
  // What is set, what it means where the folder is trusted, and where it is not.
  ["/opt/python", "/opt/python", "/opt/python"],
  ["~/env/python", "/home/$&/env/python", "/home/$&/env/python"],
  ["python3", "python3", "python3"],
  ["env/python", "/w/$&/env/python", undefined],
  ["./python", "/w/$&/python", undefined],
  [`${PLACEHOLDER}/env/python`, "/w/$&/env/python", undefined],
  [PLACEHOLDER, "/w/$&", undefined],
  [`/opt/${PLACEHOLDER}/python`, "/opt//w/$&/python", undefined],
])("%s means a file of the folder only where that is trusted", (value, trusted, untrusted) => {
  const here = { home: "/home/$&", folder: "/w/$&", paths: posix };
  expect(programOf(value, { ...here, isTrusted: true })).toBe(trusted);
  expect(programOf(value, { ...here, isTrusted: false })).toBe(untrusted);
});

test("on Windows a path without a drive is the folder's, too", () => {
  const here = { home: "C:\\u", folder: "C:\\w", paths: win32 };
  const value = "env\\python.exe";
  expect(programOf(value, { ...here, isTrusted: true })).toBe("C:\\w\\env\\python.exe");
  expect(programOf(value, { ...here, isTrusted: false })).toBeUndefined();
});

test("without a folder a relative path gets no place", () => {
  const here = { home: "/home/u", folder: undefined, isTrusted: true, paths: posix };
  expect(programOf(`${PLACEHOLDER}/python`, here)).toBe(`${PLACEHOLDER}/python`);
  expect(programOf("env/python", here)).toBe("env/python");
});
