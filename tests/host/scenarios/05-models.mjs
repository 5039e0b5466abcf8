import { ask, panel, ready, status } from '../nsllm.mjs';
import { until } from '../until.mjs';
import { addModel } from '../vscode.mjs';

const MODEL = 'smollm2-135m-instruct';
const OTHER = 'imported-model';
const QUESTION = 'How long does a relay keep readings without the server?';

export default {
  title: 'Switching the model',
  prepare: ({ nsllmHome }) => addModel(nsllmHome, MODEL, OTHER),

  async run({ step, window }) {
    const inUse = (model) => until(async () => (await status(window)).includes(model), { what: `the status item to name ${model}` });
    await ready(window);
    await step('the palette lists the models, with their exam, size and licence', async () => {
      await window.run('NS-LLM: Switch Model');
      await window.rows(OTHER).first().waitFor();
      const text = await window.rows(MODEL).first().innerText();
      for (const part of [/exam/, /MB/, /[Ll]icence Apache-2\.0/]) {
        if (!part.test(text)) throw new Error(`the row does not say ${part}: ${text}`);
      }
      await window.shot('models');
    });
    await step('the picked model writes the next answer', async () => {
      await window.pick(OTHER);
      await window.toast(new RegExp(`written by ${OTHER}`));
      await inUse(OTHER);
      const page = await ask(window, QUESTION, { mode: 'generate' });
      const said = await page.locator('main article').last().innerText();
      if (!said.includes(OTHER) && !said.includes('quoted')) throw new Error(`the panel says: ${said}`);
    });
    await step('the panel switches back', async () => {
      const page = await panel(window);
      await page.getByRole('combobox', { name: 'Model', exact: true }).selectOption(MODEL);
      await inUse(MODEL);
      await window.shot('models-panel');
    });
  },
};
