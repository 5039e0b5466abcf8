import { ask, ready, startAsking } from '../nsllm.mjs';
import { until } from '../until.mjs';

export default {
  title: 'Cancelling an answer',
  user: { 'nsllm.generation.max_tokens': 1500 },

  async run({ step, window }) {
    await ready(window);
    await step('Stop ends an answer that is being written, and keeps what is there', async () => {
      const page = await startAsking(window, 'Explain everything about relays, probes and alarms in great detail.', { mode: 'generate' });
      const article = page.locator('main article').last();
      await until(async () => (await article.locator('.text').innerText({ timeout: 100 }).catch(() => '')).length > 20, { what: 'some text', timeout: 120_000, every: 10 });
      await page.getByRole('button', { name: 'Stop' }).click();
      await until(async () => (await article.getAttribute('aria-busy')) === 'false', { what: 'the answer to stop' });
      const text = await article.innerText();
      if (!/Stopped\./.test(text)) throw new Error(`the panel says: ${text}`);
      if (await article.locator('.verdict').count()) throw new Error('the answer had ended before it was stopped');
      await window.shot('cancelled');
    });
    await step('nothing is added after the stop, and the next question is answered', async () => {
      const page = await ask(window, 'How many probes does a relay serve?', { mode: 'extract' });
      const before = await page.locator('main article').nth(-2).innerText();
      if (!/Stopped\./.test(before)) throw new Error(`the stopped answer became: ${before}`);
    });
  },
};
