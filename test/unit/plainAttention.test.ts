// Attention in plain nodes: how it attends is measured and proved, whatever its form; what is no attention is refused by the name of a node; and damage ends in a
// sentence.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { GraphBuilder, type Port } from '../../src/eval/onnxGraph.ts';
import { inverseFrequencies } from '../../src/model/manifest.ts';
import { cutDecoder } from '../../src/model/onnx/cut.ts';
import { measureAttention, type Attends } from '../../src/model/onnx/measuredAttention.ts';
import { OnnxFile } from '../../src/model/onnx/onnxFile.ts';
import { decodeModel, encodeModel, type OnnxModel, type OnnxNode } from '../../src/model/onnx/proto.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { mutate, randomBelow } from '../support/mutate.ts';
import { PlainAttentionNodes, type PlainShape } from '../support/plainOnnx.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-plain-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const [HIDDEN, VOCABULARY, CONTEXT] = [24, 30, 300];
const ROPE = { base: 10_000, rotated: 8, linear: 1 };
const usual: PlainShape = { layers: 2, heads: 4, kvHeads: 2, keyLength: 8, frequencies: inverseFrequencies(ROPE), scale: 1 / Math.sqrt(8), style: 'eager' };

/** A decoder of two layers, each an attention and a product. */
function graph(shape: PlainShape = usual): OnnxModel {
  const g = new GraphBuilder('decoder');
  const { layers, heads, kvHeads, keyLength } = shape;
  const weights = (name: string, ...dims: number[]) => g.constant(name, dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));
  const nodes = new PlainAttentionNodes(g, shape);
  g.node('', 'Gather', [weights('embed', VOCABULARY, HIDDEN), 'input_ids'], ['x_0']);
  for (let layer = 0; layer < layers; layer++) {
    const x = `x_${layer}`;
    const projected = (part: string, count: number) => {
      g.node('', 'MatMul', [x, weights(`w${part}_${layer}`, HIDDEN, count * keyLength)], [`${part}_${layer}`]);
      return { tensor: `${part}_${layer}`, apart: false };
    };
    const mixed = nodes.layer(layer, { q: projected('q', heads), k: projected('k', kvHeads), v: projected('v', kvHeads) }, x);
    g.node('', 'MatMul', [mixed, weights(`wo_${layer}`, heads * keyLength, HIDDEN)], [`o_${layer}`]);
    g.node('', 'Add', [x, `o_${layer}`], [`x_${layer + 1}`]);
  }
  g.node('', 'MatMul', [`x_${layers}`, weights('head', HIDDEN, VOCABULARY)], ['logits']);
  const cached = (kind: string) => Array.from({ length: layers }, (_, i) => ['key', 'value'].map((part): Port => ({ name: `${kind}.${i}.${part}`, dims: ['batch', kvHeads, kind, keyLength] }))).flat();
  const given = ['input_ids', 'attention_mask', 'position_ids'].map((name): Port => ({ name, type: 'int64', dims: ['batch', name] }));
  return decodeModel(g.finish([...given, ...cached('past_key_values')], [{ name: 'logits', dims: ['batch', 'rows', VOCABULARY] }, ...cached('present')]));
}

let files = 0;
/** Cut and measured as when it is loaded. */
async function measured(bytes: Uint8Array, { heads, kvHeads, keyLength }: PlainShape = usual): Promise<Attends[]> {
  const path = join(folder, `${files++}.onnx`);
  writeFileSync(path, bytes);
  const file = await OnnxFile.open(path);
  const cut = cutDecoder(path, file.model);
  const plain = cut.attention.flatMap(({ attends }) => ('softmax' in attends ? [attends] : []));
  return measureAttention(file, cut.graph, plain, { heads, kvHeads, keyLength }, CONTEXT);
}

const called = (model: OnnxModel, name: RegExp): OnnxNode => model.graph!.node.find(({ output }) => name.test(output[0]))!;

describe('attention in plain nodes', () => {
  it('is measured, whatever its heads, angles, scale, cap and window', async () => {
    const shapes = fc.record({
      style: fc.constantFrom('eager' as const, 'sdpa' as const), kvHeads: fc.constantFrom(1, 2, 4), keyLength: fc.constantFrom(8, 16), rotated: fc.constantFrom(4, 8),
      scale: fc.constantFrom(1 / Math.sqrt(8), 0.25, 1, 0.1), softcap: fc.constantFrom(undefined, 50, 20), window: fc.constantFrom(undefined, 5, 100), turned: fc.constantFrom(1, 1.19), base: fc.constantFrom(10_000, 1e6), linear: fc.constantFrom(1, 4),
    });
    await fc.assert(fc.asyncProperty(shapes, async ({ rotated, base, linear, ...own }) => {
      const frequencies = inverseFrequencies({ base, rotated, linear });
      const shape: PlainShape = { ...usual, ...own, frequencies };
      const found = await measured(encodeModel(graph(shape)), shape);
      expect(found.map(({ window }) => window)).toEqual([own.window ?? 0, 0]);
      for (const { rope, interleaved, softcap, scale } of found) {
        const partial = rotated < own.keyLength;
        expect(interleaved).toBe(false);
        expect(softcap).toBe(own.softcap ?? 0);
        for (const [i, radians] of inverseFrequencies(rope).entries()) expect(Math.abs(radians - frequencies[i]) * CONTEXT).toBeLessThan(1e-3);
        // Where all of a head turns, the scale of the angles is one of the scores.
        expect(rope!.scale ?? 1).toBeCloseTo(partial ? own.turned : 1, 5);
        expect(scale / own.scale).toBeCloseTo(partial ? 1 : own.turned ** 2, 4);
      }
    }), { seed: 7, numRuns: 25 });
  });

  it.each<[string, (model: OnnxModel) => void, RegExp]>([
    ['whose keys turn otherwise than its queries', (model) => { called(model, /1\/self_attn\/k_embed\/Mul_1$/).input[1] = 'cos'; }, /Softmax.* computes something else/],
    ['whose queries turn by another table', (model) => { called(model, /1\/self_attn\/q_embed\/Mul_1$/).input[1] = 'cos'; }, /Softmax.* (no angles|computes something else)/],
    ['that sees what comes later', (model) => { called(model, /^mask\/later$/).opType = 'Less'; }, /Softmax.* (other keys than the last|computes something else|scales its scores)/],
    ['whose heads share in another order', (model) => { [called(model, /0\/self_attn\/k_repeat\/Unsqueeze$/).input[1]] = called(model, /^rotary\/Unsqueeze$/).input.slice(1); }, /Softmax.* computes something else/],
    ['with a weight between projection and scores', (model) => { const mul = called(model, /0\/self_attn\/Mul$/); mul.input[1] = 'embed'; }, /Mul/],
    ['that keeps no keys', (model) => { const keys = called(model, /^present\.0\.key$/); keys.input[0] = keys.input[1]; }, /\(Concat\) does not add keys or values to those of an input/],
    ['whose shares are read twice', (model) => { const end = called(model, /^x_2$/); end.input[0] = '/model/layers.1/self_attn/Softmax'; }, /gives what 2 nodes read/],
    ['whose softmax mixes other things', (model) => { called(model, /0\/self_attn\/MatMul_1$/).opType = 'Sub'; }, /\(Sub\) follows a softmax and does not multiply/],
    ['that holds a graph of its own', (model) => { called(model, /^rotary\/Cos$/).attribute.push({ name: 'then_branch', type: 5, f: 0, i: 0, ints: [], t: null }); }, /holds a graph of its own/],
    ['with two softmaxes in a row', (model) => { called(model, /0\/self_attn\/Add$/).opType = 'Softmax'; }, /Softmax/],
  ])('%s is refused by the name of its node', async (_, change, sentence) => {
    const model = graph();
    change(model);
    const refusal = await measured(encodeModel(model)).then(() => 'not refused', (error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'onnxUnfit', message: expect.stringMatching(sentence) as string });
  });

  it('whose nodes were exchanged, led elsewhere or given other numbers computes attention, or is refused within a second', async () => {
    const below = randomBelow(11);
    const operations = ['Add', 'Mul', 'Transpose', 'Softmax', 'Concat', 'Reshape', 'Shape', 'Neg', 'MatMul', 'Where', 'Cast', 'Expand', 'Slice', 'Identity', 'Range', 'If', 'GroupQueryAttention'];
    let [refused, slowest] = [0, 0];
    for (let i = 0; i < 150; i++) {
      const model = graph(below(2) === 0 ? usual : { ...usual, style: 'sdpa', softcap: 50, window: 9 });
      const { node, initializer } = model.graph!;
      for (let changes = 1 + below(3); changes > 0; changes--) {
        const one = node[below(node.length)];
        const other = node[below(node.length)];
        const how = below(5);
        if (how === 0) one.opType = operations[below(operations.length)];
        else if (how === 1 && one.input.length > 0) one.input[below(one.input.length)] = other.output[0];
        else if (how === 2) node.splice(below(node.length), 1);
        else if (how === 3) one.input = one.input.toReversed();
        else {
          const tensor = initializer[below(initializer.length)];
          tensor.rawData = mutate(Buffer.from(tensor.rawData), [], below).subarray(0, tensor.rawData.length);
        }
      }
      const began = performance.now();
      try {
        await measured(encodeModel(model));
      } catch (error) {
        if (!(error instanceof DeltaError)) throw new Error(`change ${i}: ${String(error)}`, { cause: error });
        refused++;
      }
      slowest = Math.max(slowest, performance.now() - began);
    }
    console.log(`${refused} of 150 changed graphs refused; the slowest took ${slowest.toFixed(0)} ms`);
    expect(refused).toBeGreaterThan(75);
  });

  it('of sizes that nothing holds is refused', async () => {
    for (const size of [2n ** 20n, 2n ** 28n, 2n ** 40n, 2n ** 60n, -(2n ** 60n)]) {
      const model = graph();
      for (const tensor of model.graph!.initializer) if (tensor.dataType === 7) tensor.rawData = new Uint8Array(BigInt64Array.from({ length: tensor.rawData.length / 8 }, () => size).buffer);
      await expect(measured(encodeModel(model))).rejects.toMatchObject({ code: 'onnxUnfit' });
    }
  });
});
