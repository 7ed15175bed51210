// Wrong input of every kind, through the command line: one sentence, an exit code, nothing half-made.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FOLDER_FORMAT } from '../../src/model/manifest.ts';
import { check, listing, run, succeed } from '../support/cli.ts';
import { presets, randomLlama, writeGguf, type GgufFile } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-bad-'));
const file = (name: string) => join(folder, name);
const SMALL = { ...presets.tiny, layers: 2, vocabulary: 300, context: 128, type: 'Q8_0' as const };
const model = randomLlama(SMALL);
const good = file('good.gguf');
const modelFolder = file('imported');
const source = file('source.ts');

beforeAll(async () => {
  writeGguf(good, model);
  writeFileSync(source, 'export const answer = 42;\n');
  await run(['import', good, '--out', modelFolder]);
  if (!existsSync(join(modelFolder, 'manifest.json'))) throw new Error('the model for these tests was not imported');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const written = (name: string, content: GgufFile | string | Uint8Array): string => {
  if (typeof content === 'string' || content instanceof Uint8Array) writeFileSync(file(name), content);
  else writeGguf(file(name), content);
  return file(name);
};

describe('a wrong command line', () => {
  it.each<[string[], string]>([
    [['frobnicate'], 'no command "frobnicate"'],
    [['__proto__'], 'no command "__proto__"'],
    [['--json'], 'no command "--json"'],
    [['complete'], '--file is missing'],
    [['inspect'], '--file is missing'],
    [['inspect', '--file', 'package.json', '--attention', 'dense'], '--attention must be delta or compact'],
    [['inspect', '--file', 'package.json', '--most', '1'], '--most must be a whole number from 2 to 131072'],
    [['eval', '--cross'], '--cross goes with --engine'],
    [['complete', '--file', 'package.json'], '--line is missing'],
    [['complete', '--file', 'package.json', '--line', '1'], '--column is missing'],
    [['complete', '--file', 'package.json', '--line', '0', '--column', '1'], '--line must be'],
    [['complete', '--file', 'package.json', '--line', '1.5', '--column', '1'], '--line must be'],
    [['complete', '--file', 'package.json', '--line', 'NaN', '--column', '1'], '--line must be'],
    [['complete', '--file', 'package.json', '--line', '1', '--column', '-1'], '--column'],
    [['complete', '--file', 'package.json', '--line', '100000', '--column', '1'], 'beyond the last line'],
    [['complete', '--file', 'package.json', '--line', '1', '--column', '100'], 'beyond the end of line 1'],
    [['complete', '--file', 'package.json', '--line', '1', '--column', '1', '--max', '0'], '--max must be'],
    [['complete', '--file', 'package.json', '--line', '1', '--column', '1', '--attention', 'sparse'], '--attention must be'],
    [['complete', '--file', 'package.json', '--line', '1', '--column', '1', '--threads', 'many'], '--threads must be'],
    [['complete', '--file', 'package.json', '--line', '1', '--column', '1', '--cache-mb', '0'], '--cache-mb must be'],
    [['complete', '--file', 'package.json', '--line', '1', '--column', '1', '--idle', 'x'], '--idle must be'],
    [['complete', '--unknown'], "'--unknown'"],
    [['complete', 'positional'], 'positional'],
    [['generate'], '--prompt is missing'],
    [['generate', '--prompt', ''], '--prompt is missing'],
    [['generate', '--prompt'], '--prompt'],
    [['generate', '--prompt', 'x', '--seed', '-1'], '--seed'],
    [['generate', '--prompt', 'x', '--temperature', 'hot'], '--temperature must be'],
    [['generate', '--prompt', 'x', '--top-p', '2'], '--top-p must be'],
    [['generate', '--prompt', 'x', '--max', '1e9'], '--max must be'],
    [['tokenize', 'text'], 'text'],
    [['tokenize', '--max', '1'], "'--max'"],
    [['detokenize', '--out', 'x'], "'--out'"],
    [['logits'], '--tokens is missing'],
    [['logits', '--tokens', '1'], '--out is missing'],
    [['logits', '--tokens', '@', '--out', 'x'], '--tokens is missing: no file is named after the @'],
    [['import'], 'import takes one GGUF file'],
    [['import', 'a', 'b'], 'import takes one GGUF file'],
    [['import', 'a', '--threads', '0'], '--threads must be'],
    [['import', 'package.json', '--out', 'src'], 'exists already'],
    [['bench'], 'bench engine'],
    [['bench', 'memory'], 'bench engine'],
    [['bench', 'engine', '--contexts', '1,x'], '--contexts must be'],
    [['eval', '--contexts', '0'], '--contexts must be'],
    [['eval', '--frob'], "'--frob'"],
  ])('%j is refused before anything is loaded', (args, text) => check(args, text, { code: 2 }));

  it.each([['--help'], ['help'], ['-h'], ['eval', '--help'], ['bench', '--help'], ['complete', '--help'], ['generate', '--prompt', 'x', '-h']])('%s %s prints help', async (...args) => {
    expect((await succeed(args.filter(Boolean))).toString()).toContain('deltallm');
  });
});

describe('a wrong model file', () => {
  it.each<[string, () => string, string]>([
    ['that is missing', () => file('none.gguf'), 'There is no file at'],
    ['below a file', () => join(source, 'x.gguf'), 'source.ts'],
    ['that is a device', () => '/dev/null', 'it is not a file'],
    ['that is empty', () => written('empty.gguf', ''), 'it does not begin with GGUF'],
    ['that is text', () => written('text.gguf', 'hello'), 'it does not begin with GGUF'],
    ['that is cut in the header', () => written('cut.gguf', readFileSync(good).subarray(0, 5000)), 'cut short'],
    ['that is cut in the data', () => written('cut2.gguf', readFileSync(good).subarray(0, -1)), 'cut short'],
    ['with a vocabulary only', () => resolve('test/fixtures/vocab/gpt-2.gguf'), 'is not supported'],
    ['with a vocabulary only, of our architecture', () => resolve('test/fixtures/vocab/deepseek-coder.gguf'), 'holds a vocabulary but no weights'],
    ['with a vocabulary of pieces only', () => resolve('test/fixtures/vocab/llama-spm.gguf'), 'holds a vocabulary but no weights'],
    ['with another kind of vocabulary', () => written('kind.gguf', { ...model, metadata: model.metadata.map(([key, type, value]) => [key, type, key === 'tokenizer.ggml.model' ? 'bert' : value]) }), 'The tokenizer "bert" is not supported'],
    ['of another architecture', () => written('arch.gguf', { ...model, metadata: [['general.architecture', 'string', 'mamba\u001b[2J\n']] }), '"mamba'],
    ['with a missing tensor', () => written('missing.gguf', { ...model, tensors: model.tensors.filter(({ name }) => name !== 'blk.1.ffn_down.weight') }), 'blk.1.ffn_down.weight'],
    ['with an extra tensor', () => written('extra.gguf', { ...model, tensors: [...model.tensors, { name: 'blk.0.attn_sinks.weight', type: 'F32', dims: [128] }] }), 'blk.0.attn_sinks.weight'],
    ['with a tensor of another shape', () => written('shape.gguf', { ...model, tensors: model.tensors.map((t) => (t.name === 'output_norm.weight' ? { ...t, dims: [32], data: undefined } : t)) }), 'output_norm.weight'],
    ['with fewer tokens than rows', () => written('rows.gguf', { ...model, metadata: model.metadata.map(([key, type, value]) => [key, type, key === 'tokenizer.ggml.token_type' || key === 'tokenizer.ggml.tokens' ? [...(value as unknown[]), ...(key.endsWith('tokens') ? ['extra'] : [1])] : value]) }), '301 tokens but 300 embeddings'],
    ['with an unknown type', () => written('type.gguf', { ...model, tensors: [...model.tensors, { name: 'x', type: 16, dims: [256], byteLength: 66 }] }), 'IQ2_XXS'],
    ['with RoPE factors that are not positive', () => written('factors.gguf', { ...model, tensors: [...model.tensors, { name: 'rope_freqs.weight', type: 'F32', dims: [16] }] }), 'rope_freqs.weight'],
  ])('%s is refused', (_, path, text) => check(['generate', '--prompt', 'x', '--model', path()], text));

  it('is refused by import in the same way, and leaves no folder', async () => {
    const out = file('never');
    await check(['import', file('missing.gguf'), '--out', out], 'blk.1.ffn_down.weight');
    await check(['import', file('none.gguf'), '--out', out], 'There is no file at');
    await check(['import', folder, '--out', out], 'it has no manifest.json');
    expect(listing(folder).filter((name) => name.startsWith('never'))).toEqual([]);
  });

  it('is refused by tokenize in the same way', async () => {
    await check(['tokenize', '--model', file('none.gguf')], 'There is no file at');
    await check(['tokenize', '--model', written('text.gguf', 'hello')], 'it does not begin with GGUF');
    await check(['tokenize', '--model', file('kind.gguf')], 'The tokenizer "bert" is not supported');
    await check(['tokenize', '--model', folder], 'is no folder of what was measured');
  });

  it('that is a named pipe does not hang the command', async (context) => {
    const pipe = file('pipe.gguf');
    context.skip(spawnSync('mkfifo', [pipe]).status !== 0, 'no mkfifo here');
    await check(['generate', '--prompt', 'x', '--model', pipe], 'it is not a file');
    await check(['import', pipe], 'it is not a file');
  });
});

describe('a place that cannot be written', () => {
  it.each<[string, () => string[], string]>([
    ['an output below a file', () => ['import', good, '--out', join(source, 'model')], 'cannot be written'],
    ['an output deep below a file', () => ['import', good, '--out', join(source, 'a/b/model')], 'cannot be written'],
    ['an output in /proc', () => ['import', good, '--out', '/proc/model'], 'cannot be written'],
    ['logits below a file', () => ['logits', '--model', modelFolder, '--tokens', '1', '--out', join(source, 'x')], 'cannot be written'],
    ['logits in a missing folder', () => ['logits', '--model', modelFolder, '--tokens', '1', '--out', join(folder, 'none/x')], 'cannot be written'],
    ['logits onto a folder', () => ['logits', '--model', modelFolder, '--tokens', '1', '--out', folder], 'cannot be written'],
  ])('%s is refused', (_, args, text) => check(args(), text));

  it('as the cache folder is no reason not to work, and is said', async () => {
    for (const cache of [source, join(source, 'x'), '/proc/cache']) {
      const { code, stderr } = await run(['generate', '--prompt', 'x', '--max', '1', '--model', good], { env: { DELTALLM_CACHE: cache } });
      expect(code).toBe(0);
      expect(stderr).toMatch(/^deltallm: What was measured of [^\n]+ could not be kept: it is measured again at the next start\. [^\n]+ cannot be written [^\n]+\n$/);
    }
  });

  it('for lack of room is refused, wherever it ends', async (context) => {
    const disk = file('disk');
    mkdirSync(disk);
    context.skip(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', disk]).status !== 0, 'no file system of our own can be mounted here');
    const seen = new Set<number | null>();
    try {
      for (const size of [4, 8, 12, 16, 20, 24]) {
        spawnSync('mount', ['-o', `remount,size=${size}k`, disk]);
        const { code, stderr } = await run(['import', good, '--out', join(disk, 'model')]);
        seen.add(code);
        if (code === 0) rmSync(join(disk, 'model'), { recursive: true });
        else expect(stderr).toMatch(/^deltallm: [^\n]*are free: make room[^\n]*\n$/);
        expect(listing(disk)).toEqual([]);
      }
      expect([...seen].sort()).toEqual([0, 1]);
    } finally {
      spawnSync('umount', [disk]);
    }
  });
});

describe('a damaged model folder', () => {
  /** Generates from a copy of the folder after `damage`. */
  async function damaged(damage: (copy: string) => void, text: string): Promise<void> {
    const copy = file('copy');
    rmSync(copy, { recursive: true, force: true });
    cpSync(modelFolder, copy, { recursive: true });
    damage(copy);
    const before = listing(copy);
    await check(['generate', '--prompt', 'x', '--max', '2', '--model', copy], text);
    expect(listing(copy)).toEqual(before);
  }

  it('without a manifest is refused', () => damaged((copy) => rmSync(join(copy, 'manifest.json')), 'is no folder of what was measured'));

  it.each<[string, string]>([
    ['that is empty', ''], ['that is null', 'null'], ['that is a list', '[]'], ['that is cut short', '{"format":'], ['of another format', '{"format":99}'], ['without sizes', `{"format":${FOLDER_FORMAT}}`],
  ])('with a manifest %s is refused', (_, content) => damaged((copy) => writeFileSync(join(copy, 'manifest.json'), content), 'is no folder of what was measured'));

  it('is refused where its model is gone', () => damaged((copy) => {
    const manifest = JSON.parse(readFileSync(join(copy, 'manifest.json'), 'utf8')) as { source: object };
    writeFileSync(join(copy, 'manifest.json'), JSON.stringify({ ...manifest, source: { ...manifest.source, file: '../gone.gguf' } }));
  }, 'gone.gguf'));

  it('is refused by tokenize, too', async () => {
    const copy = file('copy');
    for (const content of ['', 'null', '[1]']) {
      rmSync(copy, { recursive: true, force: true });
      cpSync(modelFolder, copy, { recursive: true });
      writeFileSync(join(copy, 'manifest.json'), content);
      await check(['tokenize', '--model', copy], 'is no folder of what was measured', { input: 'x' });
    }
  });
});

describe('a wrong environment', () => {
  const generate = ['generate', '--prompt', 'x', '--max', '1'];
  it('names the addon that is not there', () => check([...generate, '--model', modelFolder], 'could not be loaded for', { env: { DELTALLM_ADDON: file('none.node') } }));
  it('names the addon that is none', () => check([...generate, '--model', modelFolder], 'could not be loaded for', { env: { DELTALLM_ADDON: written('notes.node', 'hello') } }));
  it('names the kernel sets that there are', () => check([...generate, '--model', modelFolder], 'The set of CPU kernels "sse9" is unknown; known here: auto', { env: { DELTALLM_KERNELS: 'sse9' } }));
});

describe('a wrong text', () => {
  it.each<[string, () => string[], string, number]>([
    ['a source file that is missing', () => ['complete', '--file', file('none.ts'), '--line', '1', '--column', '1'], 'There is no file at', 1],
    ['a source file that is a folder', () => ['complete', '--file', folder, '--line', '1', '--column', '1'], 'cannot be read (EISDIR)', 1],
    ['a source file that is not UTF-8', () => ['complete', '--file', written('latin.ts', Buffer.from('const s = "\xe9";\n', 'latin1')), '--line', '1', '--column', '1'], 'it is not UTF-8', 1],
    ['a source file in UTF-16', () => ['complete', '--file', written('wide.ts', Buffer.from('const a = 1;\n', 'utf16le')), '--line', '1', '--column', '1'], 'it is UTF-16, not UTF-8', 1],
    ['a file to inspect in UTF-16', () => ['inspect', '--file', written('wide.ts', Buffer.from('const a = 1;\n', 'utf16le').swap16())], 'it is UTF-16, not UTF-8', 1],
    ['a place within a character', () => ['complete', '--file', written('emoji.ts', 'x = "🙂"\n'), '--line', '1', '--column', '7'], '--column 7 is within a character of line 1', 2],
    ['a file to inspect that is missing', () => ['inspect', '--file', file('none.ts')], 'There is no file at', 1],
    ['a file to inspect that is empty', () => ['inspect', '--model', modelFolder, '--file', written('empty.ts', '')], 'The text is too short to inspect', 2],
    ['a file of token ids that is missing', () => ['logits', '--tokens', `@${file('none.json')}`, '--out', file('x')], 'There is no file at', 1],
    ['a token id outside the vocabulary', () => ['logits', '--model', modelFolder, '--tokens', '[1,300]', '--out', file('x')], 'The token id 300 is outside the vocabulary (0 to 299)', 1],
    ['a negative token id', () => ['logits', '--model', modelFolder, '--tokens', '[-1]', '--out', file('x')], 'The token id -1 is outside', 1],
    ['a token id that is a word', () => ['logits', '--model', modelFolder, '--tokens', 'one', '--out', file('x')], '"one" is no token id', 2],
    ['half a token id', () => ['logits', '--model', modelFolder, '--tokens', '1.5', '--out', file('x')], '"1.5" is no token id', 2],
    ['no token ids', () => ['logits', '--model', modelFolder, '--tokens', '[]', '--out', file('x')], 'The prompt is empty', 2],
    ['more tokens than the context', () => ['logits', '--model', modelFolder, '--tokens', JSON.stringify(Array(129).fill(1)), '--out', file('x')], 'The prompt has 129 tokens but the model reads at most 128', 1],
    ['a prompt longer than the context', () => ['generate', '--model', modelFolder, '--prompt', 'é'.repeat(200)], 'but the model reads at most 128', 1],
  ])('%s is refused', async (_, args, text, code) => {
    await check(args(), text, { code });
    expect(listing(folder).filter((name) => name.startsWith('x'))).toEqual([]);
  });

  it('of ids is refused by detokenize', async () => {
    await check(['detokenize', '--model', good], 'The token id 300 is outside', { input: '1 300' });
    await check(['detokenize', '--model', good], '"x" is no token id', { input: '1 x', code: 2 });
  });

  it('that is not UTF-8 is refused by tokenize', async () => {
    await check(['tokenize', '--model', good], 'it is not UTF-8', { input: Uint8Array.from([0x61, 0xff, 0x62]) });
    await check(['tokenize', '--model', good], 'Standard input cannot be read (it is UTF-16, not UTF-8)', { input: Buffer.from('const a = 1;', 'utf16le') });
  });

  it('that is empty is completed', async () => {
    const { tokens } = JSON.parse((await succeed(['complete', '--file', written('empty.ts', ''), '--line', '1', '--column', '1', '--model', modelFolder, '--max', '4', '--json'])).toString()) as { tokens: { prompt: number } };
    expect(tokens.prompt).toBeGreaterThan(0);
    expect((await succeed(['tokenize', '--model', good])).toString()).toBe('');
    expect((await succeed(['detokenize', '--model', good])).toString()).toBe('');
  });
});
