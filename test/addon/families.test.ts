// Families whose layers attend otherwise than LLaMA's, through the whole engine in delta mode, on small random files: it is measured, its keys are coded, and a text gives the same bits
// in any pieces. What dense logits ought to be, test/parity/families.test.ts says.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/session/engine.ts';
import { step } from '../../src/session/session.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine } from '../support/engine.ts';
import { writeRandomLlama, type RandomFamily } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-families-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ids = Array.from({ length: 700 }, (_, i) => (i * 7919 + 13) % 900);

/** The logits behind the last token, read in pieces of that size, and the share of zeros among the coded deltas. */
async function lastLogits(engine: Engine, piece: number): Promise<{ logits: Float32Array; coded: number }> {
  const lease = engine.cache.lease(new Int32Array(0));
  try {
    let logits: Float32Array | undefined;
    for (let at = 0; at < ids.length; at += piece) logits = await step(engine.forward, lease, ids.slice(at, at + piece), at + piece < ids.length ? 'none' : 'last', new CancelFlag());
    return { logits: logits!.slice(), coded: lease.coded().elements };
  } finally {
    lease.release();
    engine.cache.clear();
  }
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] ** 2;
    bb += b[i] ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

/** So many layers that there is one of each kind. */
const LAYERS: [RandomFamily, number][] = [['starcoder2', 2], ['gemma2', 2], ['gemma3', 6], ['smollm3', 4]];

describe.each(LAYERS)('a model of the family %s', (family, layers) => {
  it('runs in delta mode: near its dense logits, and with the same bits in any pieces', async () => {
    const path = join(folder, `${family}.gguf`);
    writeRandomLlama(path, { layers, hidden: 128, heads: 2, kvHeads: 1, headDim: 64, ffn: 256, vocabulary: 1024, tied: true, ropeBase: 1e5, context: 2048, seed: 4, scoreSpread: 1, family, type: 'Q8_0' });
    const [dense, delta] = [await openEngine(path, { attention: 'dense' }), await openEngine(path, { attention: 'delta' })];
    try {
      const expected = await lastLogits(dense, 64);
      const whole = await lastLogits(delta, 64);
      const similarity = cosine(whole.logits, expected.logits);
      console.log(`${family}: cosine of delta and dense ${similarity.toFixed(5)}, ${whole.coded} elements coded`);
      expect(whole.coded).toBeGreaterThan(0);
      expect(similarity).toBeGreaterThan(0.95);
      expect(similarity).toBeLessThan(1);
      expect((await lastLogits(delta, 17)).logits).toEqual(whole.logits);
    } finally {
      await dense.close();
      await delta.close();
    }
  });
});
