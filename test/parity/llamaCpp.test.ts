// Same file, same numbers: dense mode against llama.cpp (node-llama-cpp) on the same GGUF.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/session/engine.ts';
import { step } from '../../src/session/session.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openPeer, peerUnsupported, type Peer } from '../support/peer.ts';
import { openEngine, STARTER_F16, STARTER_Q8 } from '../support/engine.ts';
import { randomModel } from '../support/models.ts';

/** Code that the starter was not trained on: this repository is younger. A copy, so that the figures do not move when the sources do. */
const HELD_OUT = 'test/fixtures/heldOut.txt';
/** As it is today, for what must hold whatever the text. */
const SOURCES = ['src/cache/lease.ts', 'src/model/import/importModel.ts', 'native/kv/encode.cc', 'test/parity/cacheIdentity.test.ts'];

interface Agreement {
  positions: number;
  top1: number;
  /** Mean and smallest cosine of the centred logits. */
  cosine: number;
  worst: number;
}

const noCancel = new CancelFlag();
const argmax = (values: Float32Array) => values.reduce((best, x, i) => (x > values[best] ? i : best), 0);

/** llama.cpp gives log-probabilities, which are logits up to a constant: both are centred before the cosine. */
function cosine(a: Float32Array, b: Float32Array): number {
  const mean = (v: Float32Array) => v.reduce((x, y) => x + y, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

/** Compares the logits behind `positions` of one text. */
async function check(engine: Engine, peer: Peer, ids: number[], positions: number[]): Promise<Agreement> {
  const theirs = await peer.logProbabilities(ids, positions);
  const result: Agreement = { positions: positions.length, top1: 0, cosine: 0, worst: 1 };
  const lease = engine.cache.lease(new Int32Array(0));
  for (const [i, position] of positions.entries()) {
    // Chunks end at the wanted positions: the head runs on their rows only.
    let row: Float32Array | undefined;
    while (lease.length <= position) {
      const chunk = ids.slice(lease.length, Math.min(position + 1, lease.length + engine.forward.chunk));
      row = await step(engine.forward, lease, chunk, lease.length + chunk.length > position ? 'last' : 'none', noCancel);
    }
    const similarity = cosine(row!, theirs[i]);
    if (argmax(row!) === argmax(theirs[i])) result.top1 += 1 / positions.length;
    result.cosine += similarity / positions.length;
    result.worst = Math.min(result.worst, similarity);
  }
  lease.release();
  console.log(`${engine.forward.manifest.source.file}: ${positions.length} positions up to ${Math.max(...positions)}, top-1 ${(100 * result.top1).toFixed(2)} %, cosine mean ${result.cosine.toFixed(6)}, worst ${result.worst.toFixed(6)}`);
  return result;
}

describe.skipIf(peerUnsupported())('dense mode gives the numbers of llama.cpp', () => {
  describe.each([
    { name: 'F16', model: STARTER_F16, top1: 0.99, least: 0.9995 },
    { name: 'Q8_0', model: STARTER_Q8, top1: 0.98, least: 0.999 },
  ])('the starter in $name', ({ model, top1, least }) => {
    let engine: Engine;
    let peer: Peer;
    beforeAll(async () => {
      engine = await openEngine(model, { attention: 'dense' });
      peer = await openPeer(model, { threads: 2, contextSize: 4096 });
    });
    afterAll(async () => {
      await engine.close();
      await peer.dispose();
    });

    // Every position, because agreement at 1 000 of them has a standard error of a third of a percent.
    test(`over 3 000 held-out positions top-1 agrees in ≥ ${top1}, the cosine is ≥ ${least}`, async () => {
      const ids = peer.tokenize(readFileSync(HELD_OUT, 'utf8')).slice(0, 3000);
      expect(ids).toHaveLength(3000);
      const agreement = await check(engine, peer, ids, [...ids.keys()]);
      expect(agreement.top1).toBeGreaterThanOrEqual(top1);
      expect(agreement.cosine).toBeGreaterThanOrEqual(least);
    });

    test('tokens are the same on every source file of the repository that is listed here', () => {
      for (const path of [HELD_OUT, ...SOURCES]) {
        const text = readFileSync(path, 'utf8');
        expect(engine.tokenizer.encode(text)).toEqual(peer.tokenize(text));
      }
    });

    test('greedy text is the same where the margin allows', async () => {
      const prompt = engine.tokenizer.encode('export function readText(path: string): string {\n  ');
      const theirs = await peer.greedy(prompt, 12);
      const ours = await engine.generate({ prompt: { tokens: prompt }, max: 12, sampling: { temperature: 0 } }, noCancel);
      expect(ours.text).toBe(engine.tokenizer.decode(theirs));
    });
  });

  test('a random 4-layer file of the LLaMA-3.2-1B shape in Q4_0: cosine ≥ 0.998 at positions up to 16 384', async () => {
    const model = randomModel('llama32_1b_4layers');
    const length = 16_384;
    const engine = await openEngine(model, { attention: 'dense', cacheBytes: 8e9 });
    // A full context would make the peer drop its beginning.
    const peer = await openPeer(model, { threads: 2, contextSize: length + 64 });
    try {
      const ids = Array.from({ length }, (_, i) => (i * 7919 + 13) % 100_000);
      const positions = [0, 1, 63, 64, 511, 1000, 2047, 4095, 6000, 8191, 10_000, 12_345, 14_000, 16_000, length - 1];
      const agreement = await check(engine, peer, ids, positions);
      expect(agreement.worst).toBeGreaterThanOrEqual(0.998);
    } finally {
      await engine.close();
      await peer.dispose();
    }
  });
});
