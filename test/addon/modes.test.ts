// The three ways to keep keys: exact, balanced, compact. Fewer bytes, further from dense attention, in that order.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttentionMode } from '../../src/session/protocol.ts';
import type { Engine } from '../../src/session/engine.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, TINY_F16 } from '../support/engine.ts';

const MODES = ['dense', 'delta', 'compact'] as const satisfies AttentionMode[];
const source = ['1-inventory.ts', '2-weather.py', '3-ring_buffer.h'].map((name) => readFileSync(`models/calibration/${name}`, 'utf8')).join('\n');
const TOKENS = 1536;

interface Seen {
  recipe: string;
  bytes: number;
  /** Share of zeros among the coded key elements. */
  zeros: number;
  text: string;
  logits: Float32Array;
}
const seen = {} as Record<(typeof MODES)[number], Seen>;
let engine: Engine;

beforeAll(async () => {
  for (const attention of MODES) {
    engine = await openEngine(TINY_F16, { attention, threads: 1 });
    const ids = Int32Array.from(engine.tokenizer.encode(source).slice(0, TOKENS));
    expect(ids.length).toBe(TOKENS);
    const lease = engine.cache.lease(new Int32Array(0));
    const logits = new Float32Array(ids.length * engine.forward.manifest.shape.vocabulary);
    for (let at = 0; at < ids.length; at += engine.forward.chunk) {
      lease.begin(ids.subarray(at, at + engine.forward.chunk));
      logits.set((await engine.forward.run(ids.subarray(at, at + engine.forward.chunk), lease, 'all'))!, at * engine.forward.manifest.shape.vocabulary);
      lease.commit();
    }
    let [zeros, elements] = [0, 0];
    for (let i = 0; i < lease.table.size; i++) {
      const info = engine.addon.blockInfo(engine.cache.store, lease.table.handle(i));
      zeros += info.keyZeros;
      elements += info.keyElements;
    }
    const bytes = engine.cache.bytes;
    lease.release();
    const { text } = await engine.generate({ prompt: { tokens: [...ids] }, max: 8, sampling: { temperature: 0 } }, new CancelFlag());
    seen[attention] = { recipe: engine.describe().recipe, bytes, zeros: elements > 0 ? zeros / elements : 0, text, logits };
    await engine.close();
  }
});
afterAll(() => engine.close().catch(() => {}));

/** KL(dense ‖ other), mean over the second half, nats. */
function divergence(other: Float32Array): number {
  const { vocabulary } = engine.forward.manifest.shape;
  const dense = seen.dense.logits;
  const softmax = (row: Float32Array) => {
    const largest = row.reduce((a, b) => Math.max(a, b));
    const sum = Math.log(row.reduce((s, x) => s + Math.exp(x - largest), 0)) + largest;
    return Float64Array.from(row, (x) => x - sum);
  };
  let total = 0;
  for (let t = TOKENS / 2; t < TOKENS; t++) {
    const [p, q] = [dense, other].map((rows) => softmax(rows.subarray(t * vocabulary, (t + 1) * vocabulary)));
    total += p.reduce((s, x, i) => s + Math.exp(x) * (x - q[i]), 0);
  }
  return total / (TOKENS / 2);
}

describe('exact, balanced and compact', () => {
  it('are told apart by their recipes', () => expect(new Set(MODES.map((mode) => seen[mode].recipe)).size).toBe(3));

  it('take fewer bytes each than the one before', () => {
    expect(seen.delta.bytes).toBeLessThan(seen.dense.bytes);
    expect(seen.compact.bytes).toBeLessThan(seen.delta.bytes);
  });

  it('have the zeros that they were solved for', () => {
    expect(seen.dense.zeros).toBe(0);
    expect(Math.abs(seen.delta.zeros - 0.6)).toBeLessThan(0.03);
    expect(Math.abs(seen.compact.zeros - 0.7)).toBeLessThan(0.03);
    const { delta } = engine.forward.manifest;
    const mean = (shares: number[]) => shares.reduce((a, b) => a + b, 0) / shares.length;
    expect(Math.abs(mean(delta.keySparsity) - 0.6)).toBeLessThan(0.01);
    expect(Math.abs(mean(delta.compactSparsity) - 0.7)).toBeLessThan(0.01);
  });

  it('come from thresholds that rise with the sparsity, one for a layer; not in layers that have reached their bound', () => {
    const { delta: balanced, compact } = engine.tables;
    for (const [layer, { threshold }] of balanced.entries()) {
      expect(new Set(threshold).size).toBe(1);
      expect(new Set(compact[layer].threshold).size).toBe(1);
      expect(compact[layer].threshold[0]).toBeGreaterThanOrEqual(threshold[0]);
    }
    expect(balanced.some(({ threshold }, layer) => compact[layer].threshold[0] > threshold[0])).toBe(true);
  });

  it('differ from dense attention, the compact one more', () => {
    const [balanced, compact] = [divergence(seen.delta.logits), divergence(seen.compact.logits)];
    expect(balanced).toBeGreaterThan(0);
    expect(compact).toBeGreaterThan(balanced);
    expect(compact).toBeLessThan(0.1);
  });

  it('all generate', () => {
    for (const mode of MODES) expect(seen[mode].text.length).toBeGreaterThan(0);
  });
});
