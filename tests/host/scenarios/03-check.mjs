import { fixture } from '../vscode.mjs';
import { until } from '../until.mjs';

const WRONG = 'A relay serves up to 48 probes';
const RIGHT = 'up to 24 probes';

export default {
  title: 'Checking a document that was written elsewhere',
  files: () => ({ 'draft.md': fixture('draft.md') }),

  async run({ step, window }) {
    await step('a sentence that the handbook contradicts gets a squiggle', async () => {
      await window.openFile('draft.md');
      await window.run('NS-LLM: Check This Document');
      await until(() => window.squiggles.count(), { what: 'a squiggle', timeout: 120_000 });
    });
    await step('Problems names the sentence, not its supported neighbours', async () => {
      await window.run('Problems: Focus on Problems View');
      const rows = window.page.locator('.markers-panel .monaco-list-row', { hasText: 'Not supported' });
      await rows.first().waitFor();
      const texts = await rows.allInnerTexts();
      if (texts.length !== 1) throw new Error(`expected one problem, got ${texts.join(' | ')}`);
      await window.shot('problems');
    });
    await step('the hover sets the claim against the evidence', async () => {
      await window.goToText('draft.md', '48');
      await window.run('Show or Focus Hover');
      await window.hover('The nearest source');
      await window.shot('hover');
    });
    await step('"Replace with what the source says" mends it and the squiggle goes', async () => {
      await window.page.keyboard.press('Escape');
      await window.goToText('draft.md', '48');
      await window.quickFix('Replace with what the source says');
      await until(async () => (await window.visibleText()).includes(RIGHT), { what: `the text "${RIGHT}"` });
      await until(async () => !(await window.visibleText()).includes(WRONG), { what: `"${WRONG}" to go` });
      await until(async () => (await window.squiggles.count()) === 0, { what: 'the squiggle to go', timeout: 30_000 });
      await window.shot('replaced');
    });
  },
};
