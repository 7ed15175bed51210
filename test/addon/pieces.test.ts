// A model whose vocabulary is of pieces (SentencePiece): it loads, fills in, writes on, and what is typed at the very beginning of a file loses nothing.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Engine } from '../../src/session/engine.ts';
import type { GenerateResult } from '../../src/session/protocol.ts';
import { Owed, withoutTail } from '../../src/session/healing.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { StreamText } from '../../src/tokenizer/streamText.ts';
import { succeed, succeedJson } from '../support/cli.ts';
import { openEngine } from '../support/engine.ts';
import { readMetadata, writeGguf, writeRandomLlama, type MetadataEntry } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-pieces-'));
const file = (name: string) => join(folder, name);
const source = resolve('models/calibration/1-inventory.ts');
const PIECES = 32_000;

/** A random model with the vocabulary of LLaMA 2 and `added` control tokens. */
function model(name: string, added: readonly string[]): string {
  const more: Record<string, unknown[]> = { tokens: [...added], scores: added.map(() => -1000), token_type: added.map(() => 3) };
  const metadata = readMetadata('test/fixtures/vocab/llama-spm.gguf').map(([key, type, value]): MetadataEntry => [key, type, Array.isArray(value) ? [...(value as unknown[]), ...(more[key.replace('tokenizer.ggml.', '')] ?? [])] : value]);
  writeGguf(file('vocabulary.gguf'), { metadata });
  writeRandomLlama(file(name), { layers: 2, hidden: 64, heads: 4, kvHeads: 2, headDim: 32, ffn: 96, vocabulary: PIECES + added.length, type: 'Q8_0', tied: true, ropeBase: 10_000, context: 1024, seed: 4, tokenizer: file('vocabulary.gguf') });
  return file(name);
}

let prefixFirst: string;
let suffixFirst: string;
beforeAll(() => {
  prefixFirst = model('codellama.gguf', ['▁<PRE>', '▁<SUF>', '▁<MID>', '▁<EOT>']);
  suffixFirst = model('codestral.gguf', ['[PREFIX]', '[MIDDLE]', '[SUFFIX]']);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('on the command line', () => {
  it('it is read and written', async () => {
    const text = readFileSync(source);
    const ids = await succeed(['tokenize', '--model', prefixFirst], { input: text });
    expect(await succeed(['detokenize', '--model', prefixFirst], { input: ids })).toEqual(text);
  });

  it('it completes and generates', async () => {
    const cache = file('cache');
    for (const path of [prefixFirst, suffixFirst]) {
      const completed = await succeedJson<{ tokens: { prompt: number }; reason: string }>(['complete', '--model', path, '--file', source, '--line', '12', '--column', '1', '--max', '8'], { cache });
      expect(completed.tokens.prompt).toBeGreaterThan(100);
    }
    const { tokens } = await succeedJson<{ tokens: { prompt: number; generated: number } }>(['generate', '--model', prefixFirst, '--prompt', 'const a', '--max', '5'], { cache });
    expect(tokens).toMatchObject({ prompt: 3, generated: 5 });
  });
});

describe('a completion', () => {
  const engines: Engine[] = [];
  beforeAll(async () => {
    for (const path of [prefixFirst, suffixFirst]) engines.push(await openEngine(path, { attention: 'dense', threads: 1 }));
  });
  afterAll(async () => {
    for (const engine of engines) await engine.close();
  });
  const complete = (engine: Engine, before: string, after: string, locality: boolean): Promise<GenerateResult> =>
    engine.generate({ prompt: { snapshot: { path: '/a.ts', languageId: 'typescript', before, after } }, max: 4, sampling: { temperature: 0 }, locality }, new CancelFlag());

  it('reads a blank before the prefix and none before the suffix', async () => {
    const texts = await Promise.all(engines.map(async (engine) => (await complete(engine, 'const a = 1;\n', 'b();', false)).prompt!.text));
    expect(texts).toEqual(['<s>▁<PRE> const a = 1;\n▁<SUF>b();▁<MID>', '<s>[SUFFIX]b();[PREFIX] const a = 1;\n']);
  });

  it('of nothing is a text without the blank that it begins with', async () => {
    const push = vi.spyOn(StreamText.prototype, 'push');
    try {
      let blanks = 0;
      for (let seed = 0; seed < 12; seed++) {
        push.mockClear();
        const { text } = await engines[0].generate({ prompt: { text: '' }, max: 3, sampling: { temperature: 10, topK: 0, topP: 1, minP: 0, seed } }, new CancelFlag());
        const written = engines[0].tokenizer.decode(push.mock.calls.map(([id]) => id));
        if (written.startsWith(' ')) blanks++;
        expect(written.replace(/^ /, '').startsWith(text.replace(/\ufffd+$/, ''))).toBe(true);
      }
      expect(blanks).toBeGreaterThan(0);
    } finally {
      push.mockRestore();
    }
  });

  it.each(['', 'con', '  x.'])('at the beginning of a file owes what was typed, %j, and where it follows the prefix also the blank that a text begins with', async (before) => {
    const accept = vi.spyOn(Owed.prototype, 'accept');
    try {
      for (const [engine, opening] of [[engines[0], ''], [engines[1], ' ']] as const) {
        accept.mockClear();
        const tail = withoutTail({ path: '/a.ts', languageId: 'typescript', before, after: '' }).tail;
        const { text } = await complete(engine, before, '\nb();', true);
        const written = engine.tokenizer.decode(accept.mock.calls.map(([id]) => id));
        const owed = (tail === before ? opening : '') + tail;
        expect(accept.mock.results.reduce((sum, { value }) => sum + (value as number), 0)).toBe(owed.length);
        expect(written.startsWith(owed + text)).toBe(true);
      }
    } finally {
      accept.mockRestore();
    }
  });
});
