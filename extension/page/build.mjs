// What the web page is built from, and where to.

const TARGET = "server/nsllm/frontends/http/page";

/** @type {import("esbuild").BuildOptions} */
export const page = {
  entryPoints: { page: "extension/page/main.ts" },
  outdir: TARGET,
  bundle: true,
  // The same bytes everywhere, watched or not: they are compared with what the repository has.
  minify: true,
  platform: "browser",
  format: "esm",
  target: ["chrome123", "firefox120", "safari17.5"],
  legalComments: "none",
  logLevel: "info",
  banner: {
    js: "// Made from extension/page by `npm run build`. Contains eventsource-parser: see eventsource-parser.LICENSE.",
    css: "/* Made from extension/page by `npm run build`. */",
  },
};

/** Files that are taken as they are: from, to. */
export const copied = [
  ["extension/page/index.html", `${TARGET}/index.html`],
  ["extension/page/icon.svg", `${TARGET}/icon.svg`],
  ["node_modules/eventsource-parser/LICENSE", `${TARGET}/eventsource-parser.LICENSE`],
];
