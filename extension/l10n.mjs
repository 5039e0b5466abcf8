// Write l10n/bundle.l10n.json: every message that the sources give to l10n.t, and the panel's words.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const MESSAGE = /(?<![\w$])t\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/g;
const PANEL_WORD = /^ {2}\w+:\s*("(?:[^"\\]|\\.)*")/gm;

/** Return every English message, sorted. */
export function messages(root) {
  const folder = join(root, "extension/src");
  const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".ts"));
  const found = new Set();
  for (const name of files) {
    collect(found, readFileSync(join(folder, name), "utf-8"), MESSAGE);
  }
  collect(found, readFileSync(join(root, "extension/ui/strings.ts"), "utf-8"), PANEL_WORD);
  return [...found].sort();
}

function collect(found, source, pattern) {
  for (const [, literal] of source.matchAll(pattern)) {
    found.add(
      literal.startsWith("'") ? literal.slice(1, -1).replaceAll("\\'", "'") : JSON.parse(literal),
    );
  }
}

/** Return the bundle's text: VS Code's format, each message under itself. */
export function bundle(root) {
  const entries = messages(root).map((message) => [message, message]);
  return `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync("l10n/bundle.l10n.json", bundle("."));
}
