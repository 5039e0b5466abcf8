// Bundle the extension and the panel's page: node extension/build.mjs [--watch]
import * as esbuild from "esbuild";

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
];

for (const options of builds) {
  if (watch) {
    const context = await esbuild.context(options);
    await context.watch();
  } else {
    await esbuild.build(options);
  }
}
