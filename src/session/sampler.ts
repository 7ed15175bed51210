// Logits → the next token. Deterministic: the same options, seed and logits give the same ids.
// The filters come in the order of llama.cpp's default chain:
//   repetition penalty → top-k → top-p → min-p → temperature → draw
// so top-p and min-p see the distribution before temperature. At temperature 0 only the penalty acts and the best id is taken.
import type { BestLogits } from '../binding/addon.ts';
import { DeltaError } from '../shared/errors.ts';
import { random } from '../shared/random.ts';
import { bestLogits, type FindBest } from './bestLogits.ts';

export interface SamplerOptions {
  /** 0 (default): greedy. */
  temperature?: number;
  /** Keep the k best; 0 (default 40): all. */
  topK?: number;
  /** Keep the best whose probabilities reach p together; 1: all. Default 0.95. */
  topP?: number;
  /** Keep what is at least this fraction as likely as the best; 0: all. Default 0.05. */
  minP?: number;
  /** Recent tokens: positive logits are divided by this, others multiplied. 1 (default): off. */
  repetitionPenalty?: number;
  /** How many accepted tokens count as recent. Default 64. */
  repetitionLastN?: number;
  /** 32 bits for mulberry32. Default 0. */
  seed?: number;
}

export interface Sampled {
  id: number;
  /** Natural logarithm, under the softmax of the logits as they came, without penalty, filter or temperature. */
  logProbability: number;
}

export class Sampler {
  private readonly temperature: number;
  private readonly topK: number;
  private readonly topP: number;
  private readonly minP: number;
  private readonly penalty: number;
  private readonly recent: Recent;
  private readonly random: () => number;
  private penalised = new Float32Array(0);
  private readonly one = new Int32Array(1);
  /** The ids that were found last, best first. */
  private best = new Int32Array(1);

  /** @param find looks through the vocabulary; native where speed counts */
  constructor(options: SamplerOptions = {}, private readonly find: FindBest = bestLogits) {
    this.temperature = within('temperature', options.temperature ?? 0, 0, Infinity);
    this.topK = Math.floor(within('topK', options.topK ?? 40, 0, Infinity));
    this.topP = within('topP', options.topP ?? 0.95, 0, 1);
    this.minP = within('minP', options.minP ?? 0.05, 0, 1);
    this.penalty = within('repetitionPenalty', options.repetitionPenalty ?? 1, Number.MIN_VALUE, Infinity);
    this.recent = new Recent(Math.floor(within('repetitionLastN', options.repetitionLastN ?? 64, 0, 1 << 20)));
    this.random = random(options.seed ?? 0);
  }

  /** Allocates nothing of the vocabulary's size after the first call. */
  sample(logits: Float32Array): Sampled {
    const scores = this.penalise(logits);
    const found = this.look(scores);
    if (found.count === 0) throw new DeltaError('logitsUnusable');
    const id = this.temperature === 0 || found.top === Infinity ? this.best[0] : this.draw(scores, this.filter(scores, found));
    return { id, logProbability: logProbability(logits[id], scores === logits ? found : this.find(logits, this.one)) };
  }

  /** Tells the sampler which token the text goes on with, so that the penalty knows it. Prompt tokens may be told too. */
  accept(id: number): void {
    this.recent.add(id);
  }

  /** The ids that could be drawn next, best first. */
  candidates(logits: Float32Array): number[] {
    const scores = this.penalise(logits);
    const found = this.look(scores);
    if (found.count === 0) return [];
    if (this.temperature === 0) return [this.best[0]];
    return this.filter(scores, found).sort((a, b) => scores[b] - scores[a] || a - b);
  }

  /** Finds as many of the best as top-k keeps of them, one where it keeps all. */
  private look(scores: Float32Array): BestLogits {
    const kept = this.temperature > 0 && this.topK > 0 && this.topK < scores.length ? this.topK : 1;
    if (this.best.length !== kept) this.best = new Int32Array(kept);
    return this.find(scores, this.best);
  }

  private penalise(logits: Float32Array): Float32Array {
    if (this.penalty === 1 || this.recent.empty) return logits;
    if (this.penalised.length !== logits.length) this.penalised = new Float32Array(logits.length);
    const scores = this.penalised;
    scores.set(logits);
    for (const id of this.recent.ids()) {
      if (id < scores.length) scores[id] = scores[id] <= 0 ? scores[id] * this.penalty : scores[id] / this.penalty;
    }
    return scores;
  }

  /** The ids that survive top-k, top-p and min-p; best first where an order was needed. */
  private filter(scores: Float32Array, { count, top }: BestLogits): number[] {
    // min-p compares with the best alone, so it may come first: what it removes could only have come after what top-p keeps
    // or be cut by it anyway; the share of top-p is still taken over all that top-k left.
    const floor = this.minP > 0 ? top + Math.log(this.minP) : -Infinity;
    if (this.topK > 0 && this.topK < scores.length) {
      const kept = [...this.best.subarray(0, count)];
      return this.topP < 1 ? nucleus(scores, kept, total(scores, kept, top), top, this.topP, floor) : kept.filter((id) => scores[id] >= floor);
    }
    if (this.topP >= 1) return above(scores, floor);
    // Nucleus of the whole vocabulary without sorting it: look at the top few e-folds, and further down only if they are not enough.
    let everything = 0;
    for (let i = 0; i < scores.length; i++) if (scores[i] - top > negligible) everything += Math.exp(scores[i] - top);
    for (let depth = 4; ; depth *= 2) {
      const threshold = top - depth;
      const all = threshold - top < negligible;
      const kept = sorted(scores, above(scores, all ? -Infinity : threshold));
      if (all || total(scores, kept, top) >= this.topP * everything) return nucleus(scores, kept, everything, top, this.topP, floor);
    }
  }

  private draw(scores: Float32Array, ids: readonly number[]): number {
    const top = ids.reduce((max, id) => Math.max(max, scores[id]), -Infinity);
    let sum = 0;
    for (const id of ids) sum += Math.exp((scores[id] - top) / this.temperature);
    let left = this.random() * sum;
    for (const id of ids) {
      left -= Math.exp((scores[id] - top) / this.temperature);
      if (left < 0) return id;
    }
    return ids[ids.length - 1]; // rounding
  }
}

/** e^-36 of the best: 2^18 such tokens together change no probability in the 10th digit. */
const negligible = -36;

/** Natural logarithm of a token's share under the softmax of the logits that this was found of. */
function logProbability(logit: number, { top, sum }: BestLogits): number {
  if (top === Infinity) return logit === Infinity ? -Math.log(sum) : -Infinity;
  return logit - top - Math.log(sum);
}

function above(scores: Float32Array, floor: number): number[] {
  const ids: number[] = [];
  for (let i = 0; i < scores.length; i++) if (scores[i] >= floor && scores[i] > -Infinity) ids.push(i);
  return ids;
}

const sorted = (scores: Float32Array, ids: number[]): number[] => ids.sort((a, b) => scores[b] - scores[a] || a - b);

function total(scores: Float32Array, ids: readonly number[], top: number): number {
  let sum = 0;
  for (const id of ids) sum += Math.exp(scores[id] - top);
  return sum;
}

/** Of ids sorted best first: the fewest that reach `share` of `everything`, without those below `floor`; at least one. */
function nucleus(scores: Float32Array, ids: readonly number[], everything: number, top: number, share: number, floor: number): number[] {
  const kept: number[] = [];
  let sum = 0;
  for (const id of ids) {
    if (kept.length > 0 && scores[id] < floor) break;
    kept.push(id);
    sum += Math.exp(scores[id] - top);
    if (sum >= share * everything) break;
  }
  return kept;
}

/** The last n accepted ids. */
class Recent {
  private readonly ring: Int32Array;
  private readonly counts = new Map<number, number>();
  private accepted = 0;

  constructor(private readonly size: number) {
    this.ring = new Int32Array(size);
  }

  get empty(): boolean {
    return this.counts.size === 0;
  }

  ids(): Iterable<number> {
    return this.counts.keys();
  }

  add(id: number): void {
    if (this.size === 0) return;
    const slot = this.accepted % this.size;
    if (this.accepted >= this.size) {
      const old = this.ring[slot];
      const left = this.counts.get(old)! - 1;
      if (left === 0) this.counts.delete(old);
      else this.counts.set(old, left);
    }
    this.ring[slot] = id;
    this.counts.set(id, (this.counts.get(id) ?? 0) + 1);
    this.accepted++;
  }
}

function within(name: string, value: number, low: number, high: number): number {
  if (!(value >= low && value <= high)) throw new RangeError(`${name} must be from ${low} to ${high}, not ${value}`);
  return value;
}
