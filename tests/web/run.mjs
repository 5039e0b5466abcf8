// Tests the web page of a live `nsllm serve` in Chromium, as a user would with keyboard and mouse.
//
//   node tests/web/run.mjs [part of a scenario's title …]
//
// Pictures are left in tests/web/artefacts.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, temporary } from '../host/vscode.mjs';
import { Page, startBrowser } from './browser.mjs';
import { SCENARIOS } from './scenarios.mjs';
import { Server } from './server.mjs';

const ARTEFACTS = join(ROOT, 'tests', 'web', 'artefacts');
const started = Date.now();
const say = (text) => console.log(`[${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}`);
const counts = { passed: 0, failed: 0 };
const open = new Set(); // what must still end, also on a signal

async function main(parts) {
  rmSync(ARTEFACTS, { recursive: true, force: true });
  const { folder, remove } = temporary('web');
  open.add(remove);
  const browser = await startBrowser();
  open.add(() => browser.close());
  const server = await Server.start(folder);
  open.add(() => server.stop());
  say(`${server.url} is ready`);
  for (const scenario of SCENARIOS.filter(({ title }) => parts.length === 0 || parts.some((part) => title.includes(part)))) {
    await play(scenario, browser, server);
  }
}

async function play({ title, run, ...options }, browser, server) {
  say(title);
  const page = await Page.open(browser, { url: server.url, artefacts: ARTEFACTS, ...options });
  const step = async (name, act) => {
    const began = Date.now();
    await act().catch((error) => {
      error.message = `${name}: ${error.message}`;
      throw error;
    });
    counts.passed += 1;
    say(`  ok    ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  };
  try {
    await run({ page: page.page, window: page, server, step });
    await step('no error on the console, no other host, nothing that axe finds', async () => page.check());
  } catch (error) {
    fail(new Error([error.message, ...page.escapes].join('\n')));
    await page.shot('fail').catch(() => undefined);
  } finally {
    await page.close();
  }
}

function fail(error) {
  counts.failed += 1;
  say(`  FAIL  ${error.message.split('\n').slice(0, 12).join('\n        ')}`);
}

async function endAll() {
  for (const end of [...open].reverse()) await Promise.resolve().then(end).catch((error) => say(`(clean-up: ${error.message})`));
  open.clear();
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => endAll().finally(() => process.exit(130)));
}
try {
  await main(process.argv.slice(2));
} catch (error) {
  fail(error);
} finally {
  await endAll();
}
console.log(`web: ${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed > 0 ? 1 : 0);
