// The extension's own views, as scenarios use them.
import { PATIENCE, until } from './until.mjs';

/** What the status bar's item says, icon left out. */
export async function status(window) {
  const item = window.page.locator('.statusbar-item [aria-label^="NS-LLM: "]').first();
  return (await item.getAttribute('aria-label', { timeout: 1_000 }).catch(() => null)) ?? '';
}

/** Wait until the server runs, has no work left and has indexed something. */
export async function ready(window, timeout = 120_000) {
  let failing = 0;
  await until(async () => {
    const text = await status(window);
    // A restart that was just asked for takes a moment to show.
    failing = text.includes('Needs attention') ? failing || Date.now() : 0;
    if (failing && Date.now() - failing > 5_000) throw new Error(`the status item says "${text}"`);
    return /[1-9]\d* documents indexed/.test(text);
  }, {
    what: async () => `the server to be ready; the status item says "${await status(window)}"`,
    timeout,
  });
}

/** The panel's page; opens it by its command where it is not there. */
export async function panel(window) {
  const shown = await window.webview('#app .composer', 0).catch(() => null);
  if (!shown) await window.run('NS-LLM: Ask a Question');
  return window.webview('#app .composer');
}

const lastExchange = (page) => page.locator('main article').last();

/** Type a question into the panel and press Enter. */
export async function startAsking(window, question, { mode = 'auto' } = {}) {
  const page = await panel(window);
  const before = await page.locator('main article').count();
  await page.getByRole('combobox', { name: 'Mode', exact: true }).selectOption(mode);
  await page.getByRole('textbox', { name: 'Question' }).fill(question);
  await page.getByRole('textbox', { name: 'Question' }).press('Enter');
  // A panel that was just made anew gets its earlier exchanges back a moment later.
  const asked = async () => (await page.locator('main article').count()) > before && (await lastExchange(page).locator('h2').textContent()) === question;
  await until(asked, { what: 'the question in the panel' });
  return page;
}

/** Ask in the panel and wait for the end: an answer that was judged, or a failure. */
export async function outcome(window, question, options) {
  const page = await startAsking(window, question, options);
  // Read at once: VS Code may make the panel anew between two reads.
  const over = () => lastExchange(page).evaluate((node) => node.ariaBusy === 'false' && {
    text: node.innerText,
    judged: node.querySelector('.verdict') !== null,
  });
  const { text, judged } = await until(over, { what: 'the answer to end', timeout: 120_000 });
  return judged ? { page, answer: text } : { page, failure: text };
}

/** Ask in the panel and wait for a judged answer. */
export async function ask(window, question, options) {
  const { page, failure } = await outcome(window, question, options);
  if (failure) throw new Error(`no answer, but: ${failure}`);
  return page;
}

export async function answerText(window) {
  return lastExchange(await panel(window)).locator('.text').innerText();
}

/** Wait until the panel's last question has failed, and return what it says. */
export async function failureText(window) {
  const error = lastExchange(await panel(window)).locator('.error[role=alert]');
  await error.waitFor({ timeout: 120_000 * PATIENCE });
  return error.innerText();
}

/** Wait until what is typed goes into the reply box of the inline thread. */
export async function threadTakesText(window) {
  await until(() => window.page.evaluate(() => document.activeElement?.closest('.review-widget .comment-form') !== null), {
    what: async () => `the cursor in the reply box; it is in ${await window.page.evaluate(() => document.activeElement?.className)}`,
  });
  const errors = (await window.toasts()).filter(({ error }) => error);
  if (errors.length > 0) throw new Error(`opening the thread showed: ${errors.map(({ text }) => text).join(' | ')}`);
}

/** Open the details of the language status, `{}` in the status bar. */
export async function languageStatus(window) {
  const shown = window.page.locator('.monaco-hover:visible .hover-language-status').first();
  await window.page.locator('.statusbar-item[id="status.languageStatus"]').click();
  await shown.waitFor();
  return window.page.locator('.monaco-hover:visible', { has: shown }).first();
}
