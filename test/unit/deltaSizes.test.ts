// θ of a layer is found by the sizes of its deltas: the same tables, bit for bit, as by coding the keys at each step.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { codeKeys } from '../../src/attention/reference.ts';
import { channelStatistics, LAWS, thresholdShape } from '../../src/attention/thresholdLaw.ts';
import { solveLayer } from '../../src/model/measure/calibrate.ts';
import { splitHeads } from '../../src/model/measure/heads.ts';
import { DeltaSizes } from '../../src/model/measure/deltaSizes.ts';

const [kvHeads, length] = [2, 4];
const key = fc.oneof({ weight: 20, arbitrary: fc.float({ min: -8, max: 8, noNaN: true }) }, { weight: 1, arbitrary: fc.constantFrom(0, 1e30, -3e38, NaN, Infinity) });
const rows = fc.array(fc.array(key, { minLength: kvHeads * length, maxLength: kvHeads * length }), { minLength: 2, maxLength: 150 });
const code = (head: Float64Array, _h: number, threshold: Float64Array, step?: Float32Array) => codeKeys(head, length, { reference: 'mean', threshold, step });

it('shares of zeros, and the largest that is kept, are those of the code', () => {
  fc.assert(fc.property(rows, fc.double({ min: 0, max: 10, noNaN: true }), (keys, alpha) => {
    const heads = splitHeads(Float32Array.from(keys.flat()), kvHeads, length);
    const shape = Float64Array.from({ length: kvHeads * length }, (_, c) => 0.5 + (c % 3));
    const coded = heads.map((head, h) => code(head, h, shape.subarray(h * length, (h + 1) * length).map((s) => alpha * s)));
    const sizes = new DeltaSizes(heads, length);
    expect(sizes.zeros(shape, alpha)).toBe(coded.reduce((n, { zeros }) => n + zeros, 0) / coded.reduce((n, { elements }) => n + elements, 0));
    expect(sizes.largest(shape, alpha)).toEqual(coded.map(({ largest }) => largest));
  }));
});

it.each(LAWS)('tables of the law %s are the same', (law) => {
  fc.assert(fc.property(fc.array(fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: kvHeads * length, maxLength: kvHeads * length }), { minLength: 2, maxLength: 150 }), fc.constantFrom(0.3, 0.6, 0.7), (keys, sparsity) => {
    const flat = Float32Array.from(keys.flat());
    const heads = splitHeads(flat, kvHeads, length);
    const statistics = channelStatistics(flat, flat, kvHeads, 1, length);
    fc.pre(thresholdShape(law, statistics).every((s) => s > 0));
    expect(solveLayer(heads, statistics, law, sparsity, code, new DeltaSizes(heads, length))).toEqual(solveLayer(heads, statistics, law, sparsity, code));
  }), { numRuns: 30 });
});
