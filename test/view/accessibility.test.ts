import { describe, expect, it } from 'vitest';
import type { ChatState } from '../../src/shared/chatProtocol.ts';
import { checkAccessibility } from './support/accessibility.ts';
import { useBrowser } from './support/browser.ts';
import { ChatBench, type ChatView } from './support/chatBench.ts';
import { answer, chat, longAnswer, question, states } from './support/states.ts';
import { sweptThemes } from './support/themes.ts';

const browser = useBrowser(ChatBench.start);

/** The same page shows one state after the other. */
async function forEachState(view: ChatView, all: Record<string, ChatState>, look: (name: string) => Promise<void>): Promise<void> {
  for (const [name, state] of Object.entries(all)) {
    view.epoch = name;
    await view.show(state);
    await view.page.evaluate(() => document.querySelectorAll('details').forEach((each) => (each.open = true)));
    await view.settled();
    await look(name);
  }
}

describe('the checker of accessibility finds nothing in any state', () => {
  it.each(sweptThemes)('in %s', async (theme) => {
    const view = await browser.open({ theme, kept: { text: 'a draft', editing: null } });
    let checked = 0;
    await forEachState(view, states, async (name) => {
      await checkAccessibility(view, name, { all: 40, contrast: 3 });
      checked++;
    });
    expect(checked).toBeGreaterThanOrEqual(16);
  });
});

describe('what screen readers are told', () => {
  const told = async (view: Awaited<ReturnType<typeof browser.open>>) => view.page.locator('[role="status"]').textContent();

  it('is what an answer is at, and never its words', async () => {
    const view = await browser.open();
    await view.show(states.reading);
    expect(await told(view)).toMatch(/^Reading 8.192 tokens$/);
    await view.change({ kind: 'turn', turn: answer({ state: 'writing', text: 'It' }) });
    expect(await told(view)).toBe('Writing');
    for (const text of [' is', ' never', ' torn.']) await view.change({ kind: 'append', turn: 'r1', text });
    expect(await told(view)).toBe('Writing');
    await view.change({ kind: 'turn', turn: answer({ text: 'It is never torn.' }) });
    expect(await told(view)).toBe('The answer is complete.');
    expect(await view.page.evaluate(() => [...document.querySelectorAll('[aria-live]:not([aria-live="off"]), [role="status"], [role="alert"]')].length)).toBe(1);
  });

  it('is why it failed', async () => {
    const view = await browser.open();
    await view.show(states.failed);
    expect(await told(view)).toContain('needs more memory');
  });
});

describe.each([250, 320, 600])('at %i pixels', (width) => {
  const wide = chat({
    turns: [question({ text: 'w'.repeat(400) }), answer({ text: `${longAnswer}\n\n${'W'.repeat(400)}\n\n- \`${'x'.repeat(300)}\`\n\n| ${'long '.repeat(20)} | ${'b'.repeat(80)} |\n|-|-|\n| 1 | 2 |\n\n\`\`\`typescriptreactjavascript\nx\n\`\`\`\n\n[a](https://example.org/${'p'.repeat(300)})` })],
  });

  it('nothing scrolls sideways and no label is cut, in any state', async () => {
    const view = await browser.open({ width });
    await forEachState(view, { ...states, wide }, async (name) => {
      const found = await view.page.evaluate(() => {
        const fits = ({ scrollWidth, clientWidth }: Element) => scrollWidth <= clientWidth;
        const cut = [...document.querySelectorAll('button, summary, .foot, .foot *, .below, .below *, .note, .divider *, .outcome, .model *, .editing *, .asked')].filter((element) => {
          if (element.closest('svg')) return false;
          const { left, right, width: own } = element.getBoundingClientRect();
          return own > 0 && (left < -0.5 || right > innerWidth + 0.5 || (getComputedStyle(element).display !== 'inline' && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0));
        });
        return {
          sideways: !fits(document.documentElement) || !fits(document.body) || !fits(document.querySelector('.conversation')!) || !fits(document.querySelector('.composer')!),
          cut: cut.map((element) => element.outerHTML.slice(0, 120)),
          // Code and tables scroll in their own boxes.
          outside: [...document.querySelectorAll('.block, .code, .wide, .code pre')].filter((element) => element.getBoundingClientRect().right > innerWidth).length,
        };
      });
      expect(found, name).toEqual({ sideways: false, cut: [], outside: 0 });
    });
  });
});

describe('who wants less motion', () => {
  it('has none', async () => {
    const view = await browser.open();
    await view.page.emulateMedia({ reducedMotion: 'reduce' });
    await view.show(states.reading);
    expect(await view.page.evaluate(() => document.getAnimations().length)).toBe(0);
  });
});
