import { readFileSync } from "node:fs";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { copied, page } from "../../extension/page/build.mjs";

test("the web page of the Python package is made of these sources: npm run build", async () => {
  const { outputFiles = [] } = await build({ ...page, write: false, logLevel: "silent" });
  expect(outputFiles.map(({ path }) => path.split("/").at(-1)).toSorted()).toEqual([
    "page.css",
    "page.js",
  ]);
  for (const { path, text } of outputFiles) {
    expect(readFileSync(path, "utf-8") === text, path).toBe(true);
  }
  for (const [from, to] of copied) {
    expect(readFileSync(to, "utf-8"), to).toBe(readFileSync(from, "utf-8"));
  }
});
