import { describe, expect, it } from 'vitest';
import { CHAT_PROTOCOL, type ToChatView } from '../../src/shared/chatProtocol.ts';
import { useBrowser } from './support/browser.ts';
import { ChatBench } from './support/chatBench.ts';
import { answer, chat, longAnswer, question, selection, states } from './support/states.ts';

const browser = useBrowser(ChatBench.start);
const said = async (view: Awaited<ReturnType<typeof browser.open>>, without = /hello|typing/) => (await view.posted()).filter(({ type }) => !without.test(type));

async function opened(state = chat()) {
  const view = await browser.open();
  await view.show(state);
  await view.send({ type: 'focus' });
  await view.page.locator('textarea:focus').waitFor();
  return view;
}

describe('the input', () => {
  it('sends with Enter, breaks with Shift and Enter, and is empty then', async () => {
    const view = await opened();
    await view.page.keyboard.type('one');
    await view.page.keyboard.press('Shift+Enter');
    await view.page.keyboard.type('two');
    await view.page.keyboard.press('Enter');
    expect(await said(view)).toEqual([{ type: 'ask', text: 'one\ntwo' }]);
    await view.settled();
    expect(await view.page.locator('textarea').inputValue()).toBe('');
    await view.page.keyboard.press('Enter');
    expect(await said(view)).toHaveLength(1);
  });

  it('tells what is being typed after a pause, and keeps it for the view’s next life', async () => {
    const view = await opened();
    await view.page.keyboard.type('draft');
    await view.page.waitForFunction(() => (window as never as { posted: { type: string; text?: string }[] }).posted.some(({ type, text }) => type === 'typing' && text === 'draft'));
    const kept = await view.page.evaluate(() => (window as never as { keptState(): unknown }).keptState());
    const next = await browser.open({ kept });
    await next.show(chat());
    expect(await next.page.locator('textarea').inputValue()).toBe('draft');
  });

  it('does not send what is being composed', async () => {
    const view = await opened();
    await view.page.locator('textarea').fill('に');
    await view.page.locator('textarea').dispatchEvent('keydown', { key: 'Enter', isComposing: true });
    await view.page.locator('textarea').dispatchEvent('keydown', { key: 'Enter', keyCode: 229 });
    expect(await said(view)).toEqual([]);
  });

  it('grows to eight lines and no further', async () => {
    const view = await opened();
    const height = async (lines: number) => {
      await view.page.locator('textarea').fill('x\n'.repeat(lines - 1) + 'x');
      await view.settled();
      return view.page.locator('textarea').evaluate((input) => input.getBoundingClientRect().height);
    };
    const [one, two, eight, twenty] = [await height(1), await height(2), await height(8), await height(20)];
    expect(eight - one).toBeCloseTo(7 * (two - one), 0);
    expect(twenty).toBe(eight);
  });

  it('does not send while an answer is written, and keeps the text', async () => {
    const view = await opened(states.writing);
    await view.page.keyboard.type('next');
    await view.page.keyboard.press('Enter');
    expect(await said(view)).toEqual([]);
    expect(await view.page.locator('textarea').inputValue()).toBe('next');
  });

  it('edits the last question with the arrow up where it is empty, and Escape ends that', async () => {
    const view = await opened(chat({ turns: [question({ text: 'first' }), answer({ text: 'a' }), question({ id: 'q2', text: 'second' }), answer({ id: 'r2', text: 'b' })] }));
    await view.page.keyboard.press('ArrowUp');
    await view.settled();
    expect(await view.page.locator('textarea').inputValue()).toBe('second');
    await view.page.keyboard.press('Escape');
    await view.settled();
    expect(await view.page.locator('textarea').inputValue()).toBe('');
    await view.page.keyboard.press('ArrowUp');
    await view.settled();
    await view.page.keyboard.type(' again');
    await view.page.keyboard.press('Enter');
    expect(await said(view)).toEqual([{ type: 'edit', turn: 'q2', text: 'second again' }]);
  });
});

describe('the view takes the keyboard', () => {
  const focus = { type: 'focus' } as const;
  const state = (state: ReturnType<typeof chat>) => ({ type: 'state', protocol: CHAT_PROTOCOL, epoch: 'one', seq: 0, state, words: {} }) as const;
  /** What has the keyboard when the last of these messages has been heard, and after the frames that follow; `then`: who takes it meanwhile. */
  async function holders(messages: readonly ToChatView[], then = '') {
    const view = await browser.open();
    const now = await view.page.evaluate(({ messages, then }) => {
      for (const data of messages) window.dispatchEvent(new MessageEvent('message', { data }));
      const now = document.activeElement!.tagName;
      if (then) document.querySelector<HTMLElement>(then)!.focus();
      return now;
    }, { messages, then });
    await view.settled();
    return { view, now, later: await view.page.evaluate(() => document.activeElement!.tagName + (document.activeElement!.classList.contains('conversation') ? '.conversation' : '')) };
  }

  it('as soon as it hears that it shall, also with its first state', async () => {
    expect(await holders([state(chat()), focus])).toMatchObject({ now: 'TEXTAREA', later: 'TEXTAREA' });
  });

  it('never later: whoever has it after that keeps it', async () => {
    expect(await holders([state(states.done), focus], '.conversation')).toMatchObject({ later: 'DIV.conversation' });
  });

  it('never by itself: not with a state that comes when it had no input to give it to, nor with what an answer does', async () => {
    const { view, later } = await holders([focus, state(states.writing)]);
    expect(later).toBe('BODY');
    await view.change({ kind: 'append', turn: 'r1', text: ' more' }, { kind: 'turn', turn: answer({ text: 'all of it' }) });
    await view.show(states['model-failed']);
    expect(await view.page.evaluate(() => document.activeElement!.tagName)).toBe('BODY');
  });

  it('with the question that is edited, the cursor at its end', async () => {
    const view = await browser.open();
    await view.show(chat({ turns: [question({ text: 'first' }), answer({ text: 'a' })] }));
    const at = await view.page.evaluate(() => {
      document.querySelector<HTMLElement>('.question button')!.click();
      const input = document.querySelector('textarea')!;
      return [document.activeElement === input, input.value, input.selectionStart];
    });
    expect(at).toEqual([true, 'first', 5]);
  });
});

describe('Escape', () => {
  it.each(['waiting', 'reading', 'writing'])('stops an answer that is %s, wherever the keyboard is', async (name) => {
    const view = await opened(states[name]);
    await view.page.locator('.conversation').focus();
    await view.page.keyboard.press('Escape');
    expect(await said(view)).toEqual([{ type: 'stop' }]);
  });

  it('does nothing otherwise', async () => {
    const view = await opened(states.done);
    await view.page.keyboard.press('Escape');
    expect(await said(view)).toEqual([]);
  });
});

describe('the keyboard alone', () => {
  /** Names of everything that the tabulator reaches, in its order. */
  async function reached(view: Awaited<ReturnType<typeof opened>>): Promise<string[]> {
    const names: string[] = [];
    for (let steps = 0; steps < 60; steps++) {
      await view.page.keyboard.press('Tab');
      // What the way there scrolled may show or hide what leads on.
      await view.settled();
      const found = await view.page.evaluate(() => {
        const element = document.activeElement;
        if (!element || element === document.body) return null;
        const style = getComputedStyle(element);
        const hidden = element.closest('.actions') && getComputedStyle(element.closest('.actions')!).opacity !== '1';
        const name = element.getAttribute('aria-label') ?? (element.tagName === 'PRE' ? 'code' : element.textContent!.trim());
        return `${name}${style.outlineStyle === 'none' || style.outlineWidth === '0px' ? ' WITHOUT OUTLINE' : ''}${hidden ? ' HIDDEN' : ''}`;
      });
      if (found === null) break;
      names.push(found.slice(0, 60));
    }
    return names;
  }

  it('reaches all that can be done with a conversation, in sight', async () => {
    const view = await browser.open({ kept: { text: 'a draft', editing: null } });
    await view.show(chat({ ...states.done, attachments: [selection] }));
    expect(await reached(view)).toEqual([
      'Why the worker waits', 'Edit and send again', 'Reasoning', 'Copy', 'Insert', 'Apply', 'code', 'Table', 'the protocol', "Node's documentation", 'Copy', 'Regenerate', 'Question',
      'Attach a selection, a file or problems', 'Remove engine.ts:40–92', 'Send',
    ]);
  });

  it('stays in the page when "Go to the end" goes', async () => {
    const view = await browser.open();
    await view.show(chat({ ...states.done, turns: [...states.done.turns, ...states.done.turns.map((turn) => ({ ...turn, id: `${turn.id} again` }))] }));
    await view.page.locator('.conversation').evaluate((scroller) => (scroller.scrollTop = 0));
    const end = view.page.getByRole('button', { name: 'Go to the end' });
    await end.focus();
    await view.page.keyboard.press('Enter');
    await end.waitFor({ state: 'detached' });
    expect(await view.page.evaluate(() => document.activeElement!.className)).toBe('conversation');
  });

  it('chooses a model', async () => {
    const view = await opened(states['no-model-question-kept']);
    await view.page.getByRole('button', { name: /Llama-3.2-3B/ }).focus();
    await view.page.keyboard.press('Enter');
    expect(await said(view)).toEqual([{ type: 'useModel', offer: 'o2' }]);
    expect(await view.page.getByRole('button', { name: /gpt-oss/ }).count()).toBe(0);
  });

  it('opens a link by telling the host, and leads nowhere', async () => {
    const view = await opened(states.done);
    await view.page.getByRole('link', { name: 'the protocol' }).focus();
    await view.page.keyboard.press('Enter');
    await view.page.getByRole('link', { name: "Node's documentation" }).click();
    expect(await said(view)).toEqual([{ type: 'open', href: 'src/session/protocol.ts' }, { type: 'open', href: 'https://nodejs.org/api/worker_threads.html' }]);
    expect(view.page.url()).toContain('/page');
  });
});

describe('a bare address', () => {
  const links = async (text: string) => {
    const view = await browser.open();
    await view.show(chat({ turns: [question(), answer({ text })] }));
    return { view, shown: await view.page.locator('answer-text a').evaluateAll((all) => all.map((link) => [link.textContent, (link as HTMLElement).dataset.target])), text: await view.page.locator('answer-text').innerText() };
  };

  it('is a link, also that of a reference, and tells the host when it is pressed', async () => {
    const { view, shown } = await links('See https://nodejs.org/api/fs.html. And [this][1] (http://localhost:8080/a).\n\n[1]: https://example.org/a_b?c=d');
    expect(shown.map(([, target]) => target)).toEqual(['https://nodejs.org/api/fs.html', 'http://localhost:8080/a', 'https://example.org/a_b?c=d']);
    await view.page.getByRole('link', { name: 'https://nodejs.org/api/fs.html' }).click();
    expect(await said(view)).toEqual([{ type: 'open', href: 'https://nodejs.org/api/fs.html' }]);
  });

  it('is none in code, without its scheme, or with another one', async () => {
    const { shown } = await links('`https://a.example/` www.example.org example.org a@example.org mailto:a@example.org ftp://example.org //example.org vscode://x command:x 127.0.0.1');
    expect(shown).toEqual([]);
  });

  it('leads where its own text says, whatever stands behind it', async () => {
    const { shown } = await links('https://good.example@evil.example/');
    expect(shown).toEqual([['https://good.example', 'https://good.example']]);
  });

  it('that looks like another one shows what it is', async () => {
    const { text } = await links('https://ex\u0430mple.org/');
    expect(text).toContain('(https://xn--exmple-4nf.org/)');
  });
});

describe('every button says what it does', () => {
  const check = (name: string, button: string | RegExp, expected: object) =>
    it(`${name}: ${button}`, async () => {
      const view = await opened(states[name]);
      await view.page.getByRole('button', { name: button }).last().click();
      expect(await said(view)).toEqual([expected]);
    });
  check('no-model', 'Find models on this computer', { type: 'findModels' });
  check('no-model', 'Choose a GGUF file…', { type: 'chooseFile' });
  check('model-failed', 'Try again', { type: 'retry' });
  check('failed', 'Try again', { type: 'regenerate', turn: 'r1' });
  check('stopped', 'Continue', { type: 'continue' });
  check('cut', 'Continue', { type: 'continue' });
  check('cut', 'Regenerate', { type: 'regenerate', turn: 'r1' });
  check('done', 'Copy', { type: 'copyAnswer', turn: 'r1' });
  check('reading', 'Stop', { type: 'stop' });
  check('ready', 'Remove engine.ts:40–92', { type: 'detach', id: 'a1' });
  check('ready', /^Attach/, { type: 'attach' });
  check('ready', 'Earlier conversations', { type: 'history' });
  check('dropped', 'New conversation', { type: 'newConversation' });

  it('why a model failed is said once, with one way to try again, and the question stays', async () => {
    const view = await opened(states['model-failed']);
    const text = await view.page.locator('.turns').innerText();
    expect([text.match(/needs 8\.1 GB/g)?.length, text.match(/Try again/g)?.length, /Explain this code/.test(text)]).toEqual([1, 1, true]);
  });

  it('of code: copy, insert', async () => {
    const view = await opened(chat({ turns: [question(), answer({ text: longAnswer })] }));
    const code = view.page.getByRole('group', { name: 'Code, typescript' });
    await code.getByRole('button', { name: 'Copy' }).click();
    await code.getByRole('button', { name: 'Insert' }).click();
    const posted = await said(view);
    expect(posted.map((message) => (message as { action?: string }).action)).toEqual(['copy', 'insert']);
    expect(longAnswer).toContain((posted[0] as { text: string }).text);
  });
});
