import { describe, expect, it } from 'vitest';
import { channelStatistics, LAWS, thresholdShape } from '../../src/attention/thresholdLaw.ts';
import { random } from '../../src/shared/random.ts';

const [TOKENS, KV, GROUP, LENGTH] = [50, 2, 3, 4];
const draw = random(1);
const noise = (n: number) => Float32Array.from({ length: n }, () => draw() * 4 - 1);
const keys = noise(TOKENS * KV * LENGTH);
const queries = noise(TOKENS * KV * GROUP * LENGTH);
const statistics = channelStatistics(keys, queries, KV, GROUP, LENGTH);

const mean = (x: number[]) => x.reduce((a, b) => a + b, 0) / x.length;

describe('channel statistics', () => {
  it('are what a plain computation gives, channel by channel', () => {
    for (let h = 0; h < KV; h++) {
      for (let j = 0; j < LENGTH; j++) {
        const c = h * LENGTH + j;
        const column = Array.from({ length: TOKENS }, (_, t) => keys[(t * KV + h) * LENGTH + j]);
        const m = mean(column);
        expect(statistics.spread[c]).toBeCloseTo(Math.sqrt(mean(column.map((x) => (x - m) ** 2))), 12);
        expect(statistics.difference[c]).toBeCloseTo(Math.sqrt(mean(column.slice(1).map((x, t) => (x - column[t]) ** 2))), 12);
        const covariance = column.slice(1).reduce((sum, x, t) => sum + (x - m) * (column[t] - m), 0);
        expect(statistics.lag1[c]).toBeCloseTo(covariance / column.reduce((sum, x) => sum + (x - m) ** 2, 0), 12);
        const read = Array.from({ length: TOKENS * GROUP }, (_, i) => queries[(Math.floor(i / GROUP) * KV * GROUP + h * GROUP + (i % GROUP)) * LENGTH + j]);
        expect(statistics.query[c]).toBeCloseTo(Math.sqrt(mean(read.map((x) => x * x))), 12);
      }
    }
  });

  it('say 0 for a constant channel', () => {
    const { spread, difference, lag1 } = channelStatistics(new Float32Array(TOKENS).fill(3), new Float32Array(TOKENS).fill(1), 1, 1, 1);
    expect([spread[0], difference[0], lag1[0]]).toEqual([0, 0, 0]);
  });
});

describe('threshold laws', () => {
  it.each(LAWS)('%s gives a positive threshold for every channel, dead ones too', (law) => {
    const dead = channelStatistics(new Float32Array(TOKENS * 2), new Float32Array(TOKENS * 2), 1, 1, 2);
    for (const shape of [thresholdShape(law, statistics), thresholdShape(law, dead)]) expect(shape.every((x) => x > 0 && Number.isFinite(x))).toBe(true);
  });

  it('are in proportion to what they are named after', () => {
    const [sigma, query] = [thresholdShape('sigma', statistics), thresholdShape('query', statistics)];
    for (let c = 1; c < KV * LENGTH; c++) {
      expect(sigma[c] / sigma[0]).toBeCloseTo(statistics.difference[c] / statistics.difference[0], 12);
      expect(query[c] * statistics.query[c]).toBeCloseTo(query[0] * statistics.query[0], 12);
    }
  });
});
