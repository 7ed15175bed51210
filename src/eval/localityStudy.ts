// What the text around is worth to a model, token by token: teacher forcing with the index as an editor would have it, and the weights of the mixture.
import { continuations, joined } from '../locality/continuations.ts';
import { ForcedIndex } from '../locality/forced.ts';
import { spread } from '../locality/mixture.ts';
import { TokenIndex } from '../locality/tokenIndex.ts';
import { CLASSES, classOf, weightOf } from '../locality/weights.ts';
import type { Engine } from '../session/engine.ts';

/** One token of the author's, and what was said of it. */
export interface Observation {
  /** Probability under the model alone, and its share in the file's answer. */
  model: number;
  file: number;
  /** Whether the likeliest token of the model, of the file, of the mixture is the author's. */
  right: { model: boolean; file: boolean; mixture: boolean };
  /** Null where the file says nothing. */
  place: { longest: number; top: number; entropy: number } | null;
  /** The author's share in the neighbours' answer, and how sure that is; null where they say nothing. */
  beside: { share: number; longest: number; top: number } | null;
  /** Of the model, nats. */
  entropy: number;
}

/** Every token of a text but the first, of at most `tokens`. */
export async function observe(engine: Engine, text: string, tokens: number, neighbours: readonly string[] = []): Promise<Observation[]> {
  const { vocabulary, context } = engine.forward.manifest.shape;
  const ids = engine.tokenizer.encode(text).slice(0, Math.min(tokens, context));
  const forced = new ForcedIndex(ids, ids.map((id) => engine.tokenizer.decode([id])));
  const beside = new TokenIndex();
  // The nearest last, as within a file.
  beside.become(joined(neighbours.map((t) => engine.tokenizer.encode(t)).reverse()));
  const found: Observation[] = [];
  for await (const { logits } of engine.logitRows(Int32Array.from(ids), true)) {
    for (let at = 0; at < logits.length && found.length + 1 < ids.length; at += vocabulary) {
      forced.advance();
      found.push(observation(logits.subarray(at, at + vocabulary), forced, beside, ids[found.length + 1]));
    }
  }
  return found;
}

function observation(logits: Float32Array, { index }: ForcedIndex, neighbours: TokenIndex, author: number): Observation {
  const { top, total, entropy } = spread(logits);
  const probability = (id: number): number => Math.exp(logits[id] - top) / total;
  const best = logits.indexOf(top);
  const answer = continuations(index);
  const other = continuations(neighbours, index);
  const beside = other && { share: other.shares.get(author) ?? 0, longest: other.longest, top: other.top };
  if (!answer) return { model: probability(author), file: 0, right: { model: best === author, file: false, mixture: best === author }, place: null, beside, entropy };
  const weight = weightOf(answer.longest, answer.top, entropy);
  let [said, saidShare, mixed, mixedShare] = [-1, 0, best, (1 - weight) * probability(best)];
  for (const [id, share] of answer.shares) {
    if (share > saidShare) [said, saidShare] = [id, share];
    const both = (1 - weight) * probability(id) + weight * share;
    if (both > mixedShare) [mixed, mixedShare] = [id, both];
  }
  return {
    model: probability(author), file: answer.shares.get(author) ?? 0,
    right: { model: best === author, file: said === author, mixture: mixed === author },
    place: { longest: answer.longest, top: answer.top, entropy }, beside, entropy,
  };
}

/** Mean negative log-probability in nats under the model, and under the mixture with these weights. */
export function losses(observations: readonly Observation[], weight: typeof weightOf = weightOf): { model: number; mixture: number } {
  let [model, mixture] = [0, 0];
  for (const o of observations) {
    const w = o.place ? weight(o.place.longest, o.place.top, o.place.entropy) : 0;
    model -= Math.log(o.model);
    mixture -= Math.log((1 - w) * o.model + w * o.file);
  }
  return { model: model / observations.length, mixture: mixture / observations.length };
}

/** Observations that a class is thought to have had besides its own, at the weight of all classes of its length and share. */
const PRIOR = 20;
const ROUNDS = 60;

/** The weights that make the author's tokens likeliest, class by class (expectation–maximisation; one dimension, one maximum): `[length][share][entropy]`, per cent. */
export function fitWeights(observations: readonly Observation[]): number[][][] {
  const [lengths, shares, entropies] = CLASSES;
  const cells: Observation[][][][] = Array.from({ length: lengths }, () => Array.from({ length: shares }, () => Array.from({ length: entropies }, () => [])));
  for (const o of observations) {
    if (!o.place) continue;
    const [l, s, e] = classOf(o.place.longest, o.place.top, o.place.entropy);
    cells[l][s][e].push(o);
  }
  return cells.map((row) => row.map((cell) => {
    const together = likeliest(cell.flat(), 0.5, 1);
    return cell.map((own) => Math.min(98, Math.max(1, Math.round(100 * likeliest(own, together, PRIOR)))));
  }));
}

function likeliest(observations: readonly Observation[], prior: number, weight: number): number {
  let mixing = prior;
  for (let round = 0; round < ROUNDS; round++) {
    let sum = weight * prior;
    for (const { model, file } of observations) sum += (mixing * file) / (mixing * file + (1 - mixing) * model);
    mixing = sum / (observations.length + weight);
  }
  return mixing;
}
