// What a user sees and does in a window of VS Code, through Chromium.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PATIENCE, until } from './until.mjs';
import { changeMachineSettings, host } from './vscode.mjs';

export const CHROMIUM_FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const LONG = 45_000 * PATIENCE;
const THEMES = {
  light: { label: 'Light 2026', kind: 'vs' },
  dark: { label: 'Dark 2026', kind: 'vs-dark' },
  contrast: { label: 'Default High Contrast', kind: 'hc-black' },
};

/** Start a headless Chromium with an empty profile. */
export async function startBrowser() {
  const { chromium, packages } = host();
  if (!chromium) throw new Error('There is no Chromium. Run: python3 scripts/vscode_host.py');
  const playwright = createRequire(join(packages, 'package.json'))('playwright-core');
  return playwright.chromium.launch({ executablePath: chromium, headless: true, args: CHROMIUM_FLAGS });
}

export class Window {
  constructor(page, { artefacts, folder, profile }) {
    this.page = page;
    this.folder = folder;
    this.artefacts = artefacts;
    this.profile = profile;
    this.theme = 'light';
    page.setDefaultTimeout(15_000 * PATIENCE);
  }

  /** `development` is the folder of an extension that this window runs besides those installed. */
  static async open(browser, { url, folder, profile, artefacts, development, width = 1280, height = 800 }) {
    const context = await browser.newContext({ viewport: { width, height } });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const window = new Window(await context.newPage(), { artefacts, folder, profile });
    const payload = development && [['extensionDevelopmentPath', `vscode-remote://${new URL(url).host}${development}`]];
    const query = new URLSearchParams({ folder, ...(payload ? { payload: JSON.stringify(payload) } : {}) });
    await window.page.goto(`${url}/?${query}`, { timeout: LONG, waitUntil: 'domcontentloaded' });
    await window.page.locator('.monaco-workbench').waitFor({ timeout: LONG });
    await window.page.locator('.explorer-folders-view .monaco-list-row').first().waitFor({ timeout: LONG });
    return window;
  }

  async close() {
    await this.page.context().close();
  }

  key(...keys) {
    return keys.reduce((before, each) => before.then(() => this.page.keyboard.press(each)), Promise.resolve());
  }

  type(text) {
    return this.page.keyboard.type(text, { delay: 4 });
  }

  // The palette and every other list that VS Code asks from.

  get input() {
    return this.page.locator('.quick-input-widget .quick-input-box input');
  }

  rows(text) {
    return this.page.locator('.quick-input-widget:visible .monaco-list-row', text === undefined ? {} : { hasText: text });
  }

  /** Type into the palette and click a row; what opens late takes the focus, and closes it. */
  async choose(text, row) {
    const wanted = this.rows(row).first();
    const done = (action) => action.then(() => true, () => false);
    await until(async () => {
      await this.page.keyboard.press('F1');
      return (await done(this.input.fill(text, { timeout: 2_000 })))
        && (await done(wanted.waitFor({ timeout: 5_000 })))
        && done(wanted.click({ timeout: 2_000 }));
    }, { what: `${row} in the palette`, timeout: 45_000 });
  }

  /** Run a command of the palette by its whole title. */
  run(title) {
    return this.choose(`>${title}`, title);
  }

  async pick(text) {
    await this.rows(text).first().click();
  }

  // Editors.

  async openFile(path, line, column = 1) {
    const name = path.split('/').at(-1);
    await this.choose(path, name);
    await this.tab(name).waitFor();
    await until(async () => (await this.position()).line > 0, { what: `the text of ${path}` });
    if (line !== undefined) await this.goTo(line, column);
  }

  async goTo(line, column = 1) {
    await this.choose(`:${line}:${column}`, new RegExp(`line ${line}\\b`, 'i'));
    await until(async () => (await this.position()).line === line, { what: `the cursor on line ${line}` });
  }

  /** Put the cursor before a text, at its place in the file on the disk. */
  async goToText(path, text) {
    const lines = readFileSync(join(this.folder, path), 'utf8').split(/\r?\n/);
    const line = lines.findIndex((each) => each.includes(text));
    if (line < 0) throw new Error(`${path} does not hold "${text}"`);
    await this.openFile(path, line + 1, lines[line].indexOf(text) + 1);
  }

  async selectLine() {
    await this.key('Home', 'Shift+End');
  }

  /** Apply a quick fix of the place where the cursor is. */
  async quickFix(title) {
    const action = this.page.locator('.action-widget .monaco-list-row', { hasText: title }).first();
    await until(async () => {
      await this.page.keyboard.press('Control+.');
      return action.waitFor({ timeout: 3_000 }).then(() => true, () => this.page.keyboard.press('Escape'));
    }, { what: `the quick fix "${title}"`, timeout: 20_000 });
    await action.click();
  }

  /** The tab in front, or the tab with this name when it is in front. */
  tab(name) {
    return this.page.locator('.part.editor .tab.active', name === undefined ? {} : { hasText: name });
  }

  /** Where the cursor is, and how many characters are selected, by the status bar. */
  async position() {
    const text = await this.page.locator('.statusbar-item[id="status.editor.selection"]').innerText().catch(() => '');
    const found = /Ln (\d+), Col (\d+)(?: \((\d+) selected\))?/.exec(text);
    return { line: Number(found?.[1]), column: Number(found?.[2]), selected: Number(found?.[3] ?? 0) };
  }

  lines(text) {
    return this.page.locator('.part.editor .view-line', { hasText: text });
  }

  /** The text of the editor in front, as far as it is on the screen. */
  async visibleText() {
    const lines = await this.page.locator('.part.editor .editor-instance .view-line').evaluateAll((all) => all
      .map((each) => [each.getBoundingClientRect().top, each.textContent ?? ''])
      .sort(([a], [b]) => a - b)
      .map(([, text]) => text));
    return lines.join('\n').replaceAll('\u00a0', ' ');
  }

  get squiggles() {
    return this.page.locator('.part.editor').locator('.squiggly-error, .squiggly-warning, .squiggly-info, .squiggly-hint');
  }

  /** Wait until a hover with this text is there and no longer fading in. */
  async hover(text) {
    const hover = this.page.locator('.monaco-hover:visible', { hasText: text }).first();
    await hover.waitFor();
    await until(() => hover.evaluate((each) => each.getAnimations({ subtree: true }).every(({ playState }) => playState === 'finished')), { what: 'the hover to settle' });
  }

  // Messages.

  async toasts() {
    return this.page.locator('.notifications-toasts .notification-list-item').evaluateAll((all) => all.map((each) => ({
      text: each.querySelector('.notification-list-item-message')?.textContent ?? '',
      error: each.querySelector('.codicon-error') !== null,
      buttons: [...each.querySelectorAll('.monaco-button')].map((button) => button.textContent ?? ''),
    })));
  }

  async toast(pattern, timeout = 15_000) {
    return until(async () => (await this.toasts()).find(({ text }) => pattern.test(text)), {
      what: async () => `a message like ${pattern}; shown: ${JSON.stringify((await this.toasts()).map(({ text }) => text))}`,
      timeout,
    });
  }

  async pressButton(text) {
    await this.page.locator('.notifications-toasts .notification-list-item .monaco-button', { hasText: text }).first().click();
  }

  async clearToasts() {
    await this.run('Notifications: Clear All Notifications');
    await until(async () => (await this.toasts()).length === 0, { what: 'the messages to go' });
  }

  // Webviews: two nested frames, the inner of which holds the page of the extension.

  async webview(selector, timeout = 45_000) {
    return until(async () => {
      for (const frame of this.page.frames()) {
        if (!frame.url().includes('fake.html')) continue;
        if (await frame.locator(selector).count().catch(() => 0)) return frame;
      }
      return null;
    }, { what: `a webview with ${selector}`, timeout });
  }

  // Pictures.

  /** Switch to a theme of THEMES, as an edit of the settings would. */
  async wear(theme) {
    if (theme === this.theme) return;
    const { label, kind } = THEMES[theme];
    // Those of the machine are watched in a browser; the user's own are read at the start.
    changeMachineSettings(this.profile, { 'workbench.colorTheme': label });
    await this.page.locator(`.monaco-workbench.${kind}`).waitFor();
    this.theme = theme;
  }

  /** Keep a picture of the window in each theme, the one that it wears first. */
  async shot(name, { themes = ['light', 'dark'] } = {}) {
    for (const theme of themes.toSorted((a, b) => Number(b === this.theme) - Number(a === this.theme))) {
      await this.wear(theme);
      await this.picture(`${name}-${theme}`);
    }
  }

  /** Keep a picture of the window in the artefacts. */
  async picture(name) {
    mkdirSync(this.artefacts, { recursive: true });
    const path = join(this.artefacts, `${name}.png`);
    rmSync(path, { force: true });
    // Focus in a nested frame may have scrolled the workbench itself, which a user never sees.
    await this.page.evaluate(() => {
      for (const each of document.querySelectorAll('body, .monaco-workbench, .monaco-grid-view, .split-view-container')) each.scrollTo(0, 0);
    });
    await this.page.screenshot({ path });
    return path;
  }
}
