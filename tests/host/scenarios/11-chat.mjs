import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ready } from '../nsllm.mjs';
import { until } from '../until.mjs';
import { ROOT } from '../vscode.mjs';

const QUESTION = 'How many probes does a relay serve?';

export default {
  title: 'What another extension gets: tools and models',
  development: join(ROOT, 'tests', 'host', 'probe'),

  async run({ step, window, probe }) {
    await ready(window);
    const found = await step('another extension is allowed to use what NS-LLM offers', async () => {
      await window.run('Probe: Run');
      const allow = window.page.locator('.monaco-dialog-box .monaco-button', { hasText: 'Allow' });
      await until(async () => {
        if (await allow.isVisible()) await allow.click();
        return existsSync(probe);
      }, { what: 'what the other extension found', timeout: 90_000 });
      return JSON.parse(readFileSync(probe, 'utf8'));
    });
    const value = (name) => {
      if (found[name].error) throw new Error(found[name].error);
      return found[name].value;
    };
    const expect = (holds, name) => {
      if (!holds) throw new Error(`${name}: ${JSON.stringify(value(name))}`);
    };
    await step('both tools are registered', () => expect(value('tools').sort().join() === 'nsllmCheck,nsllmSearch', 'tools'));
    await step('#nsllmSearch finds passages with their lines', () => {
      const { hits } = value('search');
      expect(hits.length === 3 && hits.some(({ path, start_line, text }) => /relay/.test(path) && start_line > 0 && text), 'search');
    });
    await step('#nsllmCheck judges a text', () => {
      const { verdict, findings, scores } = value('check');
      expect(['pass', 'warn', 'reject'].includes(verdict) && Array.isArray(findings) && scores, 'check');
    });
    await step('the installed model is offered, and counts tokens', () => {
      expect(value('models').some(({ id, maxInputTokens }) => id === 'smollm2-135m-instruct' && maxInputTokens > 0), 'models');
      expect(value('tokens') > 0, 'tokens');
    });
    await step('the model answers from the workspace', () => expect(value('answer').length > 0, 'answer'));
  },
};
