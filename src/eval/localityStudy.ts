// What the text around is worth to a model, token by token: teacher forcing with the index as an editor would have it, and the weights of the mixture.
import { analogies, AnalogyLines } from '../locality/analogy.ts';
import { AnalogyIndex } from '../locality/analogyIndex.ts';
import { analogyWeightOf } from '../locality/analogyWeights.ts';
import { continuations, type Continuations } from '../locality/continuations.ts';
import { DocumentTokens } from '../locality/documentTokens.ts';
import { ForcedIndex } from '../locality/forced.ts';
import { Foreign } from '../locality/foreign.ts';
import { besides, differs, spread, STALE } from '../locality/mixture.ts';
import { Neighbours } from '../locality/neighbours.ts';
import { neighbourWeightOf } from '../locality/neighbourWeights.ts';
import type { TokenIndex } from '../locality/tokenIndex.ts';
import { CLASSES, classOf, weightOf } from '../locality/weights.ts';
import { random } from '../shared/random.ts';
import type { Engine } from '../session/engine.ts';
import { bounded } from '../session/neighbourSet.ts';

/** One token of the author's, and what was said of it. */
export interface Observation {
  /** Probability under the model alone. */
  model: number;
  /** Whether the likeliest token of the model, of the file, of the mixture of both is the author's. */
  right: { model: boolean; file: boolean; mixture: boolean };
  /** Of the model, nats. */
  entropy: number;
  /** Null where the file says nothing. */
  file: Answer | null;
  /** Null where the neighbours are not asked or say nothing. */
  neighbours: Answer | null;
  /** Null where nothing follows under other names. `differs`: from what the file says likeliest. */
  analogy: (Answer & { differs: boolean }) | null;
}

/** An answer of an index: the author's share in it, the longest match, the largest share. */
export interface Answer {
  share: number;
  longest: number;
  top: number;
}

/** Every token of a text but the first, of at most `tokens`; `neighbours`: texts that lie around it, nearest first. */
export async function observe(engine: Engine, text: string, tokens: number, neighbours: readonly string[] = []): Promise<Observation[]> {
  const { vocabulary, context } = engine.forward.manifest.shape;
  const ids = engine.tokenizer.encode(text).slice(0, Math.min(tokens, context));
  const forced = new ForcedIndex(ids, ids.map((id) => engine.tokenizer.decode([id])));
  const beside = new Neighbours(new DocumentTokens((piece) => engine.tokenizer.encode(piece)));
  beside.become('', bounded(neighbours.map((neighbour) => ({ path: '', text: neighbour }))));
  const { index, lines: around } = beside.of('') ?? {};
  while (beside.readOn());
  const found: Observation[] = [];
  const pieces = ids.map((id) => engine.tokenizer.decode([id]));
  const [lines, draw] = [new AnalogyLines(), random(ids.length)];
  let renamed: AnalogyIndex | undefined;
  const pieceOf = (id: number): string => engine.tokenizer.decode([id]);
  let foreign = new Foreign('', pieceOf);
  let read = 0;
  for await (const { logits } of engine.logitRows(Int32Array.from(ids), true)) {
    for (let at = 0; at < logits.length && found.length + 1 < ids.length; at += vocabulary) {
      forced.advance();
      read += pieces[found.length].length;
      // As if the cursor had come to rest: at the beginning of each line, and here and there within.
      if (pieces[found.length].includes('\n') || draw() < RESTS) {
        const newline = text.indexOf('\n', read);
        const below = newline < 0 ? '' : text.slice(newline);
        foreign = new Foreign(text.slice(0, read) + below, pieceOf);
        const analogous = analogies(lines, text.slice(0, read), below, around);
        renamed = analogous.length > 0 ? new AnalogyIndex(analogous, (piece) => engine.tokenizer.encode(piece)) : undefined;
      }
      found.push(observation(logits.subarray(at, at + vocabulary), forced, index, foreign, renamed, ids[found.length + 1]));
    }
  }
  return found;
}

function observation(logits: Float32Array, { index }: ForcedIndex, neighbours: TokenIndex | undefined, foreign: Foreign, analogies: AnalogyIndex | undefined, author: number): Observation {
  const { top, total, entropy } = spread(logits);
  const probability = (id: number): number => Math.exp(logits[id] - top) / total;
  const best = logits.indexOf(top);
  const found = continuations(index);
  const beside = neighbours ? besides(found, neighbours, index, foreign) : null;
  const analogous = analogies?.continuations(index) ?? null;
  const answer = (of: Continuations | null): Answer | null => of && { share: of.shares.get(author) ?? 0, longest: of.longest, top: of.top };
  const weight = found ? weightOf(found.longest, found.top, entropy) : 0;
  let [said, saidShare, mixed, mixedShare] = [-1, 0, best, (1 - weight) * probability(best)];
  for (const [id, share] of found?.shares ?? []) {
    if (share > saidShare) [said, saidShare] = [id, share];
    const both = (1 - weight) * probability(id) + weight * share;
    if (both > mixedShare) [mixed, mixedShare] = [id, both];
  }
  return {
    model: probability(author), right: { model: best === author, file: said === author, mixture: mixed === author },
    entropy, file: answer(found), neighbours: answer(beside), analogy: analogous && { ...answer(analogous)!, differs: differs(found, analogous) },
  };
}

/** Share of the places within a line at which a cursor comes to rest. */
const RESTS = 0.2;

/** Probability of the author's token: under the mixture of model and file, with the neighbours in it, and with the analogies. */
function probabilities({ model, entropy, file, neighbours, analogy }: Observation): { file: number; neighbours: number; analogy: number; others: number } {
  const w = file ? weightOf(file.longest, file.top, entropy) : 0;
  const both = (1 - w) * model + w * (file?.share ?? 0);
  const v = neighbours ? neighbourWeightOf(neighbours.longest, neighbours.top, entropy) : 0;
  const three = (1 - v) * both + v * (neighbours?.share ?? 0);
  // Where an analogy says something else, the file has less to say.
  const less = analogy?.differs ? w * STALE : w;
  const others = (1 - v) * ((1 - less) * model + less * (file?.share ?? 0)) + v * (neighbours?.share ?? 0);
  const u = analogy ? analogyWeightOf(analogy.longest, analogy.top, entropy, analogy.differs) : 0;
  return { file: both, neighbours: three, analogy: (1 - u) * others + u * (analogy?.share ?? 0), others };
}

/** Mean negative log-probability in nats: under the model, the mixture with the file, that with the neighbours, that with the analogies. */
export function losses(observations: readonly Observation[]): { model: number; file: number; neighbours: number; analogy: number } {
  const sums = { model: 0, file: 0, neighbours: 0, analogy: 0 };
  for (const o of observations) {
    const { file, neighbours, analogy } = probabilities(o);
    sums.analogy -= Math.log(analogy);
    sums.model -= Math.log(o.model);
    sums.file -= Math.log(file);
    sums.neighbours -= Math.log(neighbours);
  }
  const mean = (sum: number): number => sum / observations.length;
  return { model: mean(sums.model), file: mean(sums.file), neighbours: mean(sums.neighbours), analogy: mean(sums.analogy) };
}

/** Observations that a class is thought to have had besides its own, at the weight of all classes of its length and share. */
const PRIOR = 20;
const ROUNDS = 60;

/**
 * The weights of the file, of its neighbours at the file's present ones, or of analogies at those of both, that make the author's tokens likeliest, class by class
 * (expectation–maximisation; one dimension, one maximum): `[length][share][entropy]`, per cent.
 */
export function fitWeights(observations: readonly Observation[], of: 'file' | 'neighbours' | 'analogy' | 'differing'): number[][][] {
  const [lengths, shares, entropies] = CLASSES;
  const cells: Odds[][][][] = Array.from({ length: lengths }, () => Array.from({ length: shares }, () => Array.from({ length: entropies }, () => [])));
  for (const o of observations) {
    const answer = of === 'differing' ? o.analogy : o[of];
    if (!answer || (o.analogy && (of === 'analogy' || of === 'differing') && o.analogy.differs !== (of === 'differing'))) continue;
    const [l, s, e] = classOf(answer.longest, answer.top, o.entropy);
    const without = of === 'file' ? o.model : probabilities(o)[of === 'neighbours' ? 'file' : 'others'];
    cells[l][s][e].push({ without, share: answer.share });
  }
  return cells.map((row) => row.map((cell) => {
    const together = likeliest(cell.flat(), 0.5, 1);
    return cell.map((own) => Math.min(98, Math.max(1, Math.round(100 * likeliest(own, together, PRIOR)))));
  }));
}

/** The author's token without an answer, and its share in that. */
interface Odds {
  without: number;
  share: number;
}

function likeliest(observations: readonly Odds[], prior: number, weight: number): number {
  let mixing = prior;
  for (let round = 0; round < ROUNDS; round++) {
    let sum = weight * prior;
    for (const { without, share } of observations) sum += (mixing * share) / (mixing * share + (1 - mixing) * without);
    mixing = sum / (observations.length + weight);
  }
  return mixing;
}
