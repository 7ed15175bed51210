// The chat in the side bar as a user has it: reads what the page shows and presses what is in it.

import { setTimeout as wait } from 'node:timers/promises';

/** A model may have to be measured and loaded first, beside other work. */
const ANSWER_MS = 240_000;
const VIEW_MS = 300_000;

/** @typedef {{ role: 'question' | 'answer', text: string, state: string | null, labels: string[] }} Turn */

export class ChatPanel {
  /** @param {import('./editorWindow.mjs').EditorWindow} window */
  constructor(window) {
    this.window = window;
  }

  get frame() {
    const { webview, webviewContent } = this.window.selectors;
    return this.window.page.frameLocator(webview).frameLocator(webviewContent);
  }

  get input() {
    return this.frame.locator('textarea');
  }

  /** Shows it by its command; the keyboard is in its input. */
  async open() {
    await this.window.execute('deltallm.chat.open');
    await this.input.waitFor({ timeout: VIEW_MS });
    await this.window.until(() => this.input.evaluate((input) => document.hasFocus() && document.activeElement === input), 'the keyboard is in the input');
  }

  /** Questions and answers from the first to the last. @returns {Promise<Turn[]>} */
  turns() {
    return this.frame.locator('.turns').evaluate((list) => [...list.querySelectorAll('.turn')].map((turn) => ({
      role: /** @type {'question' | 'answer'} */ (turn.classList.contains('question') ? 'question' : 'answer'),
      text: [...turn.querySelectorAll(':scope > .asked, :scope > answer-text')].map((part) => /** @type {HTMLElement} */ (part).innerText.trim()).join('\n'),
      state: turn.getAttribute('data-state'),
      labels: [...turn.querySelectorAll('.attached .name')].map((name) => name.textContent ?? ''),
    })));
  }

  /** @returns {Promise<Turn | undefined>} */
  async last() {
    return (await this.turns()).at(-1);
  }

  /** Everything that stands in the page. */
  text() {
    return this.frame.locator('#chat').innerText();
  }

  /** @param {string} text */
  async ask(text) {
    await this.input.fill(text);
    // While an answer is under way Enter sends nothing, and the text stays.
    await this.window.until(async () => {
      if ((await this.input.inputValue()) === text) await this.input.press('Enter');
      return (await this.turns()).some((turn) => turn.role === 'question' && turn.text === text);
    }, `the question ${JSON.stringify(text)} is shown`);
  }

  /** Waits until the last answer is in one of these states, and gives it. @param {string[]} states @returns {Promise<Turn>} */
  async until(...states) {
    for (const end = Date.now() + ANSWER_MS; ; await wait(50)) {
      const last = await this.last().catch(() => undefined);
      if (last?.role === 'answer' && states.includes(last.state ?? '')) return last;
      if (Date.now() > end) throw new Error(`in vain for ${ANSWER_MS} ms: an answer that is ${states.join(' or ')}, not ${JSON.stringify(last)}`);
    }
  }

  /** The whole answer to a question. @param {string} text */
  async answerTo(text) {
    await this.ask(text);
    return this.until('done', 'cut', 'stopped', 'failed');
  }

  /** Waits until so many characters of the last answer are there. @param {number} characters */
  async written(characters) {
    await this.window.until(async () => ((await this.last())?.text.length ?? 0) >= characters, `${characters} characters of the answer`, ANSWER_MS);
  }

  /** The page presses Esc as soon as the next answer has begun. */
  async escapeAtOnce() {
    await this.input.evaluate((input) => {
      const known = document.querySelectorAll('.turn.answer').length;
      const look = new MutationObserver(() => {
        const answers = document.querySelectorAll('.turn.answer');
        if (answers.length <= known || !answers[answers.length - 1].querySelector('answer-text')?.textContent) return;
        look.disconnect();
        input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true }));
      });
      look.observe(/** @type {Element} */ (document.querySelector('.turns')), { subtree: true, childList: true, characterData: true });
    });
  }

  /** Presses a button of the last turn of its kind, by its label or what it says when the mouse rests on it. @param {string} name @param {'question' | 'answer'} [role] */
  async press(name, role) {
    const within = role ? this.frame.locator(`.turn.${role}`).last() : this.frame.locator('#chat');
    await within.hover();
    await within.getByRole('button', { name, exact: true }).last().click();
  }

  /** In the last code block. @param {'Copy' | 'Insert at the cursor' | 'Apply to the file and show what changes'} name */
  async code(name) {
    const block = this.frame.locator('.code').last();
    await block.hover();
    await block.locator(`button[title="${name}"]`).click();
  }
}
