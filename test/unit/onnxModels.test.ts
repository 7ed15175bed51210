// Models published for ONNX Runtime, before anything runs: where their graphs are cut, what is refused and by which name, how their tables of angles and their
// tokenizer.json are read, and what damage does.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { GraphBuilder, type Attribute, type Port } from '../../src/eval/onnxGraph.ts';
import { inverseFrequencies, type RopeConfig } from '../../src/model/manifest.ts';
import { cutDecoder } from '../../src/model/onnx/cut.ts';
import { openOnnx } from '../../src/model/onnx/onnxDecoder.ts';
import { OnnxFile } from '../../src/model/onnx/onnxFile.ts';
import { graphAt } from '../../src/model/onnx/onnxFiles.ts';
import { decodeModel } from '../../src/model/onnx/proto.ts';
import { rotationOfTables } from '../../src/model/onnx/rotation.ts';
import { ggufOf } from '../../src/model/library.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { tokenizerFromMetadata } from '../../src/tokenizer/fromGguf.ts';
import { tokenizerFromJson } from '../../src/tokenizer/fromJson.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { byteToChar } from '../../src/tokenizer/byteAlphabet.ts';
import { mutate, randomBelow } from '../support/mutate.ts';
import { anyText, metadataOf, vocabPath } from '../support/tokenizer.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-onnx-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const [LAYERS, HIDDEN, HEADS, KV, LENGTH, VOCABULARY, CONTEXT] = [2, 16, 2, 1, 8, 300, 64];
const rope: RopeConfig = { base: 10_000, rotated: LENGTH, linear: 1 };
const ints = (values: Record<string, number>): Record<string, Attribute> => Object.fromEntries(Object.entries(values).map(([name, int]) => [name, { int }]));

interface Tweaks {
  /** Changes what an attention node is. */
  attention?: { domain?: '' | 'com.microsoft'; type?: string; attributes?: Record<string, Attribute>; more?: string[] };
  /** Adds something to the graph, and may name another tensor as the second layer's input to its feed-forward. */
  extra?: (g: GraphBuilder) => string | void;
  mask?: boolean;
  logits?: string;
  /** Of the keys and values that are given. */
  cached?: Port['type'];
  table?: (g: GraphBuilder) => void;
  /** Multiplies the rows of tokens. */
  scale?: number;
}

/** A decoder of two layers, each an attention and a product, as small as can be. */
function graph({ attention = {}, extra, logits = 'logits', cached = 'float', table, scale, mask = false }: Tweaks = {}): Uint8Array {
  const g = new GraphBuilder('decoder');
  const weights = (name: string, ...dims: number[]) => g.constant(name, dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));
  const angles = inverseFrequencies(rope);
  if (table) table(g);
  else for (const [name, of] of [['cos', Math.cos], ['sin', Math.sin]] as const) g.constant(name, [CONTEXT, LENGTH / 2], Float32Array.from({ length: CONTEXT * angles.length }, (_, i) => of(Math.floor(i / angles.length) * angles[i % angles.length])));
  g.node('', 'Gather', [weights('embed', VOCABULARY, HIDDEN), 'input_ids'], [scale ? 'rows' : 'x_0']);
  if (scale) g.node('', 'Mul', ['rows', g.constant('scale', [], Float32Array.of(scale))], ['x_0']);
  for (let layer = 0; layer < LAYERS; layer++) {
    const x = `x_${layer}`;
    g.node('', 'MatMul', [x, weights(`wqkv_${layer}`, HIDDEN, (HEADS + 2 * KV) * LENGTH)], [`qkv_${layer}`]);
    g.node(attention.domain ?? 'com.microsoft', attention.type ?? 'GroupQueryAttention', [`qkv_${layer}`, '', '', `past_key_values.${layer}.key`, `past_key_values.${layer}.value`, 'lengths', 'total', 'cos', 'sin', ...(attention.more ?? [])],
      [`mixed_${layer}`, `present.${layer}.key`, `present.${layer}.value`], attention.attributes ?? ints({ num_heads: HEADS, kv_num_heads: KV, do_rotary: 1 }));
    g.node('', 'MatMul', [`mixed_${layer}`, weights(`wo_${layer}`, HEADS * LENGTH, HIDDEN)], [`o_${layer}`]);
    const from = (layer === 1 && extra?.(g)) || x;
    if (mask && layer === 1) g.node('', 'Add', [`o_${layer}`, 'attention_mask'], ['masked']);
    g.node('', 'Add', [from, mask && layer === 1 ? 'masked' : `o_${layer}`], [`x_${layer + 1}`]);
  }
  g.node('', 'MatMul', [`x_${LAYERS}`, weights('head', HIDDEN, VOCABULARY)], [logits]);
  const past = Array.from({ length: LAYERS }, (_, i) => ['key', 'value'].map((part): Port => ({ name: `past_key_values.${i}.${part}`, type: cached, dims: ['batch', KV, 'past', LENGTH] }))).flat();
  const scalars = ['lengths', 'total'].map((name): Port => ({ name, dims: [1] }));
  return g.finish([{ name: 'input_ids', type: 'int64', dims: ['batch', 'rows'] }, { name: 'attention_mask', dims: ['batch', 'total'] }, ...past, ...scalars], [{ name: logits, dims: ['batch', 'rows', VOCABULARY] }]);
}

const cut = (bytes: Uint8Array) => cutDecoder('/m/model.onnx', decodeModel(bytes));
const refusal = (tweaks: Tweaks): string => {
  try {
    cut(graph(tweaks));
  } catch (error) {
    if (error instanceof DeltaError && error.code === 'onnxUnfit') return error.message;
    throw error;
  }
  return 'not refused';
};

describe('a decoder', () => {
  it('is cut at its attentions, between which only the residual stream goes on', () => {
    const { attention, segments, head, embedding } = cut(graph());
    expect(embedding.name).toBe('embed');
    expect(attention.map(({ qkv, heads, kvHeads, keyLength }) => [qkv.map(({ tensor }) => tensor), heads, kvHeads, keyLength])).toEqual([0, 1].map((layer) => [[`qkv_${layer}`], HEADS, KV, LENGTH]));
    expect(segments.map(({ inputs, outputs, nodes }) => [inputs, outputs, nodes.map(({ opType }) => opType)])).toEqual([
      [['x_0'], ['qkv_0'], ['MatMul']],
      [['mixed_0', 'x_0'], ['qkv_1', 'x_1'], ['MatMul', 'Add', 'MatMul']],
      [['mixed_1', 'x_1'], ['x_2'], ['MatMul', 'Add']],
    ]);
    expect([head.inputs, head.outputs, head.initializers.map(({ name }) => name)]).toEqual([['x_2'], ['logits'], ['head']]);
  });

  it('may multiply the rows of tokens by a number', () => {
    const { embedding, embeddingScale, segments } = cut(graph({ scale: 12 }));
    expect([embedding.name, embeddingScale, segments[0].inputs, segments[1].inputs]).toEqual(['embed', 12, ['x_0'], ['mixed_0', 'x_0']]);
    expect(refusal({ scale: 1e9 })).toMatch(/\(Mul\) is no look-up of rows of tokens/);
  });

  it.each<[string, Tweaks, RegExp]>([
    ['with another attention', { attention: { type: 'MultiHeadAttention' } }, /MultiHeadAttention_\d+ \(MultiHeadAttention\) is attention in a form/],
    ['with an attention of another domain', { attention: { domain: '' } }, /has no attention/],
    ['with something that attention never had', { attention: { attributes: ints({ num_heads: HEADS, kv_num_heads: KV, do_rotary: 1, sparkle: 1 }) } }, /GroupQueryAttention_\d+ .*sparkle/],
    ['with heads that do not share', { attention: { attributes: ints({ num_heads: 3, kv_num_heads: 2, do_rotary: 1 }) } }, /3 heads for queries and 2 for keys/],
    ['with a bias on its scores', { attention: { more: ['', 'embed'] } }, /reads embed besides/],
    ['that rounds a token by others', { extra: (g) => { g.node('', 'DynamicQuantizeLinear', ['x_1'], ['q', 'scale', 'zero']); g.node('', 'DequantizeLinear', ['q', 'scale', 'zero'], ['rounded']); return 'rounded'; } }, /\(DynamicQuantizeLinear\) rounds each token by all/],
    ['whose second layer reads past the first', { extra: (g) => { g.node('', 'Add', ['o_1', 'x_0'], ['older']); g.node('', 'Add', ['older', 'x_1'], ['both']); return 'both'; } }, /besides the residual stream/],
    ['whose residual stream leaves a layer out', { extra: (g) => { g.node('', 'Add', ['o_1', 'x_0'], ['older']); return 'older'; } }, /leaves out a layer/],
    ['that mixes its mask in', { mask: true }, /reads what goes past an attention besides|attention_mask/],
    ['without logits', { logits: 'scores' }, /makes no logits/],
    ['that reads what nothing makes', { extra: (g) => g.node('', 'Relu', ['nowhere'], ['somewhere']) }, /reads nowhere, which nothing before it makes/],
    ['that makes a tensor twice', { extra: (g) => g.node('', 'Relu', ['x_0'], ['x_1']) }, /makes x_1 a second time/],
  ])('%s is refused by the name of its node', (_, tweaks, sentence) => expect(refusal(tweaks)).toMatch(sentence));

  it('of damaged bytes is read, or refused in a sentence', async () => {
    const whole = Buffer.from(graph());
    const below = randomBelow(3);
    const path = join(folder, 'damaged.onnx');
    let refused = 0;
    for (let i = 0; i < 1500; i++) {
      writeFileSync(path, mutate(whole.subarray(0, 60_000), [], below));
      try {
        const { model } = await OnnxFile.open(path);
        cutDecoder(path, model);
      } catch (error) {
        if (!(error instanceof DeltaError)) throw new Error(`mutation ${i}: ${String(error)}`, { cause: error });
        expect(error.message).not.toMatch(/[\u0000-\u001f\u007f]/);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(300);
  });
});

describe('tables of angles', () => {
  it('give the frequencies that made them, whatever scaled those', () => {
    fc.assert(fc.property(fc.constantFrom(10_000, 500_000, 1e6), fc.constantFrom(8, 32, 64), fc.constantFrom(1, 4, 32), fc.constantFrom(undefined, 1.19), fc.constantFrom(128, 2048, 5000), (base, pairs, factor, scale, positions) => {
      const config: RopeConfig = { base, rotated: 2 * pairs, linear: 1, factors: Array.from({ length: pairs }, (_, i) => 1 + ((factor - 1) * i) / pairs), scale };
      const expected = inverseFrequencies(config);
      const table = (of: (x: number) => number) => Float32Array.from({ length: positions * pairs }, (_, i) => of(Math.floor(i / pairs) * expected[i % pairs]) * (scale ?? 1));
      const found = rotationOfTables(table(Math.cos), table(Math.sin), pairs)!;
      // The last position turns by the same angle, to what a float of the table says.
      for (const [i, radians] of inverseFrequencies(found).entries()) expect(Math.abs(radians - expected[i]) * positions).toBeLessThan(1e-5);
      expect(found.scale ?? 1).toBeCloseTo(scale ?? 1, 5);
    }), { seed: 5, numRuns: 60 });
  });

  it('that are none are refused', () => {
    const noise = Float32Array.from({ length: 256 }, (_, i) => Math.sin(i * i));
    expect(rotationOfTables(noise, noise, 4)).toBeUndefined();
    expect(rotationOfTables(new Float32Array(4), new Float32Array(4), 4)).toBeUndefined();
    expect(rotationOfTables(new Float32Array(64), new Float32Array(64).fill(NaN), 4)).toBeUndefined();
  });
});

const tokens = [...byteToChar, 'ab', '<|end|>', '<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>'];
const tokenizerJson = (change: Record<string, unknown> = {}, model: Record<string, unknown> = {}) => ({
  normalizer: { type: 'NFC' }, added_tokens: tokens.slice(257).map((content, i) => ({ id: 257 + i, content, special: true })),
  pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Split', pattern: { Regex: String.raw`\p{L}+|[^\p{L}]+` }, behavior: 'Isolated', invert: false }, { type: 'ByteLevel', add_prefix_space: false, use_regex: false }] },
  post_processor: { type: 'TemplateProcessing', single: [{ SpecialToken: { id: '<|end|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }] },
  model: { type: 'BPE', vocab: Object.fromEntries(tokens.slice(0, 257).map((token, id) => [token, id])), merges: [['a', 'b']], ...model },
  ...change,
});
const read = (json: unknown, rows = VOCABULARY) => tokenizerFromJson({ tokenizer: json, tokenizerConfig: { bos_token: { content: '<|end|>' }, chat_template: [{ name: 'default', template: '{{ messages }}' }] }, configs: [{ eos_token_id: [257, 5] }] }, rows, '/m/tokenizer.json');

describe('tokenizer.json', () => {
  it('is read as a GGUF with the same vocabulary would be', () => {
    const files = read(tokenizerJson());
    expect(files.special).toEqual({ bos: 257, eos: [5, 257], addBos: true, fim: { prefix: 258, suffix: 259, middle: 260, layout: 'standard' } });
    expect(files.chatTemplate).toBe('{{ messages }}');
    const tokenizer = Tokenizer.fromFiles(files);
    expect(tokenizer.size).toBe(VOCABULARY);
    expect(tokenizer.encode('ab, <|end|>').slice(0, 1)).toEqual([256]);
    expect(tokenizer.encode('<|end|>')).not.toContain(257);
    expect(tokenizer.decode(tokenizer.encode('ab, ünï 漢字'))).toBe('ab, ünï 漢字');
  });

  it.each<[string, unknown, string]>([
    ['pieces with scores', tokenizerJson({}, { type: 'Unigram' }), 'tokenizerUnknown'],
    ['pieces that are cut into words otherwise', tokenizerJson({ pre_tokenizer: { type: 'WhitespaceSplit' } }, { byte_fallback: true }), 'tokenizerUnknown'],
    ['another normalizer', tokenizerJson({ normalizer: { type: 'Lowercase' } }), 'tokenizerUnknown'],
    ['another way to cut', tokenizerJson({ pre_tokenizer: { type: 'Metaspace' } }), 'tokenizerUnknown'],
    ['splits that remove', tokenizerJson({ pre_tokenizer: { type: 'Split', pattern: { Regex: '.' }, behavior: 'Removed' } }), 'tokenizerUnknown'],
    ['a token outside the vocabulary', tokenizerJson({ added_tokens: [{ id: 9999, content: 'x' }] }), 'metadataInvalid'],
    ['a token without a text', tokenizerJson({ added_tokens: [{ id: 1 }] }), 'metadataInvalid'],
    ['nothing', null, 'tokenizerUnknown'],
  ])('of %s is refused in a sentence', (_, json, code) => {
    expect(() => read(json)).toThrow(expect.objectContaining({ code }));
  });
});

describe('a tokenizer.json of pieces', () => {
  it('gives the tokens of the vocabulary that it was made from', async () => {
    const metadata = await metadataOf(vocabPath('llama-spm'));
    const pieces = metadata['tokenizer.ggml.tokens'] as string[];
    const scores = metadata['tokenizer.ggml.scores'] as number[];
    const types = metadata['tokenizer.ggml.token_type'] as number[];
    const idOf = new Map(pieces.map((piece, id) => [piece, id]));
    // As converters do: every way to make a piece of two, the likeliest piece first.
    const merges = pieces.flatMap((piece, id) => (types[id] !== 1 ? [] : Array.from({ length: piece.length - 1 }, (_, i): [number, string, string] => [id, piece.slice(0, i + 1), piece.slice(i + 1)])
      .filter(([, left, right]) => idOf.has(left) && idOf.has(right))))
      .sort(([a], [b]) => scores[b] - scores[a]).map(([, left, right]) => [left, right]);
    const json = {
      normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }] }, pre_tokenizer: null,
      post_processor: { type: 'TemplateProcessing', single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }] },
      added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true })),
      model: { type: 'BPE', byte_fallback: true, unk_token: '<unk>', vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])), merges },
    };
    const [expected, ours] = [tokenizerFromMetadata(metadata, 'p'), tokenizerFromJson({ tokenizer: json, tokenizerConfig: { bos_token: '<s>', eos_token: '</s>' }, configs: [] }, pieces.length, 'p')].map((files) => Tokenizer.fromFiles(files));
    expect(ours.special).toEqual(expected.special);
    const cases = readFileSync(`${vocabPath('llama-spm')}.inp`, 'utf8').split('\n__ggml_vocab_test__\n');
    expect(cases.length).toBeGreaterThan(20);
    for (const text of cases) expect(ours.encode(text, { bos: true }), JSON.stringify(text)).toEqual(expected.encode(text, { bos: true }));
    fc.assert(fc.property(anyText, fc.boolean(), (text, atStart) => { expect(ours.encode(text, { atStart })).toEqual(expected.encode(text, { atStart })); }), { seed: 6, numRuns: 300 });
  });
});

describe('a folder', () => {
  const make = (name: string, files: Record<string, string | Uint8Array>): string => {
    const path = join(folder, name);
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(join(path, file, '..'), { recursive: true });
      writeFileSync(join(path, file), content);
    }
    return path;
  };
  const config = JSON.stringify({ model_type: 'qwen2', max_position_embeddings: 128, intermediate_size: 32 });
  const good = { 'config.json': config, 'tokenizer.json': JSON.stringify(tokenizerJson()), 'onnx/model.onnx': graph() };

  it('says what its model is, and the smallest graph of several is taken', async () => {
    const path = make('good', { ...good, 'onnx/model_fp16.onnx': 'x', 'onnx/model_int8.onnx': 'x', 'onnx/model_q4.onnx': graph() });
    expect(graphAt(path)).toBe(join(path, 'onnx', 'model_q4.onnx'));
    expect(await ggufOf(path)).toBe(join(path, 'onnx', 'model_q4.onnx'));
    const { shape, size } = await openOnnx(graphAt(path)!);
    // The table of angles has room for fewer positions than the configuration says.
    expect(shape).toEqual({ layers: LAYERS, hidden: HIDDEN, heads: HEADS, kvHeads: KV, keyLength: LENGTH, valueLength: LENGTH, feedForward: 32, vocabulary: VOCABULARY, context: CONTEXT });
    expect(size).toBe(graph().length);
  });

  it.each<[string, Record<string, string | Uint8Array | undefined>, RegExp]>([
    ['without a tokenizer', { 'tokenizer.json': undefined }, /no tokenizer\.json/],
    ['without a configuration', { 'config.json': undefined }, /no config\.json/],
    ['whose configuration is none', { 'config.json': '{' }, /no JSON/],
    ['whose graph is empty', { 'onnx/model.onnx': '' }, /nothing in it/],
    ['whose graph is something else', { 'onnx/model.onnx': 'hello, I am no graph at all' }, /damaged|nothing in it/],
  ])('%s is refused in a sentence', async (name, change, sentence) => {
    const files = Object.fromEntries(Object.entries({ ...good, ...change }).filter(([, content]) => content !== undefined)) as Record<string, string>;
    const path = make(name, files);
    await expect(openOnnx(join(path, 'onnx', 'model.onnx'))).rejects.toThrow(sentence);
  });

  it.each([['../secret', 0, 16], ['/etc/passwd', 0, 16], ['nowhere', 0, 16], ['data', 0, 1 << 20], ['data', 8, 16], ['data', -1, 4]])('whose weights lie in %s, at %d, %d bytes, is refused', async (file, offset, length) => {
    const path = make(`data ${file.replace(/\W/g, '')} ${offset} ${length}`, { 'model.onnx': (() => {
      const g = new GraphBuilder('data');
      g.external('w', 'float', [4], { file, offset, length });
      g.node('', 'Relu', ['w'], ['y']);
      return g.finish([], [{ name: 'y', dims: [4] }]);
    })(), data: 'sixteen bytes ..' });
    await expect(OnnxFile.open(join(path, 'model.onnx'))).rejects.toMatchObject({ code: 'onnxFolderInvalid' });
  });

  it('whose tensors all claim the same bytes is refused', async () => {
    const g = new GraphBuilder('many');
    for (let i = 0; i < 1000; i++) g.external(`w${i}`, 'float', [1 << 18], { file: 'data', offset: 0, length: 1 << 20 });
    g.node('', 'Relu', ['w0'], ['y']);
    const path = make('many', { 'model.onnx': g.finish([], [{ name: 'y', dims: [4] }]), data: new Uint8Array(1 << 20) });
    await expect(OnnxFile.open(join(path, 'model.onnx'))).rejects.toThrow(/share their bytes/);
  });
});
