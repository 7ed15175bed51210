import { describe, expect, it } from 'vitest';
import type { ChatChange } from '../../src/shared/chatProtocol.ts';
import { useBrowser } from './support/browser.ts';
import { ChatBench } from './support/chatBench.ts';
import { answer, chat, longAnswer, question } from './support/states.ts';

const browser = useBrowser(ChatBench.start);
const append = (text: string, turn = 'r1'): ChatChange => ({ kind: 'append', turn, text });
const writing = (text = '') => chat({ turns: [question(), answer({ state: 'writing', text })] });
const pieces = (text: string, size = 7) => text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g'))!;
const turns = (count: number) => Array.from({ length: count }, (_, index) => [question({ id: `q${index}` }), answer({ id: `a${index}`, text: longAnswer })]).flat();

describe('an answer that is being written', () => {
  it('asks for the conversation and shows the same in pieces as in one', async () => {
    const view = await browser.open();
    expect(await view.posted()).toEqual([{ type: 'hello', protocol: 1, epoch: null, seq: 0 }]);
    await view.show(writing());
    for (const text of pieces(longAnswer)) await view.change(append(text));
    await view.change({ kind: 'turn', turn: answer({ text: longAnswer }) });
    const streamed = await view.page.locator('answer-text').innerHTML();
    await view.show(chat({ turns: [question(), answer({ id: 'other', text: longAnswer })] }));
    expect(await view.page.locator('answer-text').innerHTML()).toBe(streamed);
  });

  it('asks for the rest where a message is missing, and once', async () => {
    const view = await browser.open();
    await view.show(writing());
    view.seq++;
    await view.change(append('lost'), append('lost too'));
    expect((await view.posted()).slice(1)).toEqual([{ type: 'hello', protocol: 1, epoch: 'one', seq: 0 }]);
    view.seq = 0;
    await view.change(append('a'), append('b'), append('c'));
    expect(await view.page.locator('answer-text').innerText()).toBe('abc');
  });

  it('leaves what is finished as it is', async () => {
    const view = await browser.open();
    await view.show(writing('First.\n\n```ts\nconst a = 1;\n```\n\nThird'));
    await view.page.evaluate(() => [...document.querySelectorAll('.chapter > *')].slice(0, 2).forEach((block, index) => Object.assign(block, { mark: index })));
    for (const text of pieces(' goes on.\n\n- one\n- two\n\nEnd')) await view.change(append(text));
    await view.change({ kind: 'turn', turn: answer({ text: 'First.\n\n```ts\nconst a = 1;\n```\n\nThird goes on.\n\n- one\n- two\n\nEnd' }) });
    expect(await view.page.evaluate(() => [...document.querySelectorAll('.chapter > *')].map((block) => (block as never as { mark?: number }).mark ?? null))).toEqual([0, 1, null, null, null]);
  });

  it('shows code as code from its first line, and offers to use it when it is whole', async () => {
    const view = await browser.open();
    await view.show(writing('```ts\nconst a'));
    const apply = view.page.getByRole('button', { name: 'Apply' });
    expect(await view.page.locator('.code code').innerText()).toBe('const a');
    expect(await apply.isDisabled()).toBe(true);
    await view.change(append(' = 1;\n```\n'));
    expect(await apply.isEnabled()).toBe(true);
    await apply.click();
    expect((await view.posted()).at(-1)).toEqual({ type: 'code', action: 'apply', language: 'ts', text: 'const a = 1;\n' });
    expect(await view.page.locator('.code-keyword').innerText()).toBe('const');
  });

  it('changes the page once for everything that came between two frames', async () => {
    const view = await browser.open();
    await view.show(writing('Start'));
    await view.page.evaluate(() => {
      const batches = Object.assign(window, { batches: 0 });
      new MutationObserver(() => batches.batches++).observe(document.querySelector('.turns')!, { subtree: true, childList: true, characterData: true });
    });
    await view.change(...Array.from({ length: 60 }, (_, index) => append(` word${index}`)));
    expect(await view.page.evaluate(() => (window as never as { batches: number }).batches)).toBe(1);
    expect(await view.page.locator('answer-text').innerText()).toContain('word59');
  });
});

describe('the end of the conversation', () => {
  const place = (view: Awaited<ReturnType<typeof browser.open>>) =>
    view.page.locator('.conversation').evaluate(({ scrollTop, scrollHeight, clientHeight }) => ({ top: Math.round(scrollTop), left: Math.round(scrollHeight - scrollTop - clientHeight) }));

  it('stays in sight while an answer grows', async () => {
    const view = await browser.open({ height: 400 });
    await view.show(writing());
    for (const text of pieces(longAnswer, 40)) {
      await view.change(append(text));
      expect((await place(view)).left).toBeLessThanOrEqual(1);
    }
  });

  it('is left where the reader left it, with a way back', async () => {
    const view = await browser.open({ height: 400 });
    await view.show(chat({ turns: [...turns(6), question({ id: 'q' }), answer({ state: 'writing', text: 'Start' })] }));
    await view.page.locator('.conversation').evaluate((scroller) => (scroller.scrollTop = 300));
    await view.settled();
    const { top } = await place(view);
    await view.change(append(`\n\n${longAnswer}`));
    expect((await place(view)).top).toBe(top);
    await view.page.getByRole('button', { name: 'Go to the end' }).click();
    await view.settled();
    expect((await place(view)).left).toBeLessThanOrEqual(1);
    expect(await view.page.getByRole('button', { name: 'Go to the end' }).count()).toBe(0);
  });
});

describe('two hundred long answers', () => {
  it('are not touched by the one that is being written: one flush a frame, within the open block', async () => {
    const view = await browser.open({ width: 400, height: 700 });
    await view.show(chat({ turns: [...turns(200), question({ id: 'q' }), answer({ state: 'writing' })] }));
    await view.page.waitForFunction(() => [...document.querySelectorAll('answer-text')].slice(0, 200).every((text) => text.textContent!.includes('worker_threads')));
    await view.page.evaluate(() => {
      const seen = Object.assign(window, { longest: 0, outside: [] as string[], most: 0, flushes: 0, frames: 0 });
      new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => (seen.longest = Math.max(seen.longest, duration)))).observe({ type: 'longtask' });
      const last = document.querySelector('[data-turn="r1"]')!;
      new MutationObserver((records) => {
        seen.flushes++;
        let touched = 0;
        for (const { target, addedNodes, removedNodes } of records) {
          const element = target instanceof Element ? target : target.parentElement!;
          if (element.isConnected && !last.contains(element)) seen.outside.push(element.outerHTML.slice(0, 300));
          touched += [...addedNodes].reduce((sum, node) => sum + 1 + (node instanceof Element ? node.querySelectorAll('*').length : 0), removedNodes.length);
        }
        seen.most = Math.max(seen.most, touched);
      }).observe(document.querySelector('.turns')!, { subtree: true, childList: true, characterData: true });
      const count = () => {
        seen.frames++;
        requestAnimationFrame(count);
      };
      requestAnimationFrame(count);
    });
    // Eight answers long, in lots of a thirtieth: a lot as fast as it comes, and a frame at least between two of them, however slowly this machine draws.
    const all = pieces(Array.from({ length: 8 }, () => longAnswer).join('\n\n'), 24);
    const lot = Math.ceil(all.length / 30);
    for (const [i, piece] of all.entries()) {
      await view.send({ type: 'change', epoch: view.epoch, seq: ++view.seq, change: append(piece) });
      if ((i + 1) % lot === 0) await view.page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    }
    await view.settled();
    const seen = await view.page.evaluate(() => {
      const { longest, outside, most, flushes, frames } = window as never as Record<'longest' | 'most' | 'flushes' | 'frames', number> & { outside: string[] };
      return { longest, outside, most, flushes, frames, nodes: document.querySelectorAll('[data-turn="r1"] answer-text *').length };
    });
    console.log(`the longest task while streaming: ${seen.longest === 0 ? 'under 50' : seen.longest} ms; at most ${seen.most} of ${seen.nodes} nodes a flush; ${seen.flushes} flushes in ${seen.frames} frames`);
    expect(await view.page.locator('[data-turn="r1"] answer-text').innerText()).toContain('worker_threads');
    expect(seen.outside).toEqual([]);
    // How much one flush touches is how much came since the last one, not how long the answer is.
    expect(seen.most).toBeLessThan(seen.nodes / 3);
    expect(seen.flushes).toBeLessThanOrEqual(seen.frames + 1);
  });
});
