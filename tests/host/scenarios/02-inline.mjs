import { ready, threadTakesText } from '../nsllm.mjs';
import { until } from '../until.mjs';

export default {
  title: 'Asking inline at the cursor',

  async run({ step, window }) {
    const thread = window.page.locator('.review-widget');
    const answers = thread.locator('.review-comment', { hasText: 'NS-LLM' });
    const answered = async (count, pattern) => {
      const texts = await answers.allInnerTexts();
      const last = texts.at(-1) ?? '';
      return texts.length === count && pattern.test(last) && /Sources/.test(last);
    };
    await ready(window);
    await step('"Ask Here" opens a thread below the line, ready to type', async () => {
      await window.openFile('glossary.md', 3);
      await window.run('NS-LLM: Ask Here');
      await thread.waitFor();
      await threadTakesText(window);
    });
    await step('the question is answered in the thread', async () => {
      await window.type('How many probes does a relay serve?');
      await window.key('Control+Enter');
      await until(() => answered(1, /24/), { what: 'the answer in the thread', timeout: 120_000 });
      await window.shot('inline-answer');
    });
    await step('a follow-up is answered below it', async () => {
      const reply = thread.locator('.review-thread-reply-button');
      await until(() => reply.isVisible(), { what: 'the reply box', timeout: 30_000 });
      await reply.click();
      await window.type('How long does a relay keep readings without the server?');
      await window.key('Control+Enter');
      await until(() => answered(2, /72/), { what: 'the second answer', timeout: 120_000 });
      await window.shot('inline-follow-up');
    });
    await step('the answer is inserted into the file', async () => {
      // The first answer has a button of its own; the second one's is next to what was just read.
      await answers.last().hover();
      await answers.last().getByRole('button', { name: 'Insert Answer' }).click();
      await window.page.locator('.part.editor .tab.active.dirty').waitFor();
      await thread.waitFor({ state: 'hidden' });
      await until(async () => /72 hours/.test(await window.visibleText()), { what: 'the answer in the file' });
    });
    await step('a lens above it says what was made of it, and with which sources', async () => {
      const lens = window.page.locator('.part.editor .codelens-decoration', { hasText: 'Generated text' });
      await lens.first().waitFor({ timeout: 60_000 });
      await window.shot('inline-inserted');
    });
  },
};
