import { ask, ready } from '../nsllm.mjs';
import { until } from '../until.mjs';

export default {
  title: 'A folder that is not trusted, then is, then no longer',
  trust: true,

  async run({ step, window, logs }) {
    await step('restricted mode: the server runs and answers', async () => {
      await window.page.locator('.part.banner', { hasText: 'Restricted Mode' }).waitFor();
      await ready(window);
      await ask(window, 'How many probes does a relay serve?');
      await window.shot('restricted');
    });
    await step('granting trust restarts the server', async () => {
      const before = (logs().match(/Server ready in/g) ?? []).length;
      await window.page.locator('.part.banner a', { hasText: 'Manage' }).click();
      const editor = window.page.locator('.workspace-trust-editor');
      await editor.waitFor();
      await window.shot('trust-editor');
      await editor.locator('.monaco-button', { hasText: /^Trust$/ }).first().click();
      await window.page.locator('.part.banner', { hasText: 'Restricted Mode' }).waitFor({ state: 'hidden' });
      await until(() => (logs().match(/Server ready in/g) ?? []).length > before, { what: 'the server to start again', timeout: 45_000 });
      await ready(window);
      await window.key('Escape');
      await ask(window, 'How many probes does a relay serve?');
    });
    await step('revoking trust: VS Code starts anew in restricted mode, and the server with it', async () => {
      await window.run('Workspaces: Manage Workspace Trust');
      // Trust was given to the folder's entry of the list, so there it is taken away.
      const entry = window.page.locator('.workspace-trust-editor .monaco-list-row', { hasText: 'handbook' }).first();
      await entry.locator('.action-label').last().dispatchEvent('click'); // the last one deletes it
      await window.page.locator('.part.banner', { hasText: 'Restricted Mode' }).waitFor({ timeout: 120_000 });
      await ready(window);
      // The panel is made anew as well, perhaps just while it is asked: a question of its own tells
      // its answer from those that the panel gets back.
      await until(async () => {
        try {
          return await ask(window, 'How often does a relay send its readings?');
        } catch (error) {
          if (/detached|closed|the question in the panel/.test(error.message)) return undefined;
          throw error;
        }
      }, { what: 'an answer of the new server', timeout: 60_000 });
      await window.shot('trust-revoked');
    });
  },
};
