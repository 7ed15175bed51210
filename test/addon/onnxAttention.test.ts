import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeKeys, hybridAttention } from '../../src/attention/reference.ts';
import { rotate } from '../../src/attention/rope.ts';
import { OnnxAttention, type FarForm } from '../../src/eval/onnxAttention.ts';
import { random } from '../../src/shared/random.ts';
import { inverseFrequencies, type RopeConfig, type Shape } from '../../src/model/manifest.ts';
import { splitHeads } from '../../src/model/measure/heads.ts';

const shape: Shape = { layers: 2, hidden: 0, heads: 4, kvHeads: 2, keyLength: 16, valueLength: 12, feedForward: 0, vocabulary: 0, context: 512 };
const rope: RopeConfig = { base: 10_000, rotated: 8, linear: 1 };
const TOKENS = 333;
const { heads, kvHeads, keyLength, valueLength } = shape;
const width = (heads + kvHeads) * keyLength + kvHeads * valueLength;
const outWidth = heads * valueLength;

/** q, k, v of TOKENS tokens, `[TOKENS, width]`. */
function flow(seed: number): Float32Array {
  const draw = random(seed);
  return Float32Array.from({ length: TOKENS * width }, () => 3 * (draw() + draw() - 1));
}

/** Columns [from, from + heads·length) as rotated rows per head, `[tokens, length]`. */
function columns(qkv: Float32Array, from: number, count: number, length: number, rotated: boolean): Float64Array[] {
  const rows = new Float32Array(TOKENS * count * length);
  for (let t = 0; t < TOKENS; t++) rows.set(qkv.subarray(t * width + from, t * width + from + count * length), t * count * length);
  const split = splitHeads(rows, count, length);
  const frequencies = inverseFrequencies(rope);
  if (rotated) for (const head of split) for (let t = 0; t < TOKENS; t++) rotate(head, t * length, t, frequencies);
  return split;
}

/** The slow twin, all heads: `[TOKENS, outWidth]`. */
function twin(qkv: Float32Array, far: FarForm): Float64Array {
  const queries = columns(qkv, 0, heads, keyLength, true);
  const keys = columns(qkv, heads * keyLength, kvHeads, keyLength, true);
  const values = columns(qkv, (heads + kvHeads) * keyLength, kvHeads, valueLength, false);
  const out = new Float64Array(TOKENS * outWidth);
  for (const [h, query] of queries.entries()) {
    const g = Math.floor(h / (heads / kvHeads));
    const coded = far.keys ? code(keys[g]) : keys[g];
    const mixed = hybridAttention(query, keys[g], coded, values[g], keyLength, valueLength, 1 / Math.sqrt(keyLength), far.region);
    for (let t = 0; t < TOKENS; t++) out.set(mixed.subarray(t * valueLength, (t + 1) * valueLength), t * outWidth + h * valueLength);
  }
  return out;
}

const code = (keys: Float64Array) => codeKeys(keys, keyLength, { reference: 'mean', threshold: new Float64Array(keyLength).fill(0.9), step: new Float64Array(keyLength).fill(0.05) }).decoded;
const dense: FarForm = { region: { sinks: 0, windowBlocks: () => 1e9 } };
const hybrid: FarForm = { region: { sinks: 3, windowBlocks: (b) => (b > 3 ? 2 : 1) }, keys: (_layer, _head, _from, rotated) => code(Float64Array.from(rotated)) };

describe('attention in ONNX Runtime', () => {
  let attention: OnnxAttention;
  beforeAll(async () => {
    attention = await OnnxAttention.create({ attentionScale: 1 / Math.sqrt(shape.keyLength), shape, rope }, TOKENS);
  });
  afterAll(() => attention.release());

  /** Feeds the tokens in pieces of the given sizes, over and over. */
  async function run(qkv: Float32Array, layer: number, pieces: number[]): Promise<Float32Array> {
    const out = new Float32Array(TOKENS * outWidth);
    for (let at = 0, n = 0; at < TOKENS; n++) {
      const rows = Math.min(pieces[n % pieces.length], TOKENS - at);
      await attention.attend(layer, rows, qkv.subarray(at * width, (at + rows) * width), out.subarray(at * outWidth, (at + rows) * outWidth));
      at += rows;
    }
    return out;
  }

  const largestError = (got: Float32Array, expected: Float64Array) => got.reduce((worst, x, i) => Math.max(worst, Math.abs(x - expected[i])), 0);

  it.each([
    ['dense', dense, undefined],
    ['hybrid', hybrid, hybrid],
  ] as const)('%s equals its slow twin to 1e-5, in one piece, token by token and in uneven pieces, at every layer', async (_name, far, given) => {
    for (const [layer, pieces] of [[0, [TOKENS]], [1, [1]], [0, [64]], [1, [7, 130, 1]]] as const) {
      const qkv = flow(layer + 5);
      attention.reset(given);
      expect(largestError(await run(qkv, layer, [...pieces]), twin(qkv, far))).toBeLessThanOrEqual(1e-5);
    }
  });

  it('gives finite results when far keys are not read at all', async () => {
    attention.reset({ ...hybrid, masked: true });
    const out = await run(flow(9), 0, [TOKENS]);
    expect(out.every(Number.isFinite)).toBe(true);
  });

  it('refuses more tokens than it has room for', async () => {
    attention.reset();
    await expect(attention.attend(0, TOKENS + 1, new Float32Array((TOKENS + 1) * width), new Float32Array((TOKENS + 1) * outWidth))).rejects.toThrow(RangeError);
  });
});
