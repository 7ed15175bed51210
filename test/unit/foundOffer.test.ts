// One model file: what its header says of it, and why it cannot be used.
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryNeeded } from '../../src/model/found/fit.ts';
import { isModelFile, nameOf } from '../../src/model/found/names.ts';
import { offerAt, offerFrom, readOffer, type FoundModel } from '../../src/model/found/readOffer.ts';
import { canFill, checkVocabulary } from '../../src/model/found/vocabulary.ts';
import { checkHeader } from '../../src/model/format/gguf.ts';
import { readHeader, type ByteSource } from '../../src/model/format/ggufHeader.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { tokenizerFromMetadata } from '../../src/tokenizer/fromGguf.ts';
import { homes, modelFile, PLENTY, putModel, type Model } from '../support/modelHomes.ts';
import type { MetadataEntry, TensorEntry } from '../support/writeGguf.ts';

const { folder } = homes();
let count = 0;
const put = (model: Model = {}, name = `m${count++}.gguf`) => putModel(join(folder, String(count++), name), model);
const offer = (model: Model, name?: string) => readOffer(put(model, name), PLENTY);
const sentence = ({ refused }: FoundModel) => refused && new DeltaError(refused.code, ...(refused.args as never)).message;

/** A model that must be refused with that code, in a sentence with that text. */
async function check(model: Model, code: string, text: string | RegExp, available = PLENTY): Promise<FoundModel> {
  const found = await readOffer(put(model), available);
  expect(found.refused?.code).toBe(code);
  expect(sentence(found)).toMatch(text);
  expect(structuredClone(found)).toEqual(found);
  return found;
}

describe('a model', () => {
  it('is described by its header', async () => {
    const path = put({ name: 'Tiny Instruct', metadata: [['general.file_type', 'u32', 0]] });
    expect(await readOffer(path, PLENTY, { program: 'Ollama', stop: ['###'] })).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/) as string, path, program: 'Ollama', name: 'Tiny Instruct', architecture: 'llama', parameters: expect.any(Number) as number, quantisation: 'F16',
      bytes: statSync(path).size, context: expect.any(Number) as number, chat: true, fim: true, stop: ['###'], needs: { weights: expect.any(Number) as number, cache: expect.any(Number) as number, besides: expect.any(Number) as number }, refused: null,
    });
  });

  it('has as many parameters as its tensors have elements', async () => {
    const elements = modelFile().tensors!.reduce((sum, { dims }) => sum + dims.reduce<number>((a, b) => a * Number(b), 1), 0);
    expect((await offer({ metadata: [['general.size_label', 'string', '7B']] })).parameters).toBe(elements);
  });

  it.each<[string, Model, Partial<FoundModel>]>([
    ['chats with a template', {}, { chat: true }],
    ['does not chat without one', { chat: false }, { chat: false }],
    ['does not chat with an empty one', { metadata: [['tokenizer.chat_template', 'string', ' \n']] }, { chat: false }],
    ['does not chat where it is the embedded one', { name: 'Starter' }, { chat: false }],
    ['chats where it is a BitNet, whose template may be missing', { chat: false, metadata: [['general.architecture', 'string', 'bitnet-b1.58']] }, { chat: true }],
    ['completes with the tokens for it', {}, { fim: true }],
    ['does not complete without them', { metadata: ['pre', 'suf', 'mid'].map((role): MetadataEntry => [`tokenizer.ggml.fim_${role}_token_id`, 'u32', 0xffffffff]).concat(withoutFimTokens()) }, { fim: false }],
  ])('%s', async (_, model, expected) => expect(await offer(model)).toMatchObject(expected));

  it.each<[string, string | undefined, string | undefined, string]>([
    ['Qwen2.5 Coder 1.5B Instruct GGUF', undefined, 'x.gguf', 'Qwen2.5 Coder 1.5B Instruct'],
    ['a name\nof two lines\u202e', undefined, 'x.gguf', 'a name of two lines'],
    ['model', 'Some-Repository-GGUF', 'x.gguf', 'Some-Repository'],
    ['', undefined, 'some-model-q8_0.gguf', 'some-model-q8_0'],
    ['  ', undefined, 'model.gguf', 'model'],
    ['x'.repeat(500), undefined, 'x.gguf', 'x'.repeat(80)],
  ])('called %j is shown as such', async (name, hint, file, expected) => {
    expect((await readOffer(put({ name }, file), PLENTY, { hint })).name).toBe(expected);
  });

  it('has the name that its program gives it', async () => {
    expect((await readOffer(put({ name: 'Meta Llama' }), PLENTY, { name: 'llama3.2:1b' })).name).toBe('llama3.2:1b');
  });

  it('has the same id by whatever way it is found, and a copy has another', async () => {
    const path = put();
    const link = join(folder, 'link.gguf');
    symlinkSync(path, link);
    cpSync(path, join(folder, 'copy.gguf'));
    const ids = await Promise.all([path, link, join(folder, 'copy.gguf')].map(async (one) => (await readOffer(one, 1)).id));
    expect([ids[0] === ids[1], ids[0] === ids[2]]).toEqual([true, false]);
  });
});

describe('how its weights are stored', () => {
  const matrices = (...types: [number, number][]): TensorEntry[] => types.map(([type, rows], i) => ({ name: `t${i}`, type, dims: [256, rows], byteLength: 32 }));
  it.each<[string, Model, string]>([
    ['is the type of most of them', { tensors: matrices([12, 8], [14, 2], [6, 1]) }, 'Q4_K'],
    ['is the mixture that goes with it', { tensors: matrices([12, 8], [14, 2]), metadata: [['general.file_type', 'u32', 15]] }, 'Q4_K_M'],
    ['is the mixture, guessed or not', { tensors: matrices([13, 8], [14, 2]), metadata: [['general.file_type', 'u32', 1024 + 16]] }, 'Q5_K_S'],
    ['is not the mixture that fell back to another type', { tensors: matrices([6, 8], [12, 2]), metadata: [['general.file_type', 'u32', 15]] }, 'Q5_0'],
    ['is BitNet\'s own where it is a BitNet', { tensors: matrices([36, 8]), metadata: [['general.architecture', 'string', 'bitnet-b1.58'], ['general.file_type', 'u32', 40]] }, 'I2_S'],
    ['is BitNet\'s own only there', { tensors: matrices([39, 8]) }, 'MXFP4'],
    ['is a number where nobody knows it', { tensors: matrices([99, 8]) }, 'number 99'],
    ['is nothing without weights', { tensors: [] }, ''],
  ])('%s', async (_, model, expected) => expect((await offer(model)).quantisation).toBe(expected));
});

describe('a vocabulary that is judged by a sample', () => {
  const files = ['models/starter/starter-q8_0.gguf', ...['models', 'vocab'].flatMap((where) => readdirSync(`test/fixtures/${where}`).filter((name) => name.endsWith('.gguf')).map((name) => `test/fixtures/${where}/${name}`))];
  it.each(files)('is judged as the whole is: %s', async (path) => {
    const { metadata } = await readHeader(bytesOf(path));
    const outcome = (judge: () => unknown) => {
      try {
        judge();
        return 'usable';
      } catch (error) {
        return (error as DeltaError).code;
      }
    };
    const whole = outcome(() => tokenizerFromMetadata(metadata, path));
    expect(outcome(() => checkVocabulary(metadata, path))).toBe(whole);
    if (whole === 'usable') expect(canFill(metadata)).toBe(tokenizerFromMetadata(metadata, path).special.fim !== null);
  });
});

describe('a model is refused', () => {
  it('for its architecture, before its tensor types', async () => {
    const found = await check({ metadata: [['general.architecture', 'string', 'mamba']], tensors: [{ name: 'a', type: 99, dims: [32], byteLength: 32 }] }, 'architectureUnknown', 'mamba');
    expect(found).toMatchObject({ architecture: 'mamba', fim: false, chat: true });
  });
  it('for its tensor types', () => check({ tensors: [{ name: 'blk.0.attn_q.weight', type: 16, dims: [256, 2], byteLength: 132 }] }, 'tensorTypeUnknown', 'IQ2_XXS'));
  it('for its tokenizer', () => check({ metadata: [['tokenizer.ggml.model', 'string', 'unigram']] }, 'tokenizerUnknown', 'unigram'));
  it('for the lack of what its tokenizer needs', () => check({ metadata: [['tokenizer.ggml.merges', ['string'], undefined]] }, 'metadataInvalid', 'tokenizer.ggml.merges'));
  it('for having no weights', () => check({ tensors: [] }, 'vocabularyOnly', 'vocabulary'));
  it('for damaged metadata', () => check({ metadata: [['llama.block_count', 'u32', 0]] }, 'metadataInvalid', 'block_count'));

  it('for being cut short, in the weights or in the header', async () => {
    const path = put();
    truncateSync(path, statSync(path).size - 100);
    const cut = await offerAt(path, PLENTY);
    expect([cut.foreign, cut.model.refused?.code, cut.model.name]).toEqual([false, 'ggufTruncated', 'Tiny']);
    truncateSync(path, 1_000);
    expect(await offerAt(path, PLENTY)).toMatchObject({ foreign: false, model: { refused: { code: 'ggufTruncated' }, parameters: null, architecture: '' } });
  });

  it('for being one of several files, the others of which are not there', async () => {
    const split = (no: number, stated: number): MetadataEntry[] => [['split.no', 'u16', no], ['split.count', 'u16', 3], ['split.tensors.count', 'i32', stated], ['general.size_label', 'string', '8x7B']];
    for (const no of [0, 1]) {
      const found = await offer({ metadata: split(no, 200) });
      expect([found.parameters, sentence(found)]).toEqual([56e9, expect.stringMatching(/\b3\b.*\.$/)]);
    }
  });

  it('for needing more memory than is free, which is known before a weight is read', async () => {
    const found = await check({}, 'modelTooLarge', /Tiny needs \d+\.\d+ GB of memory but only 1\.0 MB are free/, 1e6);
    const { shape, weights } = await weigh(found.path);
    const needed = Math.ceil(memoryNeeded(weights, shape));
    expect([(await readOffer(found.path, needed)).refused, (await readOffer(found.path, needed - 1)).refused?.code]).toEqual([null, 'modelTooLarge']);
  });

  it('where there is no such file, or none that can be a model', async () => {
    expect((await readOffer(join(folder, 'none.gguf'), PLENTY)).refused?.code).toBe('fileMissing');
    expect((await readOffer(folder, PLENTY)).refused?.code).toBe('notGguf');
    const path = join(folder, 'a\u202ename\nof two lines.gguf');
    writeFileSync(path, 'hello');
    const found = await readOffer(path, PLENTY);
    expect([found.path, found.name, sentence(found)]).toEqual([path, 'a name of two lines', expect.stringMatching(/^[^\n\u202e]*a name of two lines\.gguf is not a usable GGUF file/)]);
  });

  async function weigh(path: string) {
    const source = bytesOf(path);
    const { tensors } = checkHeader(source, await readHeader(source));
    const { readArchitecture } = await import('../../src/model/format/architecture.ts');
    const { metadata } = await readHeader(source);
    return { shape: readArchitecture({ path, size: source.size, metadata, tensors } as never).shape, weights: [...tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0) };
  }
});

describe('no language model', () => {
  it.each<[string, MetadataEntry[]]>([
    ['is one that sees', [['general.architecture', 'string', 'clip']]],
    ['is one that embeds', [['general.architecture', 'string', 'nomic-bert']]],
    ['is one that pools', [['llama.pooling_type', 'u32', 3]]],
    ['is an adapter', [['general.type', 'string', 'adapter']]],
    ['is a projector', [['general.type', 'string', 'mmproj']]],
  ])('%s', async (_, metadata) => expect((await offerAt(put({ metadata }), PLENTY)).foreign).toBe(true));

  it.each(['mmproj-model.gguf', 'MMPROJ.gguf', 'm-00002-of-00003.gguf', 'm-00010-of-00012.gguf', 'm.gguf.part', 'm.gguf.incomplete', 'm.gguf-partial-3', 'm-partial.gguf', 'incomplete-m.gguf', 'm.bin', 'gguf'])('is called %s', (name) => {
    expect(isModelFile(name)).toBe(false);
  });
  it.each(['m.gguf', 'M.GGUF', 'm-00001-of-00003.gguf', 'a mmproj.gguf'])('may be called otherwise: %s', (name) => expect(isModelFile(name)).toBe(true));
});

describe('only the header is read', () => {
  it.each(['models/starter/starter-q8_0.gguf', 'test/fixtures/models/starter-tiny-f16.gguf'])('of %s', async (path) => {
    const { length } = await readHeader(bytesOf(path));
    const source = bytesOf(path);
    const { model } = await offerFrom(source, path, path, PLENTY);
    expect(model.refused).toBeNull();
    // One more piece of a reader, magic and preamble, which come twice.
    expect(source.bytesRead).toBeLessThanOrEqual(length + (1 << 20) + 12);
    expect(source.bytesRead).toBeLessThan(source.size);
  });

  it('of a file of 40 GB', async () => {
    const path = put();
    truncateSync(path, 40e9);
    const found = await readOffer(path, PLENTY);
    expect([found.bytes, found.refused]).toEqual([40e9, null]);
  });
});

describe('a shown name', () => {
  it('is one short line that nothing can turn around', () => {
    fc.assert(fc.property(fc.array(fc.option(fc.string({ unit: 'binary' }), { nil: undefined })), (names) => {
      const name = nameOf(...names);
      expect([...name].length).toBeLessThanOrEqual(80);
      expect(name).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }));
  });
});

/** A file in memory that counts what is read. */
function bytesOf(path: string): ByteSource & { bytesRead: number } {
  const bytes = readFileSync(path);
  const source = { path, size: bytes.length, bytesRead: 0, read: (offset: number, length: number) => {
    const piece = bytes.subarray(offset, offset + length);
    source.bytesRead += piece.length;
    return Promise.resolve(piece);
  } };
  return source;
}

/** The vocabulary with the tokens for filling in renamed. */
function withoutFimTokens(): MetadataEntry[] {
  const [key, type, tokens] = modelFile().metadata.find(([name]) => name === 'tokenizer.ggml.tokens')!;
  return [[key, type, (tokens as string[]).map((token) => token.replace('fim_', 'no_'))]];
}

describe('a folder for ONNX Runtime', () => {
  it('that is too large for the memory is a model all the same, and says so', async () => {
    const home = join(folder, 'onnx');
    mkdirSync(home);
    const config = { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2', num_hidden_layers: 2, hidden_size: 64, num_attention_heads: 2, num_key_value_heads: 1, vocab_size: 300, max_position_embeddings: 512 };
    for (const [name, content] of Object.entries({ 'config.json': JSON.stringify(config), 'tokenizer.json': '{}', 'model.onnx': 'x' })) writeFileSync(join(home, name), content);
    const [large, fitting] = [await offerAt(join(home, 'model.onnx'), 1), await offerAt(join(home, 'model.onnx'), PLENTY)];
    expect([large.foreign, large.model.refused?.code, large.model.needs]).toEqual([false, 'modelTooLarge', fitting.model.needs]);
    expect([fitting.foreign, fitting.model.refused]).toEqual([false, null]);
    writeFileSync(join(home, 'config.json'), JSON.stringify({ ...config, architectures: ['WhisperForConditionalGeneration'] }));
    expect(await offerAt(join(home, 'model.onnx'), PLENTY)).toMatchObject({ foreign: true, model: { refused: { code: 'onnxFolderInvalid' } } });
  });
});
