// A page in Chromium that nothing may escape: other hosts, errors on the console, what axe finds.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CHROMIUM_FLAGS } from '../host/window.mjs';
import { PATIENCE } from '../host/until.mjs';
import { ROOT } from '../host/vscode.mjs';

const require = createRequire(join(ROOT, 'package.json'));
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Start the Chromium that NSLLM_CHROMIUM names, or that scripts/chromium.py finds. */
export function startBrowser() {
  const executablePath = process.env.NSLLM_CHROMIUM ?? spawnSync('python3', [join(ROOT, 'scripts', 'chromium.py')], { encoding: 'utf8' }).stdout.trim().split('\n').at(-1);
  if (!executablePath) throw new Error('There is no Chromium. Run: python3 scripts/chromium.py');
  return require('playwright-core').chromium.launch({ executablePath, headless: true, args: CHROMIUM_FLAGS });
}

export class Page {
  constructor(page, { url, artefacts, expected }) {
    this.page = page;
    this.artefacts = artefacts;
    this.escapes = [];
    this.violations = [];
    page.setDefaultTimeout(30_000 * PATIENCE);
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== url) this.escapes.push(`a request to ${request.url()}`);
    });
    page.on('console', (message) => {
      const text = message.text();
      if (['error', 'warning'].includes(message.type()) && !expected?.test(text)) this.escapes.push(`on the console: ${text}`);
    });
    page.on('pageerror', (error) => this.escapes.push(`an error: ${error.message}`));
  }

  /** `expected` are errors on the console that a scenario is about. */
  static async open(browser, { url, artefacts, expected, scheme = 'light', width = 1100, height = 820 }) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: 'reduce' });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    return new Page(await context.newPage(), { url, artefacts, expected });
  }

  /** Let axe judge what is shown, in light and in dark. */
  async judge(what) {
    for (const colorScheme of ['light', 'dark']) {
      await this.page.emulateMedia({ colorScheme });
      // By the debugger: the page's policy lets no script in.
      await this.page.evaluate(AXE);
      const { violations } = await this.page.evaluate(() => globalThis.axe.run());
      for (const { id, impact, nodes } of violations) this.violations.push(`${what}, ${colorScheme}: ${id} (${impact}): ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
    }
  }

  /** Keep pictures of what is shown, in light and in dark. */
  async shot(name) {
    mkdirSync(this.artefacts, { recursive: true });
    for (const colorScheme of ['dark', 'light']) {
      await this.page.emulateMedia({ colorScheme });
      await this.page.screenshot({ path: join(this.artefacts, `${name}-${colorScheme}.png`) });
    }
  }

  /** Fail where something escaped since the page was opened. */
  check() {
    if (this.escapes.length > 0) throw new Error(this.escapes.join('\n'));
    if (this.violations.length > 0) throw new Error(this.violations.join('\n'));
  }

  close() {
    return this.page.context().close();
  }
}
