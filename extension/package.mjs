// Package the extension: node extension/package.mjs [--target linux-x64] [--out dist/nsllm.vsix]
//
// vsce looks through every file below its folder before it leaves most of them out, and below this
// one there are environments and models. So what package.json's `files` lists is laid out apart.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createVSIX } from "@vscode/vsce";

const { values } = parseArgs({ options: { target: { type: "string" }, out: { type: "string" } } });
const packagePath = resolve(values.out ?? "dist/nsllm.vsix");
const { files } = JSON.parse(readFileSync("package.json", "utf-8"));
const folder = mkdtempSync(join(tmpdir(), "nsllm-vsix-"));
try {
  for (const file of ["package.json", ...files].filter((name) => existsSync(name))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(file, join(folder, file), { recursive: true });
  }
  mkdirSync(dirname(packagePath), { recursive: true });
  await createVSIX({
    cwd: folder,
    packagePath,
    target: values.target,
    dependencies: false,
    rewriteRelativeLinks: false,
    allowMissingRepository: true,
    allowUnusedFilesPattern: true,
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
