// How far a model's own confidence can be trusted: measured once a model, on the shipped sample code.
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { CancelFlag } from '../shared/cancel.ts';
import { DeltaError } from '../shared/errors.ts';
import type { RunPass } from '../shared/pass.ts';
import { packageRoot } from '../shared/packageRoot.ts';
import { ForcedIndex } from '../locality/forced.ts';
import { mix, spread } from '../locality/mixture.ts';
import { StreamText } from '../tokenizer/streamText.ts';
import type { Engine } from './engine.ts';
import type { ConfidenceCurve } from './protocol.ts';

/** Points of a curve at most: enough to choose a threshold from, for the sample code gives about a thousand places. */
export const MOST_POINTS = 40;

/** Nats a token by which the text around the cursor must help a model to take part: less is not worth what it may spoil. */
const LEAST_GAIN = 0.05;

/** One place in the sample code: how sure the model is of the line it would write, and whether that is the author's. */
export interface Sample {
  confidence: number;
  right: boolean;
}

/** The model's best next token with its natural log-probability. */
interface Guess {
  id: number;
  logProbability: number;
}

/** The sample code of the package. */
export async function sampleTexts(): Promise<string[]> {
  const folder = join(packageRoot(), 'models/calibration');
  return Promise.all((await fs.readdir(folder)).sort().map((name) => fs.readFile(join(folder, name), 'utf8')));
}

/**
 * Teacher forcing: one pass over a text tells at every place whether greedy decoding would write the rest of the line, because it does exactly when
 * every best token on the author's path is the author's. What a wrong line would go on with is unknown: its confidence is taken through its first
 * wrong token.
 *
 * Plain text, though completions see a fill-in-the-middle prompt: it takes one pass instead of one for every suffix, and the embedded model is too weak
 * to tell the two apart. The confidence of a wrong line comes out too low, for its first wrong token is the unsure one, and a model believes what it
 * wrote itself.
 *
 * Measured twice, by the model alone and with the text around mixed in as it would be at a cursor there; the better one is what the model does from
 * then on, and the curve is that one's.
 * @param options `chosen`: whether it takes part, where that is not to be found out
 */
export async function measureConfidence(engine: Engine, texts: readonly string[], tokens: number, cancel = new CancelFlag(), { chosen, pass }: { chosen?: boolean; pass?: RunPass } = {}): Promise<ConfidenceCurve> {
  const { context, vocabulary } = engine.forward.manifest.shape;
  const alone: Sample[] = [];
  const mixed: Sample[] = [];
  let left = tokens;
  let [gain, steps] = [0, 0];
  for (const [i, text] of texts.entries()) {
    const ids = engine.tokenizer.encode(text, { bos: true }).slice(0, Math.min(context, Math.floor(left / (texts.length - i))));
    left -= ids.length;
    const stream = new StreamText(engine.tokenizer);
    const pieces = ids.map((id) => stream.push(id));
    const forced = new ForcedIndex(ids, pieces);
    const own: Guess[] = [];
    const together: Guess[] = [];
    for await (const { logits } of engine.logitRows(Int32Array.from(ids), true, cancel, pass)) {
      for (let at = 0; at < logits.length; at += vocabulary) {
        const row = logits.subarray(at, at + vocabulary);
        const next = ids[own.length + 1];
        forced.advance();
        own.push(bestOf(row));
        const before = next === undefined ? 0 : logProbabilityOf(row, next);
        mix(row, forced.index);
        together.push(bestOf(row));
        if (next !== undefined && Number.isFinite(before)) [gain, steps] = [gain + logProbabilityOf(row, next) - before, steps + 1];
      }
    }
    if (cancel.isSet) throw new DeltaError('cancelled');
    const textOf = (id: number): string => new StreamText(engine.tokenizer).push(id);
    alone.push(...samplesOf(pieces, ids, own, textOf));
    mixed.push(...samplesOf(pieces, ids, together, textOf));
  }
  const locality = chosen ?? gain > LEAST_GAIN * steps;
  return { ...curveOf(locality ? mixed : alone), locality };
}

function bestOf(logits: Float32Array): Guess {
  let id = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[id]) id = i;
  let sum = 0;
  for (const x of logits) sum += Math.exp(x - logits[id]);
  return { id, logProbability: -Math.log(sum) };
}

function logProbabilityOf(logits: Float32Array, id: number): number {
  const { top, total } = spread(logits);
  return logits[id] - top - Math.log(total);
}

/**
 * Places: before a line's text, and within it wherever no word is cut and something is left to say: where people stop and wait.
 * @param pieces what each of `ids` adds to the text
 * @param guesses what the model says behind each of `ids`
 */
export function samplesOf(pieces: readonly string[], ids: readonly number[], guesses: readonly Guess[], textOf: (id: number) => string): Sample[] {
  const samples: Sample[] = [];
  for (let at = 1; at < ids.length; at++) {
    const cutsWord = /[\p{L}\p{N}_]$/u.test(pieces[at - 1]) && /^[\p{L}\p{N}_]/u.test(pieces[at]);
    // What is left of a line is often `);`: easily right, worth nothing, and it would make every threshold look better than it is.
    if (cutsWord || !/^[^\n]*\S/.test(pieces[at]) || !/[\p{L}\p{N}]/u.test(restOfLine(pieces, at))) continue;
    let sum = 0;
    for (let end = at; end < ids.length; end++) {
      const guess = guesses[end - 1];
      sum += guess.logProbability;
      const newline = pieces[end].indexOf('\n');
      // The token that ends the line may hold the next line's indentation too: that much may differ.
      const right = guess.id === ids[end] || (newline >= 0 && textOf(guess.id).startsWith(pieces[end].slice(0, newline + 1)));
      if (right && newline < 0) continue;
      if (Number.isFinite(sum)) samples.push({ confidence: sum / (end - at + 1), right });
      break;
    }
  }
  return samples;
}

function restOfLine(pieces: readonly string[], at: number): string {
  let rest = '';
  for (let i = at; i < pieces.length && !rest.includes('\n'); i++) rest += pieces[i];
  return rest.split('\n', 1)[0];
}

/** Bins of equal size by falling confidence; the share that is right within each is made to fall too (pool adjacent violators), then summed up. */
export function curveOf(samples: readonly Sample[]): ConfidenceCurve {
  const sorted = samples.toSorted((a, b) => b.confidence - a.confidence);
  const size = Math.max(1, Math.ceil(sorted.length / MOST_POINTS));
  const bins: { threshold: number; count: number; share: number }[] = [];
  for (let at = 0, end = 0; at < sorted.length; at = end) {
    end = Math.min(sorted.length, at + size);
    const threshold = sorted[end - 1].confidence;
    while (sorted[end]?.confidence === threshold) end++;
    const bin = sorted.slice(at, end);
    bins.push({ threshold, count: bin.length, share: bin.filter(({ right }) => right).length / bin.length });
  }
  const shares = falling(bins);
  let [seen, right] = [0, 0];
  const points = bins.map(({ threshold, count }, i) => {
    seen += count;
    right += count * shares[i];
    return { threshold, coverage: seen / sorted.length, precision: Math.min(1, right / seen) };
  });
  return { samples: sorted.length, points };
}

/** The shares that come closest to those of the bins and never rise: neighbours that rise are replaced by their mean. */
function falling(bins: readonly { count: number; share: number }[]): number[] {
  const pools: { count: number; share: number; bins: number }[] = [];
  for (const { count, share } of bins) {
    let pool = { count, share, bins: 1 };
    for (let last = pools.at(-1); last && last.share < pool.share; last = pools.at(-1)) {
      pools.pop();
      const together = last.count + pool.count;
      pool = { count: together, share: (last.share * last.count + pool.share * pool.count) / together, bins: last.bins + pool.bins };
    }
    pools.push(pool);
  }
  return pools.flatMap(({ share, bins: n }) => new Array<number>(n).fill(share));
}
