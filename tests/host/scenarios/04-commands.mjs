import { readFileSync } from 'node:fs';
import { ROOT } from '../vscode.mjs';
import { until } from '../until.mjs';
import { ask, panel, ready } from '../nsllm.mjs';

const focused = async (window) => (await panel(window)).locator('textarea:focus').waitFor();

/** What shows that a command did its work; every command of the palette needs an entry. */
const SIGNS = {
  'nsllm.askQuestion': focused,
  'nsllm.askHere': (window) => window.page.locator('.review-widget').first().waitFor(),
  'nsllm.askSelection': focused,
  'nsllm.stop': (window) => panel(window),
  'nsllm.newSession': (window) => panel(window),
  'nsllm.insertLastAnswer': (window) => window.page.locator('.part.editor .tab.active.dirty').waitFor(),
  'nsllm.search': (window) => window.input.waitFor(),
  'nsllm.checkDocument': (window) => window.toast(/findings?\./, 45_000),
  'nsllm.checkSelection': (window) => window.toast(/findings?\./, 45_000),
  'nsllm.checkClipboard': (window) => window.toast(/findings?\./, 45_000),
  'nsllm.acceptFinding': (window) => Promise.race([window.toast(/no findings/), window.input.waitFor()]),
  'nsllm.fetchModels': (window) => window.toast(/All models .* on this machine/),
  'nsllm.switchModel': (window) => window.rows('smollm2').first().waitFor(),
  'nsllm.verifyModel': (window) => window.rows('smollm2').first().waitFor(),
  'nsllm.rebuildIndex': (window) => window.toast(/\d+ documents, \d+ chunks/, 60_000),
  'nsllm.showIndexStatus': (window) => window.rows('documents').first().waitFor(),
  'nsllm.showAuditLog': (window) => window.lines('audit log').first().waitFor(),
  'nsllm.restartServer': (window) => ready(window),
  'nsllm.chooseInterpreter': (window) => window.rows('Browse').first().waitFor(),
  'nsllm.showLogs': (window) => window.page.locator('.part.panel .view-line', { hasText: 'activated in' }).waitFor(),
  'nsllm.showServerLogs': (window) => window.page.locator('.part.panel .output-view').waitFor(),
  'nsllm.copyDebugInformation': (window) => window.toast(/Debug information/),
  'nsllm.openSettings': (window) => window.page.locator('.settings-editor', { hasText: 'Server: Interpreter' }).waitFor(),
  'nsllm.openWalkthrough': (window) => window.page.locator('.gettingStartedContainer').waitFor(),
};

function paletteCommands() {
  const { contributes } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'));
  const texts = JSON.parse(readFileSync(`${ROOT}/package.nls.json`, 'utf8'));
  const plain = (text) => text.replace(/^%(.*)%$/, (_, key) => texts[key]);
  const hidden = new Set((contributes.menus?.commandPalette ?? []).filter(({ when }) => when === 'false').map(({ command }) => command));
  return contributes.commands.filter(({ command }) => !hidden.has(command))
    .map(({ command, title, category }) => ({ command, title: category ? `${plain(category)}: ${plain(title)}` : plain(title) }));
}

export default {
  title: 'Every command of the palette',

  async run({ step, window }) {
    const commands = paletteCommands();
    await step('the list of this test is the list of package.json', () => {
      const named = new Set(commands.map(({ command }) => command));
      const wrong = [...[...named].filter((each) => !SIGNS[each]), ...Object.keys(SIGNS).filter((each) => !named.has(each))];
      if (wrong.length > 0) throw new Error(`only in one of them: ${wrong}`);
    });
    await ready(window);
    await ask(window, 'How long are raw readings kept?'); // some commands are about the last answer
    for (const { command, title } of commands) {
      await step(title, async () => {
        await window.openFile('operations/relays.md', 3);
        await window.selectLine();
        await window.page.evaluate(() => navigator.clipboard.writeText('A relay serves up to 24 probes.'));
        await window.run(title);
        await SIGNS[command](window);
        await window.shot(`command-${command.replace('nsllm.', '')}`);
        await window.key('Escape', 'Escape');
        await until(() => window.input.isHidden(), { what: 'the list to close' });
        await window.page.locator('.monaco-modal-editor-block').waitFor({ state: 'hidden' });
        const errors = (await window.toasts()).filter(({ error }) => error);
        if (errors.length > 0) throw new Error(`it showed: ${errors.map(({ text }) => text).join(' | ')}`);
        if ((await window.toasts()).length > 0) await window.clearToasts();
      });
    }
  },
};
