import { ask, ready, status } from '../nsllm.mjs';
import { until } from '../until.mjs';

const MODEL = 'smollm2-135m-instruct';

export default {
  title: 'Switching the model',

  async run({ step, window }) {
    await ready(window);
    await step('the palette lists the models, with their exam, size and licence', async () => {
      await window.run('NS-LLM: Switch Model');
      const row = window.rows(MODEL).first();
      await row.waitFor();
      const text = await row.innerText();
      for (const part of [/exam/, /MB/, /[Ll]icence Apache-2\.0/]) {
        if (!part.test(text)) throw new Error(`the row does not say ${part}: ${text}`);
      }
      await window.shot('models');
    });
    await step('the picked model writes the next answer', async () => {
      await window.pick(MODEL);
      await window.toast(new RegExp(`written by ${MODEL}`));
      await until(async () => (await status(window)).includes(MODEL), { what: `the status item to name ${MODEL}` });
      await ask(window, 'How long does a relay keep readings without the server?', { mode: 'generate' });
    });
  },
};
