import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerText, ask, panel, ready, startAsking } from '../nsllm.mjs';
import { until } from '../until.mjs';

export default {
  title: 'Asking in the panel',

  async run({ step, window, workspace }) {
    await ready(window);
    await step('the panel opens by its command, with the cursor in its input', async () => {
      const page = await panel(window);
      await page.locator('textarea:focus').waitFor();
      await window.shot('panel-empty');
    });
    await step('the answer streams: its text grows', async () => {
      const page = await startAsking(window, 'How long are raw readings kept, and where?', { mode: 'generate' });
      const lengths = new Set();
      const article = page.locator('main article').last();
      await until(async () => {
        lengths.add((await article.locator('.text').innerText({ timeout: 100 }).catch(() => '')).length);
        return (await article.getAttribute('aria-busy')) === 'false';
      }, { what: 'the answer to end', timeout: 120_000, every: 20 });
      if (lengths.size < 4) throw new Error(`the text had only these lengths: ${[...lengths]}`);
    });
    await step('the answer is right, judged and cites', async () => {
      const page = await ask(window, 'How long are raw readings kept?');
      const text = await answerText(window);
      if (!/400 days/.test(text)) throw new Error(`the answer is: ${text}`);
      for (const part of ['.verdict', '.scores', '.sources', 'button.citation']) {
        if (!(await page.locator('main article').last().locator(part).count())) throw new Error(`there is no ${part}`);
      }
      await window.shot('panel-answer');
    });
    await step('a citation chip opens the cited file at the cited line', async () => {
      const page = await panel(window);
      const chip = page.locator('main article').last().locator('button.citation').first();
      const [, path, line] = /: (.*), line (\d+)/.exec(await chip.getAttribute('aria-label'));
      await chip.click();
      await window.tab(path.split('/').at(-1)).waitFor();
      const { line: last, selected } = await until(async () => {
        const position = await window.position();
        return position.selected > 0 && position;
      }, { what: 'the cited lines to be selected' });
      const lines = readFileSync(join(workspace, path), 'utf8').split('\n').slice(Number(line) - 1, last);
      if (lines.join('\n').length !== selected) throw new Error(`the chip says line ${line}, the selection ends in line ${last} and has ${selected} characters`);
      await window.shot('panel-citation');
    });
    await step('an answer is copied and inserted at the cursor', async () => {
      await window.openFile('glossary.md', 1);
      const page = await panel(window);
      const article = page.locator('main article').last();
      await article.getByRole('button', { name: 'Copy' }).click();
      await until(async () => /400 days/.test(await window.page.evaluate(() => navigator.clipboard.readText())), { what: 'the answer in the clipboard' });
      await article.getByRole('button', { name: 'Insert' }).click();
      await window.page.locator('.part.editor .tab.active.dirty').waitFor();
      await until(async () => /400 days/.test(await window.visibleText()), { what: 'the answer in the editor' });
    });
  },
};
