// Our logits beside llama.cpp's, of the same file and the same text.
import { CancelFlag } from '../../src/shared/cancel.ts';
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

/** Compares the logits behind `positions` of one text. */
export async function compare(engine: Engine, peer: Peer, ids: number[], positions: number[]): Promise<Agreement> {
  const theirs = await peer.logProbabilities(ids, positions);
  const result: Agreement = { positions: positions.length, top1: 0, near: 0, cosine: 0, worst: 1 };
  const lease = engine.cache.lease(new Int32Array(0));
  for (const [i, position] of positions.entries()) {
    // Chunks end at the wanted positions: the head runs on their rows only.
    let row: Float32Array | undefined;
    while (lease.length <= position) {
      const chunk = ids.slice(lease.length, Math.min(position + 1, lease.length + engine.forward.chunk));
      row = await step(engine.forward, lease, chunk, lease.length + chunk.length > position ? 'last' : 'none', noCancel);
    }
    const similarity = cosine(row!, theirs[i]);
    const [own, best] = [argmax(row!), argmax(theirs[i])];
    if (own === best) result.top1 += 1 / positions.length;
    if (theirs[i][best] - theirs[i][own] <= TIE) result.near += 1 / positions.length;
    result.cosine += similarity / positions.length;
    result.worst = Math.min(result.worst, similarity);
  }
  lease.release();
  console.log(`${engine.forward.manifest.source.file}: ${positions.length} positions up to ${Math.max(...positions)}, top-1 ${(100 * result.top1).toFixed(2)} % (${(100 * result.near).toFixed(2)} % up to ties), cosine mean ${result.cosine.toFixed(6)}, worst ${result.worst.toFixed(6)}`);
  return result;
}
