// The page of models: what it shows and sends, by pointer, keyboard and screen reader.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { modelsTexts } from '../../src/shared/modelsWords.ts';
import { addressesIn } from '../../media/models/dropped.ts';
import { checkAccessibility } from './support/accessibility.ts';
import { useBrowser } from './support/browser.ts';
import { ModelsBench, type ModelsView } from './support/modelsBench.ts';
import { modelsStates } from './support/modelsStates.ts';
import { sweptThemes } from './support/themes.ts';

const { open } = useBrowser(ModelsBench.start);

describe('the checker of accessibility finds nothing in any state', () => {
  it.each(sweptThemes)('in %s', async (theme) => {
    const view = await open({ theme });
    for (const [name, state] of Object.entries(modelsStates)) {
      await view.show(state);
      await checkAccessibility(view, name, { all: 40, contrast: 8 });
    }
  });
});

describe('the keyboard alone', () => {
  it('reaches every button in the order of the page, each with a name of its own, and presses it', async () => {
    const view = await open();
    await view.show(modelsStates.found);
    const names: string[] = [];
    for (;;) {
      await view.page.keyboard.press('Tab');
      const name = await view.page.evaluate(() => (document.activeElement instanceof HTMLButtonElement ? (document.activeElement.ariaLabel ?? document.activeElement.textContent!.trim()) : null));
      if (name === null || names.includes(name)) break;
      names.push(name);
      await view.page.keyboard.press('Enter');
    }
    expect(names).toEqual([
      'Use for completions: Qwen2.5 Coder 0.5B', 'Delete Qwen2.5 Coder 0.5B', 'Use for completions: qwen2.5-coder:1.5b', 'Use for chat: qwen2.5-coder:1.5b', 'Look again', 'Choose a GGUF file…',
      'Download Qwen2.5-Coder 3B', 'Copy list', 'Remove all data…',
    ]);
    expect(await view.posted()).toEqual([
      { type: 'use', role: 'completion', id: 'm4' }, { type: 'remove', id: 'm4' }, { type: 'use', role: 'completion', id: 'm2' }, { type: 'use', role: 'chat', id: 'm2' }, { type: 'find' }, { type: 'chooseFile' },
      { type: 'download', id: 'd2' }, { type: 'copyList' }, { type: 'removeAll' },
    ]);
  });

  it('cancels a download, and goes on with one', async () => {
    const view = await open();
    await view.show(modelsStates.downloading);
    await view.page.getByRole('button', { name: 'Cancel Qwen2.5-Coder 0.5B' }).press('Enter');
    await view.show(modelsStates['download failed']);
    await view.page.getByRole('button', { name: 'Go on with Qwen2.5-Coder 0.5B' }).press(' ');
    expect(await view.posted()).toEqual([{ type: 'cancel', id: 'd1' }, { type: 'download', id: 'd1' }]);
  });

  it('stays where it is while the page changes', async () => {
    const view = await open();
    await view.show(modelsStates.found);
    await view.page.getByRole('button', { name: 'Copy list' }).focus();
    await view.show(modelsStates.downloading);
    expect(await view.page.evaluate(() => document.activeElement!.textContent)).toBe('Copy list');
  });
});

describe('a file that is dropped', () => {
  const drop = (view: ModelsView, type: string, text: string) => view.page.evaluate(([type, text]) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.setData(type, text);
    document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer }));
  }, [type, text] as const);

  it('is sent by its address', async () => {
    const view = await open();
    await view.show(modelsStates.first);
    await drop(view, 'text/uri-list', '# comment\r\nfile:///models/a.gguf\r\nfile:///models/b.gguf\r\n');
    expect(await view.posted()).toEqual([{ type: 'drop', uris: ['file:///models/a.gguf', 'file:///models/b.gguf'] }]);
  });

  it('is answered by a sentence where nobody says where it lies', async () => {
    const view = await open();
    await view.show(modelsStates.first);
    await drop(view, 'text/plain', 'x');
    expect(await view.page.locator('.note').textContent()).toMatch(/^VS Code does not tell where that file lies/);
    expect(await view.posted()).toEqual([]);
  });

  it('has the address that VS Code gives first', () => {
    const given: Record<string, string> = { 'application/vnd.code.uri-list': 'file:///b', 'text/uri-list': 'file:///a' };
    expect(addressesIn({ getData: (type) => given[type] ?? '' })).toEqual(['file:///b']);
    expect(addressesIn({ getData: () => '' })).toEqual([]);
  });
});

describe('the page', () => {
  it.each([220, 340, 600])('never scrolls sideways at %i pixels', async (width) => {
    const view = await open({ width });
    for (const [name, state] of Object.entries(modelsStates)) {
      await view.show(state);
      expect(await view.page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth && [...document.querySelectorAll('button, li, p, dd')].every((element) => element.getBoundingClientRect().right <= innerWidth)), name).toBe(true);
    }
  });

  it('tells a screen reader what came of something, once', async () => {
    const view = await open();
    await view.show(modelsStates.note);
    expect(await view.page.locator('[role="status"]').textContent()).toBe(modelsStates.note.note);
    expect(await view.page.locator('[role="status"], [aria-live]').count()).toBe(1);
  });

  it('shows every text of its list, and no other', () => {
    const source = readdirSync('media/models').filter((name) => name.endsWith('.ts')).map((name) => readFileSync(`media/models/${name}`, 'utf8')).join('\n');
    expect(modelsTexts.filter((text) => !source.includes(`say('${text}'`))).toEqual([]);
    expect(new Set(modelsTexts).size).toBe(modelsTexts.length);
  });
});
