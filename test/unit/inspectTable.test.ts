import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { channelStatistics } from '../../src/attention/thresholdLaw.ts';
import { along, bar } from '../../src/cli/inspectTable.ts';
import { Lag1 } from '../../src/inspect/lag1.ts';

describe('a bar', () => {
  it('is as long as its share, whatever the share', () => {
    expect([bar(0), bar(0.5), bar(1), bar(null), bar(2), bar(-1)]).toEqual(['············', '██████······', '████████████', '············', '████████████', '············']);
    fc.assert(fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
      expect([...bar(share)]).toHaveLength(12);
    }));
  });
});

describe('the line along a file', () => {
  it('rises with its values and has at most 64 columns', () => {
    expect(along([0, 1, 2, 7.9, 8])).toBe('▁▂▃██');
    expect(along([0, 0])).toBe('▁▁');
    fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 9, noNaN: true }), { minLength: 1, maxLength: 300 }), (values) => {
      expect([...along(values)]).toHaveLength(Math.min(64, values.length));
      if (Math.max(...values) > 0 && values.length <= 64) expect(along(values)).toContain('█');
    }));
  });
});

describe('lag-1 autocorrelation, row by row', () => {
  it('is that of all rows at once', () => {
    fc.assert(fc.property(fc.integer({ min: 2, max: 40 }), fc.double({ min: -50, max: 50, noNaN: true }), fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })), (rows, offset, stream) => {
      const keys = Float32Array.from({ length: rows * 3 }, (_, i) => (i % 3 === 2 ? 5 : offset + stream.next().value!));
      const lag = new Lag1(3);
      for (let t = 0; t < rows; t++) lag.push(keys.subarray(t * 3, (t + 1) * 3));
      const { lag1, spread } = channelStatistics(keys, new Float32Array(0), 1, 0, 3);
      lag.values().forEach((value, c) => {
        if (spread[c] > 1e-2) expect(value).toBeCloseTo(lag1[c], 5);
      });
      expect(lag.values()[2]).toBe(0);
    }));
  });
});
