// Bundle the extension, the panel, and the web page of `nsllm serve`:
//
//   node extension/build.mjs [--watch]
//
// The web page is part of the Python package, which is installed without Node: what is built of it
// is kept in the repository, and a test fails when it is stale.
import { copyFileSync } from "node:fs";
import * as esbuild from "esbuild";
import { copied, page } from "./page/build.mjs";

const watch = process.argv.includes("--watch");

/** @type {esbuild.BuildOptions} */
const common = {
  bundle: true,
  minify: !watch,
  sourcemap: watch ? "inline" : false,
  legalComments: "none",
  logLevel: "info",
  metafile: true,
};

const builds = [
  {
    ...common,
    entryPoints: ["extension/src/extension.ts"],
    outfile: "extension/dist/extension.js",
    platform: "node",
    format: "cjs",
    target: "node22",
    external: ["vscode"],
  },
  {
    ...common,
    entryPoints: { webview: "extension/webview/main.ts" },
    outdir: "extension/dist",
    platform: "browser",
    format: "iife",
    target: "chrome134",
  },
  page,
];

for (const [from, to] of copied) {
  copyFileSync(from, to);
}

for (const options of builds) {
  if (watch) {
    const context = await esbuild.context(options);
    await context.watch();
  } else {
    await esbuild.build(options);
  }
}
