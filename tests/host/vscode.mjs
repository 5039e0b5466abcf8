// VS Code's side of a host test: an empty home, the packaged extension, code-server on a free port.
import { spawn } from 'node:child_process';
import { closeSync, cpSync, existsSync, linkSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './until.mjs';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const DESCRIPTION = join(ROOT, '.nsllm', 'vscode-host', 'host.json');
const PYTHON = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];
export const INTERPRETER = join(ROOT, '.venv', ...PYTHON);

const USER_SETTINGS = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'workbench.reduceMotion': 'on',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'telemetry.telemetryLevel': 'off',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'update.mode': 'none',
  'window.commandCenter': false,
  'chat.commandCenter.enabled': false,
  'files.autoSave': 'off',
  'git.enabled': false,
  'editor.minimap.enabled': false,
};

/** The text fixtures of this folder, by name. */
export const fixture = (name) => join(ROOT, 'tests', 'host', 'fixtures', name);

/** Where the set-up of scripts/vscode_host.py put code-server, Node and Chromium. */
export function host() {
  if (!existsSync(DESCRIPTION)) throw new Error(`${DESCRIPTION} is missing. Run: python3 scripts/vscode_host.py`);
  return JSON.parse(readFileSync(DESCRIPTION, 'utf8'));
}

/** The packaged extension: what NSLLM_VSIX names, or what `npm run package` made. */
export function findVsix() {
  const vsix = process.env.NSLLM_VSIX ?? join(ROOT, 'dist', 'nsllm.vsix');
  if (!existsSync(vsix)) throw new Error(`${vsix} is missing. Run: npm ci && npm run package`);
  return vsix;
}

/** A temporary folder, removed by `remove`. */
export function temporary(name) {
  const folder = mkdtempSync(join(tmpdir(), `nsllm-${name}-`));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) };
}

/** A folder for NSLLM_HOME with the embedded models, which were pulled already. */
export function makeNsllmHome(folder) {
  const pulled = process.env.NSLLM_TEST_MODELS ?? join(ROOT, '.nsllm', 'test-home');
  if (!existsSync(join(pulled, 'models'))) throw new Error(`There are no models in ${pulled}. Run: NSLLM_HOME=${pulled} nsllm models pull`);
  return copyNsllmHome(pulled, folder, ['models']);
}

/** Put another model there, as an import would: a model's files under another id. */
export function addModel(nsllmHome, model, id) {
  const folder = join(nsllmHome, 'models', id);
  cpSync(join(nsllmHome, 'models', model), folder, { recursive: true });
  const file = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...manifest, id }));
}

/** Copy an NSLLM_HOME, or some of it; models are hard links, which cost nothing and can be deleted. */
export function copyNsllmHome(from, to, names = readdirSync(from)) {
  for (const name of names.flatMap((top) => [top, ...(statSync(join(from, top)).isDirectory() ? readdirSync(join(from, top), { recursive: true }).map((below) => join(top, below)) : [])])) {
    if (statSync(join(from, name)).isDirectory()) continue;
    mkdirSync(dirname(join(to, name)), { recursive: true });
    if (!(name.startsWith('models') && link(join(from, name), join(to, name)))) cpSync(join(from, name), join(to, name));
  }
  return to;
}

function link(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch {
    return false; // another disk
  }
}

/** Index a folder by the command line, so that an editor finds it indexed. */
export function indexFolder(folder, nsllmHome) {
  return finish(INTERPRETER, ['-m', 'nsllm', 'index', folder], { ...process.env, NSLLM_HOME: nsllmHome });
}

const running = new Set();

/** Run a program to its end; fails with what it wrote when it fails. */
async function finish(program, args, env) {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { output += text; });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  running.delete(child);
  if (code !== 0) throw new Error(`${[program, ...args].join(' ')} ended with ${code}:\n${output}`);
}

/** End the programs that still run. */
export function stopRunning() {
  for (const child of running) process.kill(-child.pid, 'SIGKILL');
}

/** The folders that one code-server works in; `extensions` may be shared between several. */
export function makeProfile(folder, { extensions, user = {}, machine = {} }) {
  const profile = { home: join(folder, 'home'), data: join(folder, 'data'), temporary: join(folder, 'tmp'), extensions, user: { ...USER_SETTINGS, ...user }, machine };
  for (const made of [profile.home, profile.temporary, profile.extensions]) mkdirSync(made, { recursive: true });
  writeSettings(profile);
  return profile;
}

/** Write a profile's settings, at once in force in an open window. */
function writeSettings(profile) {
  // A browser's window is a remote one: settings of scope `machine` are read from Machine/, not from User/.
  for (const [scope, settings] of [['User', profile.user], ['Machine', profile.machine]]) {
    mkdirSync(join(profile.data, scope), { recursive: true });
    writeFileSync(join(profile.data, scope, 'settings.json'), JSON.stringify(settings, null, 2));
  }
}

/** Change settings of the machine, and keep the others as the window has left them. */
export function changeMachineSettings(profile, changes) {
  const file = join(profile.data, 'Machine', 'settings.json');
  const present = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...present, ...changes }, null, 2));
}

/** Install a VSIX into a profile's folder of extensions. */
export function installVsix(profile, vsix) {
  const { node, entry } = host();
  return finish(node, [entry, ...folders(profile), '--install-extension', vsix], environment(profile, {}));
}

/** Start code-server; `stop` ends it with everything that it started. */
export async function startCodeServer(profile, { env = {}, trust = false, development = false, port } = {}) {
  const { node, entry } = host();
  const chosen = port ?? (await freePort());
  const log = openSync(join(profile.data, 'code-server.log'), 'a');
  const trustFlag = trust ? [] : ['--disable-workspace-trust'];
  // Without it an extension that a window's address names is left out, silently.
  const driver = development ? ['--vscode-option', 'enable-smoke-test-driver'] : [];
  const flags = ['--auth', 'none', '--bind-addr', `127.0.0.1:${chosen}`, ...trustFlag, ...driver, '--disable-telemetry', '--disable-update-check', '--disable-getting-started-override'];
  const child = spawn(node, [entry, ...folders(profile), ...flags], { env: environment(profile, env), stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  const server = { url: `http://127.0.0.1:${chosen}`, pid: child.pid, stop: () => stopGroup(child) };
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`code-server ended with ${child.exitCode}: ${readFileSync(join(profile.data, 'code-server.log'), 'utf8')}`);
      return (await fetch(`${server.url}/healthz`).catch(() => null))?.ok;
    }, { what: 'code-server to answer', timeout: 60_000 });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** The processes below a process, as `{pid, command}`. */
export function descendants(pid) {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(describe).filter(Boolean);
  const found = [];
  const visit = (parent) => {
    for (const each of all.filter((one) => one.parent === parent)) {
      found.push(each);
      visit(each.pid);
    }
  };
  visit(pid);
  return found;
}

function describe(pid) {
  try {
    const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))[1]);
    return { pid: Number(pid), parent, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() };
  } catch {
    return null; // it ended meanwhile
  }
}

const folders = (profile) => ['--user-data-dir', profile.data, '--extensions-dir', profile.extensions];

function environment(profile, extra) {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('VSCODE_') && !['NODE_OPTIONS', 'PORT', 'PASSWORD', 'NSLLM_HOME'].includes(name));
  const own = { HOME: profile.home, XDG_CONFIG_HOME: join(profile.home, '.config'), XDG_DATA_HOME: join(profile.home, '.local', 'share'), XDG_CACHE_HOME: join(profile.home, '.cache'), TMPDIR: profile.temporary };
  return { ...Object.fromEntries(kept), ...own, EXTENSIONS_GALLERY: '{}', ...extra };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function stopGroup(child) {
  const below = descendants(child.pid);
  const signal = (name) => {
    try { process.kill(-child.pid, name); } catch { /* the group is gone */ }
  };
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  signal('SIGTERM');
  await until(ended, { what: 'code-server to end', timeout: 3_000 }).catch(() => undefined);
  signal('SIGKILL');
  // The language server may have a group of its own; it is stopped by its id.
  for (const { pid, command } of below) {
    if (describe(pid)?.command === command) {
      try { process.kill(pid, 'SIGKILL'); } catch { /* it ended meanwhile */ }
    }
  }
}
