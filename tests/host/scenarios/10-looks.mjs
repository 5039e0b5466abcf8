import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask, languageStatus, panel, ready, threadTakesText } from '../nsllm.mjs';
import { PATIENCE, until } from '../until.mjs';
import { fixture, writeSettings } from '../vscode.mjs';

const LONG = 60_000 * PATIENCE;
const THEMES = { light: 'Light 2026', dark: 'Dark 2026', contrast: 'Default High Contrast' };

export default {
  title: 'How every view looks, light, dark, in high contrast and narrow',
  size: { width: 1600, height: 900 },

  async run({ step, window, profile, workspace }) {
    const { page } = window;
    const inEachTheme = async (name) => {
      for (const [theme, label] of Object.entries(THEMES)) {
        // Those of the machine are watched in a browser; the user's own are read at the start.
        profile.machine['workbench.colorTheme'] = label;
        writeSettings(profile);
        const kind = { light: 'vs', dark: 'vs-dark', contrast: 'hc-black' }[theme];
        await page.locator(`.monaco-workbench.${kind}`).waitFor();
        await window.shot(`look-${name}-${theme}`);
      }
    };
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
      await window.shot('look-status-light');
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
    await step('a finding with its hover and Problems', async () => {
      copyFileSync(fixture('draft.md'), join(workspace, 'draft.md'));
      await window.openFile('draft.md');
      await window.run('NS-LLM: Check This Document');
      await until(() => window.squiggles.count(), { what: 'a squiggle', timeout: 120_000 });
      await window.clearToasts();
      await window.run('Problems: Focus on Problems View');
      await page.locator('.markers-panel .monaco-list-row').first().waitFor();
      await window.goToText('draft.md', '48');
      await window.run('Show or Focus Hover');
      await window.hover('The nearest source');
      await inEachTheme('hover');
      await window.key('Escape', 'Escape');
      await window.run('View: Close Panel');
    });
    await step('the audit log', async () => {
      await window.run('NS-LLM: Show Audit Log');
      await window.lines('How many probes').first().waitFor();
      await inEachTheme('audit');
    });
    await step('the walkthrough', async () => {
      await window.run('NS-LLM: Open Walkthrough');
      await page.locator('.gettingStartedContainer .getting-started-step').first().waitFor();
      await inEachTheme('walkthrough');
    });
    await step('an inserted answer with its code lens', async () => {
      await window.openFile('plans.md', 3);
      await window.run('NS-LLM: Insert Last Answer');
      await page.locator('.part.editor .codelens-decoration a').first().waitFor({ timeout: LONG });
      await inEachTheme('code-lens');
      await window.run('File: Revert File');
    });
  },
};
