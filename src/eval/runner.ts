// One context through the model with one form of far keys, compared position by position with dense attention on the same text.
import type { Forward, LayerAttention } from '../model/forward.ts';
import type { OnnxAttention, FarForm, Probe } from './onnxAttention.ts';

/** What is summed over the scored positions of a context. */
export interface Tally {
  positions: number;
  /** −log p of the true next token, nats. */
  loss: number;
  denseLoss: number;
  /** KL(dense ‖ this), nats. */
  kl: number;
  /** Same most likely token as dense. */
  agree: number;
  /** Squared error of far scores (scaled, nats) and their number, over probed queries. */
  squaredError: number;
  farScores: number;
  /** Attention on the sink tokens, per layer and head `[layers · heads]`, over `probes` queries. */
  sinkMass: Float64Array;
  probes: number;
  /** Keys that the probed queries read, and those of them that are far. */
  keysRead: number;
  keysFar: number;
}

/** Dense log-probabilities at the scored positions of one context, `[positions, vocabulary]`. */
export interface Dense {
  start: number;
  logProbabilities: Float32Array;
  tally: Tally;
}

/** Attention that is told where a chunk begins and ends: a lease of the engine's cache is one. */
export interface ChunkAttention extends LayerAttention {
  begin?(ids: Int32Array): void;
  commit?(): void;
}

export class Runner {
  constructor(
    readonly forward: Forward,
    readonly attention: OnnxAttention,
    /** Tokens counted as sinks in `sinkMass`. */
    private readonly sinks: number,
    private readonly cancelled: () => boolean = () => false,
  ) {}

  /** The dense reference of a context; positions ≥ `start` that have a next token are scored. */
  async dense(ids: Int32Array, start: number): Promise<Dense> {
    const { vocabulary } = this.forward.manifest.shape;
    const logProbabilities = new Float32Array((ids.length - 1 - start) * vocabulary);
    const tally = this.emptyTally();
    await this.run(ids, start, undefined, tally, (position, logits) => {
      const normalizer = logSumExp(logits);
      const at = (position - start) * vocabulary;
      for (let v = 0; v < vocabulary; v++) logProbabilities[at + v] = logits[v] - normalizer;
      tally.positions++;
      tally.loss -= logProbabilities[at + ids[position + 1]];
      tally.agree++;
    });
    tally.denseLoss = tally.loss;
    return { start, logProbabilities, tally };
  }

  /** The same context with `far`, compared with the reference. */
  async compare(ids: Int32Array, reference: Dense, far: FarForm | undefined): Promise<Tally> {
    const tally = this.emptyTally();
    await this.run(ids, reference.start, far, tally, this.comparison(ids, reference, () => tally));
    return tally;
  }

  /** The same context with another attention altogether: a tally for each part that has scored positions; nothing is probed. @param starts where parts begin, rising from 0 */
  async compareOther(ids: Int32Array, reference: Dense, attention: ChunkAttention, starts: readonly number[] = [0]): Promise<Tally[]> {
    const tallies = starts.map(() => this.emptyTally());
    await this.chunks(ids, reference.start, attention, this.comparison(ids, reference, (position) => tallies[starts.findLastIndex((start) => start <= position)]));
    return tallies.filter(({ positions }) => positions > 0);
  }

  private comparison(ids: Int32Array, reference: Dense, tallyOf: (position: number) => Tally): Visit {
    const { vocabulary } = this.forward.manifest.shape;
    return (position, logits) => {
      const at = (position - reference.start) * vocabulary;
      const dense = reference.logProbabilities.subarray(at, at + vocabulary);
      const normalizer = logSumExp(logits);
      let kl = 0;
      let [best, denseBest] = [0, 0];
      for (let v = 0; v < vocabulary; v++) {
        // The same rounding as in the reference, so that equal logits give exactly 0.
        kl += Math.exp(dense[v]) * (dense[v] - Math.fround(logits[v] - normalizer));
        if (logits[v] > logits[best]) best = v;
        if (dense[v] > dense[denseBest]) denseBest = v;
      }
      const tally = tallyOf(position);
      const next = ids[position + 1];
      tally.positions++;
      tally.kl += kl;
      tally.loss -= Math.fround(logits[next] - normalizer);
      tally.denseLoss -= dense[next];
      if (best === denseBest) tally.agree++;
    };
  }

  private emptyTally(): Tally {
    const { layers, heads } = this.forward.manifest.shape;
    return { positions: 0, loss: 0, denseLoss: 0, kl: 0, agree: 0, squaredError: 0, farScores: 0, sinkMass: new Float64Array(layers * heads), probes: 0, keysRead: 0, keysFar: 0 };
  }

  private async run(ids: Int32Array, start: number, far: FarForm | undefined, tally: Tally, visit: Visit): Promise<void> {
    this.attention.reset(far);
    this.attention.probe = (probe) => {
      if (probe.position >= start) this.measure(probe, far, tally);
    };
    await this.chunks(ids, start, this.attention, visit);
    this.attention.probe = undefined;
  }

  private async chunks(ids: Int32Array, start: number, attention: ChunkAttention, visit: Visit): Promise<void> {
    const { forward } = this;
    const { vocabulary } = forward.manifest.shape;
    for (let at = 0; at < ids.length && !this.cancelled(); at += forward.chunk) {
      const chunk = ids.subarray(at, at + forward.chunk);
      attention.begin?.(chunk);
      const logits = await forward.run(chunk, attention, at + chunk.length > start ? 'all' : 'none');
      attention.commit?.();
      if (!logits) continue;
      for (let i = Math.max(0, start - at); i < chunk.length && at + i + 1 < ids.length; i++) visit(at + i, logits.subarray(i * vocabulary, (i + 1) * vocabulary));
    }
  }

  /** Score error over the far keys, and the weight of the sinks, as one query head sees them. */
  private measure({ layer, head, position, query, exact, read, farEnd }: Probe, far: FarForm | undefined, tally: Tally): void {
    const length = query.length;
    const begin = Math.min(far?.region.sinks ?? 0, farEnd);
    const scores = new Float64Array(position + 1);
    let most = -Infinity;
    for (let t = 0; t <= position; t++) {
      const isFar = t >= begin && t < farEnd;
      if (isFar && far?.masked) {
        scores[t] = -Infinity;
        continue;
      }
      let score = 0;
      for (let j = 0; j < length; j++) score += query[j] * read[t * length + j];
      scores[t] = score;
      if (score > most) most = score;
      if (!isFar) continue;
      let error = -score;
      for (let j = 0; j < length; j++) error += query[j] * exact[t * length + j];
      tally.squaredError += error * error;
      tally.farScores++;
    }
    let sum = 0;
    let sinks = 0;
    for (let t = 0; t <= position; t++) {
      const weight = Math.exp(scores[t] - most);
      sum += weight;
      if (t < this.sinks) sinks += weight;
    }
    const { heads } = this.forward.manifest.shape;
    tally.sinkMass[layer * heads + head] += sinks / sum;
    if (layer === 0 && head === 0) {
      tally.probes++;
      tally.keysRead += position + 1;
      tally.keysFar += farEnd - begin;
    }
  }
}

type Visit = (position: number, logits: Float32Array) => void;

function logSumExp(logits: Float32Array): number {
  let most = -Infinity;
  for (let v = 0; v < logits.length; v++) if (logits[v] > most) most = logits[v];
  let sum = 0;
  for (let v = 0; v < logits.length; v++) sum += Math.exp(logits[v] - most);
  return most + Math.log(sum);
}
