import { until } from '../host/until.mjs';
import { FORBIDDEN, MODEL, OTHER } from './server.mjs';

const QUESTION = 'How long are raw readings kept?';
const SLOW = 240_000;

const same = (found, wanted, what) => {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
};
const last = (page) => page.locator('main article').last();
const question = (page) => page.getByRole('textbox', { name: 'Question' });
const focused = (page) => page.evaluate(() => document.activeElement?.textContent);
const view = (page, name) => page.getByRole('navigation').getByRole('link', { name }).click();

async function ask(page, text, mode = 'auto') {
  const before = await page.locator('main article').count();
  await page.getByRole('combobox', { name: 'Mode', exact: true }).selectOption(mode);
  await question(page).fill(text);
  await question(page).press('Enter');
  await until(async () => (await page.locator('main article').count()) > before, { what: 'the question' });
}

async function ended(page) {
  await until(async () => (await last(page).getAttribute('aria-busy')) === 'false', { what: 'the answer to end', timeout: SLOW });
}

/** Note every text that an unfinished answer showed. */
const watchTexts = (page) => page.evaluate(() => {
  globalThis.seen = [];
  new MutationObserver(() => {
    const text = document.querySelector('article[aria-busy=true] .text')?.textContent;
    if (text && globalThis.seen.at(-1) !== text) globalThis.seen.push(text);
  }).observe(document.body, { childList: true, subtree: true });
});

const signIn = {
  title: 'Signing in',
  expected: /status of 401/,
  async run({ page, window, server, step }) {
    await step('without a token there is a form, and nothing else', async () => {
      await page.goto(server.url);
      await page.getByLabel('Token').waitFor();
      same(await page.getByRole('navigation').count(), 0, 'navigation');
      await window.judge('form');
    });
    await step('a wrong token is told', async () => {
      for (const wrong of ['nsllm_wrong', 'nicht-gültig']) {
        await page.getByLabel('Token').fill(wrong);
        await page.getByLabel('Token').press('Enter');
        await page.getByRole('alert').filter({ hasText: 'does not know this token' }).waitFor();
      }
      await window.judge('form with an error');
      await window.shot('token');
    });
    await step('the right one opens the page, which a reload keeps open', async () => {
      await page.getByLabel('Token').fill(server.token);
      await page.getByRole('button', { name: 'Open' }).click();
      await question(page).waitFor();
      await page.reload();
      await question(page).waitFor();
    });
    await step('it is forgotten on request', async () => {
      await page.getByRole('button', { name: 'Forget the token' }).click();
      await page.getByLabel('Token').waitFor();
      same(await page.evaluate(() => sessionStorage.length), 0, 'what is kept');
    });
    await step('the printed link opens the page in the tab that asks for a token', async () => {
      await page.goto(server.link);
      await question(page).waitFor();
      same(page.url(), `${server.url}/`, 'address');
    });
  },
};

const asking = {
  title: 'Asking',
  async run({ page, window, server, step }) {
    await step('the link that the server prints signs in, and leaves no token in the address', async () => {
      await page.goto(server.link);
      await question(page).waitFor();
      same(page.url(), `${server.url}/`, 'address');
      await window.judge('before a question');
      await window.shot('empty');
    });
    await step('a question is answered with verdict, scores and sources', async () => {
      await ask(page, QUESTION);
      await ended(page);
      const text = await last(page).innerText();
      for (const part of [/\[?\d/, /Overall/, /Grounding/, /Sources \(/]) if (!part.test(text)) throw new Error(`${part} is not in: ${text}`);
    });
    await step('findings are underlined on their words, with rule and reason', async () => {
      const mark = last(page).locator('mark.finding a').first();
      if (!/^\d+ (days|hours|months)$/.test(await mark.innerText())) throw new Error(`marked: ${await mark.innerText()}`);
      const line = await mark.evaluate((each) => getComputedStyle(each).textDecoration);
      if (!line.includes('underline wavy')) throw new Error(`decoration: ${line}`);
      await mark.focus();
      await page.keyboard.press('Enter');
      const row = await focused(page);
      for (const part of [FORBIDDEN, 'text.forbidden', 'Warning']) if (!row.includes(part)) throw new Error(`the focus is on: ${row}`);
      await last(page).locator('details.sources summary').click();
      await window.judge('answer');
      await last(page).evaluate((each) => each.scrollIntoView());
      await window.shot('answer');
    });
    await step('a source opens with its lines, by keyboard, and closes', async () => {
      const citation = last(page).locator('button.citation').first();
      const [, path, line] = /Source \d+: (.+), line (\d+)/.exec(await citation.getAttribute('aria-label'));
      await citation.focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      if (!(await dialog.innerText()).includes(path)) throw new Error(`no ${path} in the dialog`);
      same(await dialog.locator('.number').first().innerText(), line, 'first line');
      await window.judge('source');
      await window.shot('source');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      same(await focused(page), await citation.textContent(), 'focus');
    });
    await step('an answer that a model writes comes piece by piece, and Escape stops it', async () => {
      await watchTexts(page);
      await ask(page, 'Explain everything about relays, probes and alarms in great detail.', 'generate');
      await until(() => page.evaluate(() => globalThis.seen.length > 3), { what: async () => `text; there is: ${await last(page).innerText()}`, timeout: SLOW });
      const texts = await page.evaluate(() => globalThis.seen);
      if (!texts[2].startsWith(texts[0])) throw new Error(`it did not grow: ${JSON.stringify(texts.slice(0, 3))}`);
      await question(page).press('Escape');
      await last(page).getByText('Stopped.').waitFor();
      await until(async () => /^nsllm_requests_running 0/m.test(await (await fetch(`${server.url}/metrics`, { headers: { Authorization: `Bearer ${server.token}` } })).text()), { what: 'the server to stop writing' });
    });
    await step('an answer is copied', async () => {
      await page.locator('main article').first().getByRole('button', { name: 'Copy' }).click();
      await page.getByText('The answer was copied.').waitFor();
      if (!(await page.evaluate(() => navigator.clipboard.readText()))) throw new Error('nothing is in the clipboard');
    });
    await step('what was asked is there after a reload, until a new session', async () => {
      await page.reload();
      await until(async () => (await page.locator('main article').count()) === 2, { what: 'both questions' });
      await page.getByRole('button', { name: 'New session' }).click();
      await page.getByText('Ask your documents').waitFor();
      same(await page.evaluate(() => document.activeElement?.id), 'question', 'focus');
    });
    await step('by keyboard the focus goes from Ask to Stop, and Escape stops from there', async () => {
      await page.getByRole('combobox', { name: 'Mode', exact: true }).selectOption('generate');
      await question(page).fill('Explain everything about relays in great detail.');
      await page.getByRole('button', { name: 'Ask', exact: true }).press('Enter');
      await until(async () => (await focused(page)) === 'Stop', { what: 'the focus on Stop' });
      await page.keyboard.press('Escape');
      await last(page).getByText('Stopped.').waitFor();
      same(await focused(page), 'Ask', 'focus');
    });
    await step('another workspace is asked', async () => {
      await page.getByLabel('Workspace').selectOption('samples');
      await ask(page, 'Who may read raw readings?');
      await ended(page);
    });
  },
};

const switching = {
  title: 'Switching the model',
  async run({ page, server, step }) {
    const models = async () => (await (await fetch(`${server.url}/api/models`, { headers: { Authorization: `Bearer ${server.token}` } })).json()).models;
    const inUse = async () => (await models()).filter((model) => model.task === 'generation' && model.in_use).map(({ id }) => id);
    await step('the other model is in use on the server, and the page says so', async () => {
      await page.goto(server.link);
      const select = page.getByRole('combobox', { name: 'Model', exact: true });
      await until(async () => (await select.inputValue().catch(() => '')) === MODEL, { what: 'the models' });
      await select.selectOption(OTHER);
      await page.getByText(`written by ${OTHER}`).waitFor();
      same(await inUse(), [OTHER], 'in use');
      await page.reload();
      await until(async () => (await select.inputValue()) === OTHER, { what: 'the model in use' });
    });
    await step('it writes the next answer', async () => {
      await ask(page, 'How many probes does a relay serve?', 'generate');
      await ended(page);
      const said = await last(page).innerText();
      if (!said.includes(OTHER) && !said.includes('quoted')) throw new Error(`the page says: ${said}`);
    });
    await step('and back', async () => {
      await page.getByRole('combobox', { name: 'Model', exact: true }).selectOption(MODEL);
      await page.getByText(`written by ${MODEL}`).waitFor();
      same(await inUse(), [MODEL], 'in use');
    });
  },
};

const audit = {
  title: 'The audit log',
  async run({ page, window, server, step }) {
    await step('lists what was asked, newest first', async () => {
      await page.goto(server.link);
      await question(page).waitFor();
      await ask(page, QUESTION);
      await ended(page);
      await view(page, 'Audit');
      const first = page.locator('.record').first();
      await first.waitFor();
      if (!(await first.innerText()).includes(QUESTION)) throw new Error(`first: ${await first.innerText()}`);
      const numbers = (await page.locator('.record .number').allInnerTexts()).map(Number);
      same(numbers, numbers.toSorted((a, b) => b - a), 'order');
    });
    await step('a record opens with its answer, findings and scores', async () => {
      await page.locator('.record summary').first().focus();
      await page.keyboard.press('Enter');
      // The record is fetched when it opens.
      await page.locator('.record mark.finding').first().waitFor();
      const text = await page.locator('.record').first().innerText();
      for (const part of ['owner', 'handbook', 'text.forbidden', 'Grounding']) if (!text.includes(part)) throw new Error(`${part} is not in: ${text}`);
      await window.judge('audit');
    });
    await step('its chain is verified', async () => {
      await page.getByRole('button', { name: 'Verify the chain' }).click();
      await page.getByText('The chain is intact').waitFor();
      await window.judge('verified');
      await window.shot('audit');
    });
    await step('older records come page by page', async () => {
      const headers = { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' };
      for (let n = 0; n < 20; n += 1) await fetch(`${server.url}/api/hybrid-query`, { method: 'POST', headers, body: JSON.stringify({ question: `What is policy ${n}?`, workspace: 'samples' }) });
      await page.getByRole('button', { name: 'Refresh' }).click();
      await until(async () => (await page.locator('.record').count()) === 20, { what: 'a page' });
      await page.getByRole('button', { name: 'Older records' }).click();
      await until(async () => (await page.locator('.record').count()) > 20, { what: 'the next page' });
      const numbers = (await page.locator('.record .number').allInnerTexts()).map(Number);
      same(numbers, [...new Set(numbers)].toSorted((a, b) => b - a), 'order');
    });
  },
};

const metrics = {
  title: 'Metrics',
  async run({ page, window, server, step }) {
    await step('show what the server did, and what it does', async () => {
      const headers = { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' };
      const post = () => fetch(`${server.url}/api/hybrid-query`, { method: 'POST', headers, body: JSON.stringify({ question: 'What is a relay?' }) });
      await post();
      await page.goto(server.link);
      await question(page).waitFor();
      await view(page, 'Metrics');
      const card = page.locator('.cards div', { hasText: 'Answers' }).locator('strong');
      await card.waitFor();
      const before = Number((await card.innerText()).replaceAll(',', ''));
      if (!(before > 0)) throw new Error(`answers: ${before}`);
      await page.getByRole('table', { name: 'Stages of an answer' }).getByRole('row').nth(2).waitFor();
      await window.judge('metrics');
      await window.shot('metrics');
      await post();
      await until(async () => Number((await card.innerText()).replaceAll(',', '')) === before + 1, { what: 'the figure to grow by itself' });
    });
    await step('can be stopped', async () => {
      await page.getByLabel('Update every two seconds').uncheck();
      same(await page.getByLabel('Update every two seconds').isChecked(), false, 'checked');
    });
  },
};

const narrow = {
  title: 'On a narrow window',
  width: 320,
  height: 640,
  async run({ page, window, server, step }) {
    const fits = async (what) => {
      const [wide, there] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      if (wide > there) throw new Error(`${what} is ${wide} px wide`);
    };
    await step('nothing is cut off', async () => {
      await page.goto(server.link);
      await question(page).waitFor();
      await ask(page, QUESTION);
      await ended(page);
      await fits('asking');
      await window.shot('narrow-answer');
      await last(page).locator('button.citation').first().click();
      await fits('source');
      await window.shot('narrow-source');
      await page.keyboard.press('Escape');
      for (const name of ['Audit', 'Metrics']) {
        await view(page, name);
        await page.locator('.record, table').first().waitFor();
        if (name === 'Audit') await page.locator('.record summary').first().click();
        await fits(name);
        await window.judge(`narrow ${name}`);
        await window.shot(`narrow-${name.toLowerCase()}`);
      }
    });
  },
};

const limited = {
  title: 'With less than the owner may, and after an edit of the log',
  expected: /status of 40[13]/,
  async run({ page, server, step }) {
    await step('a changed record is found', async () => {
      await page.goto(server.link);
      await question(page).waitFor();
      await ask(page, QUESTION);
      await ended(page);
      server.tamper();
      await view(page, 'Audit');
      await page.getByRole('button', { name: 'Verify the chain' }).click();
      await page.getByText('The chain is broken.').waitFor();
    });
    await step('a token without the scope is told so', async () => {
      await page.goto('about:blank');
      await page.goto(`${server.url}/#token=${server.named('reader', 'ask')}`);
      await question(page).waitFor();
      await view(page, 'Audit');
      await page.getByText('lacks the scope `audit`').waitFor();
    });
    await step('a token that is removed leads back to the form', async () => {
      server.remove('reader');
      await view(page, 'Metrics');
      await page.getByLabel('Token').waitFor();
    });
  },
};

export const SCENARIOS = [signIn, asking, switching, audit, metrics, narrow, limited];
