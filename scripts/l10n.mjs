// The texts that the extension shows, for translators: every l10n.t('…') under src/editor and in src/extension.ts.
//
//   node scripts/l10n.mjs               → writes l10n/bundle.l10n.json
//   node scripts/l10n.mjs --check       → fails when it is not up to date (a test does the same)
//   node scripts/l10n.mjs --pseudo DIR  → a language that nobody speaks, in DIR (package.nls.qps-ploc.json, l10n/bundle.l10n.qps-ploc.json):
//                                         what a host shows in plain English with it was forgotten. Not in the package.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const bundle = 'l10n/bundle.l10n.json';

/** The literals in a source text. Throws where a text is put together before it is translated. */
export function messagesOf(/** @type {string} */ source) {
  return [...source.matchAll(/\bl10n\.t\(\s*('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")?/g)].map(([found, literal]) => {
    if (literal === undefined) throw new Error(`Not a literal: ${found}`);
    const text = literal.slice(1, -1).replace(/\\(.)/g, '$1');
    return text;
  });
}

/** Everything that is shown, sorted. */
export function allMessages() {
  const editor = readdirSync(join(root, 'src/editor'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).map((name) => `src/editor/${name}`);
  const pages = ['src/shared/chatWords.ts', 'src/shared/modelsWords.ts', 'src/shared/panelWords.ts'].flatMap((path) => textsOfView(readFileSync(join(root, path), 'utf8')));
  const messages = [...editor, 'src/extension.ts'].flatMap((path) => messagesOf(readFileSync(join(root, path), 'utf8')));
  return [...new Set([...messages, ...pages])].sort();
}

/** What a page shows by itself: a list of literals, one a line. */
function textsOfView(/** @type {string} */ source) {
  const [, list = ''] = /\b(?:chat|models|panel)Texts = \[\n([^]*?)\n\]/.exec(source) ?? [];
  return [...list.matchAll(/^ {2}'((?:[^'\\\n]|\\.)*)',$/gm)].map(([, text]) => text.replace(/\\(.)/g, '$1'));
}

/** A text as bundles hold it: key and English value are the same. */
export const bundleText = () => `${JSON.stringify(Object.fromEntries(allMessages().map((text) => [text, text])), null, 2)}\n`;

const accents = /** @type {Record<string, string>} */ ({ a: 'á', c: 'ç', e: 'é', i: 'í', n: 'ñ', o: 'ö', s: 'š', u: 'ü', y: 'ý', A: 'Â', C: 'Ç', D: 'Ð', E: 'É', I: 'Î', N: 'Ñ', O: 'Ö', S: 'Š', T: 'Ť', U: 'Û', W: 'Ŵ' });

/** Readable, but no letter sequence of the English text is left whole; placeholders, commands and product name stay. */
export const pseudo = (/** @type {string} */ text) => `［${text.replace(/\{\d+\}|%\w+%|`[^`]*`|DeltaLLM|[A-Za-z]/g, (part) => (part.length > 1 ? part : (accents[part] ?? part)))}］`;

const pseudoJson = (/** @type {string} */ path) => {
  const entries = Object.entries(JSON.parse(readFileSync(join(root, path), 'utf8')));
  return `${JSON.stringify(Object.fromEntries(entries.map(([key, text]) => [key, pseudo(text)])), null, 2)}\n`;
};

function main() {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, pseudo: { type: 'string' } } });
  if (values.pseudo !== undefined) {
    mkdirSync(join(values.pseudo, 'l10n'), { recursive: true });
    writeFileSync(join(values.pseudo, 'package.nls.qps-ploc.json'), pseudoJson('package.nls.json'));
    writeFileSync(join(values.pseudo, 'l10n', 'bundle.l10n.qps-ploc.json'), pseudoJson(bundle));
  } else if (!values.check) {
    mkdirSync(join(root, 'l10n'), { recursive: true });
    writeFileSync(join(root, bundle), bundleText());
  } else if (readFileSync(join(root, bundle), 'utf8') !== bundleText()) {
    console.error(`${bundle} is not up to date: run node scripts/l10n.mjs`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
