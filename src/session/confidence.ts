// How far a model's own confidence can be trusted: measured once a model, on the shipped sample code, and kept beside its weights.
import { randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { CancelFlag } from '../shared/cancel.ts';
import { DeltaError } from '../shared/errors.ts';
import { packageRoot } from '../shared/packageRoot.ts';
import { StreamText } from '../tokenizer/streamText.ts';
import type { Engine } from './engine.ts';
import type { ConfidenceCurve } from './protocol.ts';

const FILE = 'confidence.json';
const FORMAT = 1;
/** Enough to choose a threshold from; the sample code gives a few hundred places. */
const MOST_POINTS = 40;
const MOST_BYTES = 64_000;

/** One place in the sample code: how sure the model is of the line it would write, and whether that is the author's. */
export interface Sample {
  confidence: number;
  right: boolean;
}

/** What the model says behind one token: its best next token with its natural log-probability. */
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
 * Teacher forcing: one pass over the text tells at every place whether greedy decoding would write the rest of the line, because greedy decoding is
 * right exactly when every best token on the author's path is the author's. The confidence of a wrong line is taken through its first wrong token,
 * after which the model's own path is unknown: an approximation that is kind to lines that go wrong early and then go on unsurely.
 */
export async function measureConfidence(engine: Engine, texts: readonly string[], tokens: number, cancel = new CancelFlag()): Promise<ConfidenceCurve> {
  const samples: Sample[] = [];
  for (const text of texts) {
    const ids = engine.tokenizer.encode(text, { bos: true }).slice(0, Math.min(Math.floor(tokens / texts.length), engine.forward.manifest.shape.context));
    const guesses: Guess[] = [];
    for await (const { logits } of engine.logitRows(Int32Array.from(ids), true, cancel)) {
      const { vocabulary } = engine.forward.manifest.shape;
      for (let at = 0; at < logits.length; at += vocabulary) guesses.push(bestOf(logits.subarray(at, at + vocabulary)));
    }
    if (cancel.isSet) throw new DeltaError('cancelled');
    samples.push(...samplesOf(ids, guesses, engine));
  }
  return curveOf(samples);
}

function bestOf(logits: Float32Array): Guess {
  let id = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[id]) id = i;
  let sum = 0;
  for (const x of logits) sum += Math.exp(x - logits[id]);
  return { id, logProbability: -Math.log(sum) };
}

/** Places: where a line's text begins, and behind everything but letters and digits within it: where people stop and wait. */
function samplesOf(ids: readonly number[], guesses: readonly Guess[], { tokenizer }: Engine): Sample[] {
  const stream = new StreamText(tokenizer);
  const pieces = ids.map((id) => stream.push(id));
  const samples: Sample[] = [];
  for (let at = 1; at < ids.length; at++) {
    if (/[\p{L}\p{N}_]$/u.test(pieces[at - 1]) || !/^[^\n]*\S/.test(pieces[at])) continue;
    let sum = 0;
    for (let end = at; end < ids.length; end++) {
      const guess = guesses[end - 1];
      sum += guess.logProbability;
      const newline = pieces[end].indexOf('\n');
      // The token that ends the line may hold the next line's indentation too: that much may differ.
      const right = guess.id === ids[end] || (newline >= 0 && new StreamText(tokenizer).push(guess.id).startsWith(pieces[end].slice(0, newline + 1)));
      if (right && newline < 0) continue;
      samples.push({ confidence: sum / (end - at + 1), right });
      break;
    }
  }
  return samples;
}

/** Bins of equal size by falling confidence; the share that is right within each is made to fall too (pool adjacent violators), then summed up. */
export function curveOf(samples: readonly Sample[]): ConfidenceCurve {
  const sorted = samples.toSorted((a, b) => b.confidence - a.confidence);
  const size = Math.max(1, Math.ceil(sorted.length / MOST_POINTS));
  const bins: { threshold: number; count: number; share: number }[] = [];
  for (let at = 0; at < sorted.length; at += size) {
    const bin = sorted.slice(at, at + size);
    bins.push({ threshold: bin.at(-1)!.confidence, count: bin.length, share: bin.filter(({ right }) => right).length / bin.length });
  }
  const pools: { count: number; share: number; bins: number }[] = [];
  for (const { count, share } of bins) {
    let pool = { count, share, bins: 1 };
    while (pools.length > 0 && pools.at(-1)!.share < pool.share) {
      const last = pools.pop()!;
      const together = last.count + pool.count;
      pool = { count: together, share: (last.share * last.count + pool.share * pool.count) / together, bins: last.bins + pool.bins };
    }
    pools.push(pool);
  }
  const shares = pools.flatMap(({ share, bins: n }) => Array<number>(n).fill(share));
  let [seen, right] = [0, 0];
  const points = bins.map(({ threshold, count }, i) => {
    seen += count;
    right += count * shares[i];
    return { threshold, coverage: seen / sorted.length, precision: right / seen };
  });
  return { samples: sorted.length, points };
}

/** The curve kept in a model folder; null where there is none that can be used. */
export async function readConfidence(folder: string): Promise<ConfidenceCurve | null> {
  try {
    const path = join(folder, FILE);
    if ((await fs.stat(path)).size > MOST_BYTES) return null;
    return parseConfidence(await fs.readFile(path, 'utf8'));
  } catch {
    return null;
  }
}

const isShare = (x: unknown): x is number => typeof x === 'number' && x >= 0 && x <= 1;

/** Null for whatever is not a curve. */
export function parseConfidence(text: string): ConfidenceCurve | null {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return null;
  }
  const { format, samples, points } = (found ?? {}) as Partial<ConfidenceCurve> & { format?: unknown };
  if (format !== FORMAT || !Number.isInteger(samples) || samples! < 0 || !Array.isArray(points) || points.length > MOST_POINTS) return null;
  const fine = points.every((p) => typeof p?.threshold === 'number' && p.threshold <= 0 && isShare(p.coverage) && isShare(p.precision));
  const falling = points.every((p, i) => i === 0 || (p.threshold <= points[i - 1].threshold && p.coverage >= points[i - 1].coverage));
  return fine && falling ? { samples: samples!, points: points.map(({ threshold, coverage, precision }) => ({ threshold, coverage, precision })) } : null;
}

/** Keeps the curve in the model folder; where that cannot be written, it is measured again next time. */
export async function keepConfidence(folder: string, curve: ConfidenceCurve): Promise<void> {
  const partial = join(folder, `${FILE}.${randomUUID()}`);
  try {
    await fs.writeFile(partial, JSON.stringify({ format: FORMAT, ...curve }));
    await fs.rename(partial, join(folder, FILE));
  } catch {
    await fs.rm(partial, { force: true }).catch(() => {});
  }
}
