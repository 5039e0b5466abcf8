// Tests the packaged extension in a real VS Code, as a user would with keyboard and mouse.
//
//   node tests/host/run.mjs [part of a scenario's file name …]
//
// Pictures and logs are left in tests/host/artefacts.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { copyNsllmHome, findVsix, indexFolder, INTERPRETER, installVsix, makeNsllmHome, makeProfile, ROOT, startCodeServer, stopRunning, temporary } from './vscode.mjs';
import { PATIENCE } from './until.mjs';
import { startBrowser, Window } from './window.mjs';

const HERE = join(ROOT, 'tests', 'host');
const ARTEFACTS = join(HERE, 'artefacts');
const HANDBOOK = join(ROOT, 'examples', 'handbook');
const SCENARIO_TIMEOUT = 400_000 * PATIENCE;
const LARGEST_VSIX = 1_000_000; // bytes, without a bundled server

const started = Date.now();
const say = (text) => console.log(`[${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}`);
const counts = { passed: 0, failed: 0 };
const open = new Set(); // what a signal must still end

async function main(parts) {
  const names = readdirSync(join(HERE, 'scenarios')).sort().filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)));
  if (names.length === 0) throw new Error(`No scenario's name contains ${parts.join(' or ')}`);
  const vsix = findVsix();
  if (parts.length === 0) rmSync(ARTEFACTS, { recursive: true, force: true });
  const { folder, remove } = temporary('host');
  open.add(remove);
  open.add(stopRunning);
  const browser = await startBrowser();
  open.add(() => browser.close());
  const extensions = join(folder, 'extensions');
  await installVsix(makeProfile(join(folder, 'install'), { extensions }), vsix);
  const { size } = statSync(vsix);
  say(`Installed ${basename(vsix)}, ${size} bytes`);
  if (size >= LARGEST_VSIX && !/-(linux|win32|darwin)-/.test(vsix)) fail('the VSIX is small', new Error(`${size} bytes, and ${LARGEST_VSIX} is too many`));
  // Every scenario has a fresh copy at the same path, so that one index serves them all.
  const workspace = join(folder, 'handbook');
  cpSync(HANDBOOK, workspace, { recursive: true });
  const indexed = makeNsllmHome(join(folder, 'nsllm'));
  await indexFolder(workspace, indexed);
  say('Indexed the handbook');
  for (const name of names) {
    const { default: scenario } = await import(join(HERE, 'scenarios', name));
    await play(name.replace(/\.mjs$/, ''), scenario, { folder, extensions, browser, workspace, indexed });
  }
}

async function play(name, scenario, { folder, extensions, browser, workspace, indexed }) {
  say(scenario.title);
  const own = join(folder, name);
  rmSync(workspace, { recursive: true });
  cpSync(HANDBOOK, workspace, { recursive: true });
  for (const [file, text] of Object.entries(scenario.files?.() ?? {})) cpSync(text, join(workspace, file));
  const machine = { 'nsllm.server.interpreter': INTERPRETER, ...scenario.machine };
  const user = { 'security.workspace.trust.enabled': Boolean(scenario.trust), ...scenario.user };
  const profile = makeProfile(own, { extensions, user, machine });
  const nsllmHome = copyNsllmHome(indexed, join(own, 'nsllm'));
  scenario.prepare?.({ ...profile, nsllmHome });
  const ends = [];
  try {
    const probe = join(own, 'probe.json');
    const env = { NSLLM_HOME: nsllmHome, NSLLM_PROBE: probe, ...scenario.env };
    const server = await startCodeServer(profile, { env, trust: scenario.trust, development: Boolean(scenario.development) });
    ends.push(server.stop);
    open.add(server.stop);
    const window = await Window.open(browser, { url: server.url, folder: workspace, profile, artefacts: ARTEFACTS, development: scenario.development, ...scenario.size });
    ends.push(() => window.close());
    const logs = () => readLogs(profile);
    await withinTime(scenario.run({ step: stepper(name, window), window, workspace, profile, server, nsllmHome, probe, logs }));
  } catch (error) {
    if (!error.reported) fail('could not start', error);
  } finally {
    for (const end of ends.reverse()) await end().catch((error) => say(`  (clean-up: ${error.message})`));
    keepLogs(name, profile);
    const times = (pattern) => [...readLogs(profile).matchAll(pattern)].map(([, time]) => time).join(', ');
    say(`  by the extension's log: activation ${times(/activated in (\d+) ms/g)} ms; server started and initialized ${times(/Server ready in (\d+) ms/g)} ms`);
  }
}

function stepper(name, window) {
  return async (title, act) => {
    const began = Date.now();
    try {
      const result = await act();
      counts.passed += 1;
      say(`  ok    ${title} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
      return result;
    } catch (error) {
      fail(title, error);
      await window.picture(`fail-${name}`).catch(() => undefined);
      error.reported = true;
      throw error; // the scenario's later steps build on this one
    }
  };
}

function fail(title, error) {
  counts.failed += 1;
  say(`  FAIL  ${title}: ${error.message.split('\n').slice(0, 6).join('\n        ')}`);
  if (process.env.NSLLM_HOST_STACK) console.log(error.stack);
}

function withinTime(run) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${SCENARIO_TIMEOUT / 1000} s`)), SCENARIO_TIMEOUT);
  });
  return Promise.race([run, late]).finally(() => clearTimeout(timer));
}

function logFiles(profile) {
  const folder = join(profile.data, 'logs');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true }).filter((name) => /exthost.*\.log$/.test(name) && !/vscode\./.test(name)).map((name) => join(folder, name));
}

function readLogs(profile) {
  return logFiles(profile).map((file) => readFileSync(file, 'utf8')).join('\n');
}

function keepLogs(name, profile) {
  const target = join(ARTEFACTS, 'logs', name);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const file of logFiles(profile)) cpSync(file, join(target, file.split('/').slice(-2).join('-')));
  const own = join(profile.data, 'code-server.log');
  if (existsSync(own)) cpSync(own, join(target, 'code-server.log'));
}

async function endAll() {
  for (const end of [...open].reverse()) await Promise.resolve().then(end).catch(() => undefined);
  open.clear();
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => endAll().finally(() => process.exit(130)));
}
try {
  await main(process.argv.slice(2));
} catch (error) {
  fail('the run', error);
} finally {
  await endAll();
}
console.log(`host: ${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed > 0 ? 1 : 0);
