// The comparison of delta formats: a set of forms over a set of contexts, every layer coded at once.
import type { Context } from '../model/measure/corpus.ts';
import type { FarForm } from './onnxAttention.ts';
import { bootstrap } from './random.ts';
import type { Runner, Tally } from './runner.ts';
import type { CoderCounts } from './variant.ts';

/** A form under test. `make` gives a fresh coder for every context. */
export interface Form {
  name: string;
  make(): { far?: FarForm; coder?: CoderCounts };
}

export interface Row {
  name: string;
  positions: number;
  denseLoss: number;
  /** loss − dense loss, nats a token, with its 95 % interval over the samples: contexts, or files where tallies are by file. */
  deltaLoss: number;
  deltaLossInterval: [number, number];
  kl: number;
  klInterval: [number, number];
  /** Sum of KL and number of positions of each sample, in the order of the text. */
  perSample: { kl: number; positions: number }[];
  top1: number;
  /** Root mean square error of far scores, nats. */
  scoreError: number;
  /** Share of the keys that a query reads that are far. */
  farShare: number;
  /** Attention on the sink tokens, per layer and head `[layers · heads]`. */
  sinkMass: number[];
  /** Zeros among the coded elements, extra keyframes a coded block and head; 0 where nothing is coded. */
  zeros: number;
  extraKeyframes: number;
}

export interface Measured {
  rows: Row[];
  dense: Row;
}

export interface Sum {
  tallies: Tally[];
  zeros: number;
  elements: number;
  keyframes: number;
  blocks: number;
}

/** Runs every form over every context; `start(length)` is the first scored position of a context. */
export async function measure(runner: Runner, contexts: Context[], start: (length: number) => number, forms: Form[], seed: number, progress: (share: number) => void = () => {}, cancelled = () => false): Promise<Measured> {
  const sums = forms.map((): Sum => ({ tallies: [], zeros: 0, elements: 0, keyframes: 0, blocks: 0 }));
  const dense: Sum = { tallies: [], zeros: 0, elements: 0, keyframes: 0, blocks: 0 };
  const tokens = contexts.reduce((n, { ids }) => n + ids.length ** 2, 0) * forms.length;
  let done = 0;
  for (const { ids } of contexts) {
    if (cancelled()) break;
    const reference = await runner.dense(ids, start(ids.length));
    dense.tallies.push(reference.tally);
    for (const [n, form] of forms.entries()) {
      if (cancelled()) break;
      const { far, coder } = form.make();
      sums[n].tallies.push(await runner.compare(ids, reference, far));
      if (coder) {
        sums[n].zeros += coder.zeros;
        sums[n].elements += coder.elements;
        sums[n].keyframes += coder.keyframes;
        sums[n].blocks += coder.blocks;
      }
      progress((done += ids.length ** 2) / tokens);
    }
  }
  return { rows: forms.map(({ name }, n) => summarise(name, sums[n], seed)), dense: summarise('dense', dense, seed) };
}

export function summarise(name: string, { tallies, zeros, elements, keyframes, blocks }: Sum, seed: number): Row {
  const total = (pick: (t: Tally) => number) => tallies.reduce((n, t) => n + pick(t), 0);
  const counts = tallies.map((t) => t.positions);
  const positions = total((t) => t.positions);
  const probes = total((t) => t.probes);
  return {
    name, positions,
    denseLoss: total((t) => t.denseLoss) / positions,
    deltaLoss: total((t) => t.loss - t.denseLoss) / positions,
    deltaLossInterval: bootstrap(tallies.map((t) => t.loss - t.denseLoss), counts, seed),
    kl: total((t) => t.kl) / positions,
    klInterval: bootstrap(tallies.map((t) => t.kl), counts, seed),
    perSample: tallies.map((t) => ({ kl: t.kl, positions: t.positions })),
    top1: total((t) => t.agree) / positions,
    scoreError: Math.sqrt(total((t) => t.squaredError) / Math.max(1, total((t) => t.farScores))),
    farShare: total((t) => t.keysFar) / Math.max(1, total((t) => t.keysRead)),
    sinkMass: Array.from(tallies[0]?.sinkMass ?? [], (_, i) => total((t) => t.sinkMass[i]) / Math.max(1, probes)),
    zeros: elements > 0 ? zeros / elements : 0,
    extraKeyframes: blocks > 0 ? keyframes / blocks : 0,
  };
}
