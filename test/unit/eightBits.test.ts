import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inEightBits } from '../../src/model/run/eightBits.ts';
import { float16ToNumber } from '../../src/shared/float16.ts';

describe('numbers of eight bits', () => {
  it('are what they were to half a step of their block, and zeros stay zeros', () => {
    fc.assert(fc.property(fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), { minLength: 64, maxLength: 64 }), fc.boolean(), (numbers, empty) => {
      const values = Float32Array.from(numbers, (x, i) => (empty && i < 32 ? 0 : x));
      const bytes = inEightBits(values);
      expect(bytes.length).toBe(68);
      for (const [i, value] of values.entries()) {
        const block = Math.floor(i / 32) * 34;
        const scale = float16ToNumber(bytes.readUInt16LE(block));
        const most = values.subarray(32 * Math.floor(i / 32), 32 * Math.floor(i / 32) + 32).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        // The scale itself is rounded to a float16, whose smallest step is 2⁻²⁴.
        expect(Math.abs(bytes.readInt8(block + 2 + (i % 32)) * scale - value)).toBeLessThanOrEqual(0.5 * scale + most / 1000 + 127 * 2 ** -25);
      }
    }), { seed: 8, numRuns: 200 });
  });
});
