import { ask, languageStatus, panel, ready, threadTakesText } from '../nsllm.mjs';
import { until } from '../until.mjs';

const THEMES = ['light', 'dark', 'contrast'];

export default {
  title: 'How the views look, light, dark, in high contrast and narrow',
  size: { width: 1600, height: 900 },

  async run({ step, window }) {
    const { page } = window;
    const inEachTheme = (name) => window.shot(`look-${name}`, { themes: THEMES });
    await ready(window);
    await step('the panel with an answer', async () => {
      await ask(window, 'How many probes does a relay serve?');
      await window.openFile('operations/relays.md', 5);
      await inEachTheme('panel');
    });
    await step('the panel with its sources open, narrow', async () => {
      const view = await panel(window);
      await view.locator('details.sources summary').last().click();
      await page.setViewportSize({ width: 800, height: 900 });
      const { overflow, width } = await view.evaluate(() => ({ overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth, width: document.documentElement.clientWidth }));
      await inEachTheme('narrow');
      if (overflow > 0) throw new Error(`the panel, ${width} pixels wide, scrolls sideways by ${overflow}`);
      await page.setViewportSize({ width: 1600, height: 900 });
    });
    await step('the language status', async () => {
      await languageStatus(window);
      await inEachTheme('status');
      await window.key('Escape');
    });
    await step('the settings', async () => {
      await window.run('NS-LLM: Open Settings');
      await page.locator('.settings-editor', { hasText: 'Server: Interpreter' }).waitFor();
      await inEachTheme('settings');
      await window.key('Escape');
      await page.locator('.monaco-modal-editor-block').waitFor({ state: 'hidden' });
    });
    await step('the inline thread', async () => {
      await window.openFile('glossary.md', 3);
      await window.run('NS-LLM: Ask Here');
      const thread = page.locator('.review-widget');
      await thread.waitFor();
      await threadTakesText(window);
      await window.type('How many probes does a relay serve?');
      await window.key('Control+Enter');
      await until(async () => /24/.test(await thread.locator('.comment-body').last().innerText({ timeout: 500 }).catch(() => '')), { what: 'the answer in the thread', timeout: 120_000 });
      await inEachTheme('inline');
      await thread.getByRole('button', { name: 'Discard' }).click();
      await thread.waitFor({ state: 'hidden' });
    });
  },
};
