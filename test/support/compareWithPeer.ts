// Our logits beside llama.cpp's, of the same file and the same text.
import { CancelFlag } from '../../src/shared/cancel.ts';
import type { Lease } from '../../src/cache/lease.ts';
import type { Engine } from '../../src/session/engine.ts';
import { step } from '../../src/session/session.ts';
import type { Peer } from './peer.ts';

export interface Agreement {
  positions: number;
  top1: number;
  /** The same, where a token that the other engine holds for less likely by at most `TIE` counts as its best. */
  near: number;
  /** Mean and smallest cosine of the centred logits. */
  cosine: number;
  worst: number;
}

/** Nats. Where activations are rounded to 8 bits, such a lead turns around; random weights have many. */
export const TIE = 0.1;

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

/** Our logits behind each of `positions`, ascending: the head runs on their rows only, and on those that follow each other at once. */
async function* rowsBehind({ forward }: Engine, lease: Lease, ids: number[], positions: number[]): AsyncGenerator<Float32Array> {
  const { vocabulary } = forward.manifest.shape;
  for (let i = 0, n = 1; i < positions.length; i += n, n = 1) {
    while (lease.length < positions[i]) await step(forward, lease, ids.slice(lease.length, Math.min(positions[i], lease.length + forward.chunk)), 'none', noCancel);
    while (n < forward.chunk && positions[i + n] === positions[i] + n) n++;
    const rows = await step(forward, lease, ids.slice(lease.length, lease.length + n), n > 1 ? 'all' : 'last', noCancel);
    for (let row = 0; row < n; row++) yield rows!.subarray(row * vocabulary, (row + 1) * vocabulary);
  }
}

/** Compares the logits behind `positions` of one text. */
export async function compare(engine: Engine, peer: Peer, ids: number[], positions: number[]): Promise<Agreement> {
  const theirs = await peer.logProbabilities(ids, positions);
  const result: Agreement = { positions: positions.length, top1: 0, near: 0, cosine: 0, worst: 1 };
  const lease = engine.cache.lease(new Int32Array(0));
  let i = 0;
  for await (const row of rowsBehind(engine, lease, ids, positions)) {
    const peers = theirs[i++];
    const similarity = cosine(row, peers);
    const [own, best] = [argmax(row), argmax(peers)];
    if (own === best) result.top1 += 1 / positions.length;
    if (peers[best] - peers[own] <= TIE) result.near += 1 / positions.length;
    result.cosine += similarity / positions.length;
    result.worst = Math.min(result.worst, similarity);
  }
  lease.release();
  console.log(`${engine.forward.manifest.source.file}: ${positions.length} positions up to ${Math.max(...positions)}, top-1 ${(100 * result.top1).toFixed(2)} % (${(100 * result.near).toFixed(2)} % up to ties), cosine mean ${result.cosine.toFixed(6)}, worst ${result.worst.toFixed(6)}`);
  return result;
}
