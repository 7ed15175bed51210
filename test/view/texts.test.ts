import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { linkTarget } from '../../media/chat/answer/links.ts';
import { visible, visibleCode } from '../../media/chat/answer/visible.ts';
import { numbersIn } from '../../media/chat/numbers.ts';
import { activity, estimateLine, figuresLine } from '../../media/chat/sentences.ts';
import { speak } from '../../media/speak.ts';
import { chatPage } from '../../src/shared/chatPage.ts';
import { chatTexts } from '../../src/shared/chatWords.ts';
import { answer } from './support/states.ts';
import { themes } from './support/themes.ts';

const sources = [...readdirSync('media/chat', { recursive: true, encoding: 'utf8' }), '../controls.css'].filter((path) => /\.(ts|css)$/.test(path)).map((path) => ({ path, text: readFileSync(`media/chat/${path}`, 'utf8') }));
const speaking = { say: speak({}), numbers: numbersIn('en') };
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ');

describe('the texts of the view', () => {
  it('are each said somewhere, once in the list', () => {
    expect(new Set(chatTexts).size).toBe(chatTexts.length);
    const said = sources.map(({ text }) => text).join('\n');
    expect(chatTexts.filter((text) => !said.includes(`say('${text}'`))).toEqual([]);
  });

  it('come in the user’s language, with their values', () => {
    const say = speak({ 'Reading {0} tokens': '{0} Token lesen' });
    expect(say('Reading {0} tokens', '8')).toBe('8 Token lesen');
    expect(say('Stop')).toBe('Stop');
  });

  it('have no exclamation mark', () => {
    expect(chatTexts.filter((text) => text.includes('!'))).toEqual([]);
  });
});

describe('sentences with numbers', () => {
  it('say what an answer is at', () => {
    expect(plain(activity(answer({ state: 'reading', reading: { done: 3359, total: 8192, secondsLeft: 24.6 } }), speaking))).toBe('Reading 8 192 tokens · 41 % · 25 s left');
    expect(plain(activity(answer({ state: 'reading', reading: { done: 0, total: 90_000, secondsLeft: 240 } }), speaking))).toBe('Reading 90 000 tokens · 0 % · 4 min left');
    expect(activity(answer({ state: 'waiting', note: 'Waiting for a completion' }), speaking)).toBe('Waiting for a completion');
  });

  it('say what a question costs and what an answer cost', () => {
    expect(plain(estimateLine({ tokens: 2148, most: 8192, secondsToFirstWord: 9.2 }, speaking))).toBe('2.1k of 8k · about 9 s to the first word');
    expect(plain(estimateLine({ tokens: 640, most: 100_000, secondsToFirstWord: null }, speaking))).toBe('640 of 100k');
    expect(plain(estimateLine({ tokens: 640, most: 4096, secondsToFirstWord: 0.41 }, speaking))).toBe('640 of 4k · about 0.4 s to the first word');
    expect(plain(figuresLine({ reused: 3100, computed: 52, written: 9, firstWord: 1, rate: 12.34 }, speaking))).toBe('3 100 tokens reused · 52 read · 12 a second');
  });

  it('are written as the language writes numbers', () => {
    expect(numbersIn('de').few(2.45)).toBe('2,5');
    expect(numbersIn('no such language').whole(1234)).toBe('1\u202f234');
  });
});

describe('links', () => {
  it.each(['https://example.org/a?b=c#d', 'http://localhost:8080/', 'src/engine.ts', 'src/engine.ts:40', 'engine.ts:40:2', './a b.md', '../x.py#L10', '/etc/hosts', 'src/engine.ts#L40-L92'])('are pages and files: %s', (href) => {
    expect(linkTarget(href)).toBe(href);
  });

  it.each([
    'javascript:alert(1)', 'JavaScript:alert(1)', ' javascript:alert(1)', 'java\nscript:alert(1)', 'command:workbench.action.quit', 'vscode://x', 'vscode-webview://x', 'data:text/html,x', 'file:///etc/passwd', 'blob:x',
    '//example.org', '#top', '', 'mailto:a@b.c', 'https://trusted.example@evil.example/', 'https://', 'https://e.org/\u202egnp.exe', 'https://e.org/%E2%80%AE', '\\\\host\\share', '%6aavascript:x', 'command&colon;x?',
  ])('are nothing else: %j', (href) => {
    expect(linkTarget(href)).toBeNull();
  });

  it('have a length that can be read', () => {
    expect(linkTarget(`https://e.org/${'a'.repeat(3000)}`)).toBeNull();
  });
});

describe('characters that nobody sees', () => {
  it('are shown', () => {
    expect(visible('a\x1b[31mb\0c\u202ed\u2066e\u200bf\u{e0041}g\x7f\x9b')).toBe('a␛[31mb␀c⟨U+202E⟩d⟨U+2066⟩e⟨U+200B⟩f⟨U+E0041⟩g␡⟨U+009B⟩');
    expect(visible('a\r\nb\tc\n')).toBe('a\nb\tc\n');
  });

  it('stay where they belong to a character', () => {
    expect(visible('👩‍💻 é ﷽')).toBe('👩‍💻 é ﷽');
    expect(visibleCode('a\u200db')).toBe('a⟨U+200D⟩b');
  });

  it('never pile up', () => {
    expect(visible(`a${'\u0300'.repeat(500)}`)).toBe(`a${'\u0300'.repeat(4)}`);
  });
});

describe('the colours', () => {
  const literal = /#[0-9a-f]{3,8}\b(?![^\n]*\{)|\b(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch|color|color-mix|light-dark)\(|:\s*[^;]*\b(?:white|black|red|green|blue|yellow|orange|purple|pink|gr[ae]y|silver|navy|teal|gold|canvas|canvastext|highlight)\b/gi;
  /** Style sheets, and what the scripts hold of them. */
  const styles = sources.flatMap(({ path, text }) => (path.endsWith('.css') ? [{ path, text }] : [...text.matchAll(/css`([^`]*)`/g)].map(([, found]) => ({ path, text: found }))));

  it('are the theme’s alone', () => {
    expect(styles.length).toBeGreaterThan(5);
    expect(styles.flatMap(({ path, text }) => (text.replace(/\/\*[\s\S]*?\*\//g, '').match(literal) ?? []).map((found) => `${path}: ${found}`))).toEqual([]);
    expect(sources.filter(({ path, text }) => path.endsWith('.ts') && /\bstyle=|\.style\b|#[0-9a-f]{6}\b/i.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it('are known by all four themes, or have another in their place', () => {
    const css = styles.map(({ text }) => text).join('\n');
    const used = (pattern: RegExp) => [...new Set([...css.matchAll(pattern)].map(([, name]) => name))];
    const known = Object.values(themes).map(({ variables }) => new Set(Object.keys(variables)));
    expect(used(/--vscode-([\w-]+)/g).filter((name) => !known.some((names) => names.has(name)) && !/^list-hoverForeground$/.test(name))).toEqual([]);
    // What a high contrast theme leaves undefined is nothing but a background under the pointer.
    expect(used(/var\(--vscode-([\w-]+)\)/g).filter((name) => !known.every((names) => names.has(name)) && !/hover|contrastBorder|textBlockQuote/i.test(name))).toEqual([]);
  });

  it.each(['a { color: #fff; }', 'a { color: rgb(0 0 0); }', 'a { border: 1px solid red; }', 'a { background: hsl(1 1% 1%) }'])('would be noticed: %s', (text) => {
    expect(text.match(literal)).not.toBeNull();
  });
});

describe('the page', () => {
  const page = (over = {}) => chatPage({ script: 'https://h/chat.js', style: 'https://h/chat.css', nonce: 'a'.repeat(20), cspSource: 'https://h', language: 'en', ...over });

  it('lets in one script by its nonce and the files of the extension, and nothing inline', () => {
    expect(page()).toContain(`default-src &#39;none&#39;; script-src &#39;nonce-${'a'.repeat(20)}&#39;; style-src https://h;`);
    expect(page()).not.toMatch(/unsafe|\son\w+=|style=/);
  });

  it('holds nothing that breaks out of it', () => {
    expect(page({ language: '"><script>' })).toContain('lang="&#34;&#62;&#60;script&#62;"');
    expect(() => page({ nonce: "x' 'unsafe-inline" })).toThrow();
  });
});
