import { readFileSync } from 'node:fs';
import { answerText, ask, failureText, panel, ready, startAsking } from '../nsllm.mjs';
import { descendants } from '../vscode.mjs';
import { until } from '../until.mjs';

const lsp = ({ command }) => /-m nsllm lsp|nsllm lsp/.test(command);
const worker = ({ command }) => /nsllm\.generation\.worker|generation\/worker/.test(command);

function only(server, matches, what) {
  const found = descendants(server.pid).filter(matches);
  if (found.length === 0) throw new Error(`no ${what} among ${descendants(server.pid).map(({ command }) => command).join('\n')}`);
  return found;
}

export default {
  title: 'Processes that die',

  async run({ step, window, server }) {
    await ready(window);
    await step('a killed worker: the panel says what happened', async () => {
      await startAsking(window, 'Write in detail how a relay works.', { mode: 'generate' });
      const workers = await until(() => {
        const found = descendants(server.pid).filter(worker);
        return found.length > 0 && found;
      }, { what: 'the worker process', timeout: 45_000 });
      for (const { pid } of workers) process.kill(pid, 'SIGKILL');
      const text = await failureText(window);
      if (!/worker|model|process/i.test(text)) throw new Error(`the panel says: ${text}`);
      await window.shot('worker-killed');
    });
    await step('the next question is answered by a new worker', async () => {
      await ask(window, 'How many probes does a relay serve?', { mode: 'generate' });
    });
    await step('a killed server: a message says so and offers to restart', async () => {
      for (const { pid } of only(server, lsp, 'server')) process.kill(pid, 'SIGKILL');
      const toast = await window.toast(/server stopped/);
      if (!/SIGKILL/.test(toast.text)) throw new Error(`the message does not say how: ${toast.text}`);
      await (await panel(window)).locator('.banner', { hasText: 'server stopped' }).waitFor();
      await window.shot('server-killed');
      await window.pressButton('Restart');
      await ready(window);
    });
    await step('the next question is answered by the new server', async () => {
      await ask(window, 'How many probes does a relay serve?');
      if (!/24/.test(await answerText(window))) throw new Error(`the answer is: ${await answerText(window)}`);
    });
    await step('nothing of the killed server is left behind', async () => {
      const servers = descendants(server.pid).filter(lsp);
      const left = servers.filter(({ pid }) => /State:\s+Z/.test(readFileSync(`/proc/${pid}/status`, 'utf8')));
      if (left.length > 0) throw new Error(`zombies: ${left.map(({ command }) => command)}`);
    });
  },
};
