// How attentions in plain nodes attend: measured on numbers chosen so that each shows one thing, then proved on random ones. A graph that passes computes what is
// computed here in its place; one that does not is refused by the name of its softmax.
import { rotate } from '../../attention/rope.ts';
import { random } from '../../shared/random.ts';
import { inverseFrequencies, type RopeConfig } from '../manifest.ts';
import { halfSplitOrder } from '../run/nativeDecoder.ts';
import { ELEMENT } from './proto.ts';
import type { OnnxGraph } from './graph.ts';
import type { OnnxFile } from './onnxFile.ts';
import type { PlainAttention } from './plainAttention.ts';
import { Probe, unfit, type Heads } from './probe.ts';
import { rotationOf, sampledPositions } from './rotation.ts';

export interface Attends {
  /** Of the scores. */
  scale: number;
  /** 0: none. */
  softcap: number;
  /** Tokens that a query looks back; 0 for all. */
  window: number;
  /** null: nothing turns. */
  rope: RopeConfig | null;
  interleaved: boolean;
}

/** Tokens of the proof: enough for every head to differ, and for more than one of them to be masked. */
const PROOF = 12;
/** Of what is measured, against a number that models are made with; of the proof, against the largest. In float32 and in float16. */
const TOLERANCE = { exact: { number: 1e-5, proof: 1e-4 }, half: { number: 3e-3, proof: 2e-2 } };

/** @param context tokens that the model reads at most; of windows and angles up to there it is certain @throws onnxUnfit */
export async function measureAttention(file: OnnxFile, graph: OnnxGraph, layers: readonly PlainAttention[], heads: Heads, context: number): Promise<Attends[]> {
  const tolerance = layers.some(({ mixed }) => graph.elementOf(mixed) === ELEMENT.float16) ? TOLERANCE.half : TOLERANCE.exact;
  const measure = new Measure(file, graph, layers, heads, context, tolerance);
  try {
    const turns = await measure.turns();
    const scores = await measure.scores();
    return await measure.proved(turns, scores);
  } catch (error) {
    throw unfit(graph, layers[0], error);
  }
}

type Turn = Pick<Attends, 'rope' | 'interleaved'>;
type Scores = Pick<Attends, 'softcap' | 'window'>;

class Measure {
  constructor(
    private readonly file: OnnxFile,
    private readonly graph: OnnxGraph,
    private readonly layers: readonly PlainAttention[],
    private readonly shape: Heads,
    private readonly context: number,
    private readonly tolerance: { number: number; proof: number },
  ) {}

  private async withProbe<T>(given: Record<string, (layer: PlainAttention) => string | PlainAttention['keys']>, output: (layer: PlainAttention) => string, use: (probe: Probe) => Promise<T>): Promise<T> {
    const inputs = Object.fromEntries(Object.entries(given).map(([name, of]) => [name, this.layers.map(of)]));
    const probe = await Probe.create(this.file, this.graph, this.layers, this.shape, inputs, this.layers.map(output));
    try {
      return await use(probe);
    } finally {
      await probe.release();
    }
  }

  /** How queries turn with their position, for every layer. */
  turns(): Promise<Turn[]> {
    const { heads, keyLength: length } = this.shape;
    return this.withProbe({ queries: ({ queries }) => queries }, ({ turned }) => turned, async (probe) => {
      /** Of one head, by layers. */
      const turned = async (position: number, query: (element: number) => number): Promise<Float32Array[]> => {
        const data = Float32Array.from({ length: heads * length }, (_, i) => query(i % length));
        const all = await probe.run({ rows: 1, past: position }, { queries: { dims: [1, 1, data.length], data } }, [1, heads, 1, length]);
        return all.map((out) => out.subarray(0, length));
      };
      const one = await turned(1, (element) => (element === 0 ? 1 : 0));
      const [first, last] = [await turned(0, () => 1), await turned(this.context - 1, () => 1)];
      const turns = this.layers.map((layer, i): { partner: number; pairs: number } => {
        const moved = first[i].map((x, element) => Number(!(Math.abs(x - last[i][element]) <= 1e-5 * Math.abs(x)))).lastIndexOf(1) + 1;
        const partner = one[i].findIndex((x, element) => element > 0 && !(Math.abs(x) <= 1e-3 * Math.abs(one[i][0])));
        if ((moved === 0) !== (partner < 0)) throw this.graph.unfit(layer.softmax, 'is of queries that do not turn with their position');
        return { partner, pairs: partner < 0 ? 0 : partner === 1 ? Math.ceil(moved / 2) : partner };
      });
      const turning = turns.findIndex(({ pairs }) => pairs > 0);
      if (turning < 0) return turns.map(() => ({ rope: null, interleaved: false }));
      const { pairs, partner } = turns[turning];
      const odd = turns.findIndex((own) => own.pairs > 0 && (own.pairs !== pairs || own.partner !== partner));
      if (odd >= 0 || 2 * pairs > length) throw this.graph.unfit(this.layers[Math.max(odd, 0)].softmax, 'turns its queries otherwise than the first');
      const interleaved = partner === 1 && pairs > 1;
      const at = (pair: number): [number, number] => (interleaved ? [2 * pair, 2 * pair + 1] : [pair, pair + pairs]);
      const firsts = new Set(Array.from({ length: pairs }, (_, pair) => at(pair)[0]));
      const seen = new Map<number, Float32Array[]>();
      for (const position of sampledPositions(this.context)) seen.set(position, await turned(position, (element) => Number(firsts.has(element) || element >= 2 * pairs)));
      return turns.map((own, i): Turn => {
        if (own.pairs === 0) return { rope: null, interleaved };
        // What is not turned shows by what all is multiplied; where everything turns, that is part of the scale of the scores.
        const unit = 2 * pairs < length ? seen.get(0)![i][2 * pairs] : seen.get(0)![i][0];
        const part = (position: number, which: 0 | 1) => Array.from({ length: pairs }, (_, pair) => seen.get(position)![i][at(pair)[which]] / unit);
        const known = new Map([...seen.keys()].map((position) => [position, { cosines: part(position, 0), sines: part(position, 1) }]));
        const rope = rotationOf(pairs, this.context, (position) => known.get(position)!);
        if (!rope) throw this.graph.unfit(this.layers[i].softmax, 'is of queries that turn by no angles of positions');
        return { rope, interleaved };
      });
    });
  }

  /** Which keys are seen, and what caps scores, for every layer. */
  scores(): Promise<Scores[]> {
    return this.withProbe({ scores: ({ scores }) => scores }, ({ shares }) => shares, async (probe) => {
      const shares = (values: number[] | Float32Array) =>
        probe.run({ rows: 1, past: values.length - 1 }, { scores: { dims: [1, 1, 1, values.length], data: Float32Array.from(values) } }, [1, 1, 1, values.length]);
      const all = await shares(new Float32Array(this.context));
      const windows = all.map((row, i) => {
        const first = row.findIndex((share) => share > 0);
        if (first < 0 || !row.every((share, key) => (key < first ? share === 0 : share > 0))) throw this.graph.unfit(this.layers[i].softmax, 'looks at other keys than the last ones');
        return first === 0 ? 0 : row.length - first;
      });
      /** The difference of two scores behind what is done to them. */
      const after = async (score: number) => (await shares([0, score])).map(([low, high]) => Math.log(high / low));
      const unit = (await after(1)).map(Math.abs);
      const results: Scores[] = [];
      for (const [i, layer] of this.layers.entries()) {
        if (!(unit[i] > 1e-3 && unit[i] < 1e3)) throw this.graph.unfit(layer.softmax, 'scales its scores by what is no scale');
        const [small, large] = [(await after(1 / unit[i]))[i], (await after(40 / unit[i]))[i]];
        results.push({ window: windows[i], softcap: capOf(small, large, 40, this.tolerance.number) });
      }
      return results;
    });
  }

  /** What was measured, with the scale of the scores, where it gives what the graph gives. */
  proved(turns: readonly Turn[], scores: readonly Scores[]): Promise<Attends[]> {
    const { heads, kvHeads, keyLength: length } = this.shape;
    const given = { queries: ({ queries }: PlainAttention) => queries, keys: ({ keys }: PlainAttention) => keys, values: ({ values }: PlainAttention) => values };
    return this.withProbe(given, ({ mixed }) => mixed, async (probe) => {
      const run = (rows: number, queries: Float32Array, keys: Float32Array, values: Float32Array) => probe.run({ rows, past: 0 }, {
        queries: { dims: [1, rows, heads * length], data: queries }, keys: { dims: [1, rows, kvHeads * length], data: keys }, values: { dims: [1, rows, kvHeads * length], data: values },
      }, [1, rows, heads * length]);
      const draw = random(1);
      const numbers = (count: number) => Float32Array.from({ length: count }, () => 2 * (draw() + draw() - 1));
      // The second token's key is its query and the first one's is nothing: their shares say by what a score is multiplied.
      const query = numbers(length);
      const rowOf = (count: number, second: (element: number) => number, first: (element: number) => number = () => 0) => Float32Array.from({ length: 2 * count * length }, (_, i) => (i < count * length ? first : second)(i % length));
      const two = await run(2, rowOf(heads, (e) => query[e]), rowOf(kvHeads, (e) => query[e]), rowOf(kvHeads, (e) => Number(e === 1), (e) => Number(e === 0)));
      const attends = this.layers.map((layer, i): Attends => {
        const [low, high] = two[i].subarray(heads * length);
        const { softcap, window } = scores[i];
        const score = Math.log(high / low);
        const { rope } = turns[i];
        const square = query.reduce((sum, x, e) => sum + (x * (rope && e < rope.rotated ? (rope.scale ?? 1) : 1)) ** 2, 0);
        const scale = (softcap > 0 ? softcap * Math.atanh(score / softcap) : score) / square;
        if (!(scale > 0) || !Number.isFinite(scale)) throw this.graph.unfit(layer.softmax, 'scales its scores by what is no scale');
        const usual = 1 / Math.sqrt(length);
        return { ...turns[i], softcap, window, scale: Math.abs(scale / usual - 1) < this.tolerance.number ? usual : scale };
      });
      const [queries, keys, values] = [heads, kvHeads, kvHeads].map((count) => numbers(PROOF * count * length));
      const got = await run(PROOF, queries, keys, values);
      for (const [i, layer] of this.layers.entries()) {
        const expected = attention(queries, keys, values, this.shape, attends[i]);
        const most = expected.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
        if (!expected.every((x, at) => Math.abs(x - got[i][at]) <= this.tolerance.proof * most)) throw this.graph.unfit(layer.softmax, 'is of an attention that computes something else than attention does');
      }
      return attends;
    });
  }
}

/** c of c·tanh(x / c), by which scores of 1 and of `large` became these; 0 for none. */
function capOf(small: number, capped: number, large: number, tolerance: number): number {
  if (!(Math.abs(small - 1) < 0.5) || Math.abs(capped / small / large - 1) < Math.max(tolerance, 1e-4)) return 0;
  let [low, high] = [capped / large, 1e5];
  for (let i = 0; i < 100; i++) {
    const cap = (low + high) / 2;
    // The score that became `small`, times `large`, capped.
    const scored = cap * Math.atanh(Math.min(small / cap, 0.999_999));
    if (cap * Math.tanh((scored * large) / cap) < capped) low = cap;
    else high = cap;
  }
  const cap = (low + high) / 2;
  return Math.abs(cap - Math.round(cap)) < 1e-2 ? Math.round(cap) : cap;
}

/** The slow twin: `[rows, heads · length]` of queries, keys and values that have not turned. */
function attention(queries: Float32Array, keys: Float32Array, values: Float32Array, { heads, kvHeads, keyLength: length }: Heads, { scale, softcap, window, rope, interleaved }: Attends): Float64Array {
  const rows = queries.length / (heads * length);
  const turned = (data: Float32Array, count: number): Float64Array => {
    const order = rope && interleaved ? halfSplitOrder(length, rope.rotated) : Array.from({ length }, (_, i) => i);
    const out = Float64Array.from(data, (_, i) => data[i - (i % length) + order[i % length]]);
    if (rope) for (let at = 0; at < out.length; at += length) rotate(out, at, Math.floor(at / (count * length)), inverseFrequencies(rope), rope.scale);
    return out;
  };
  const [q, k] = [turned(queries, heads), turned(keys, kvHeads)];
  const out = new Float64Array(rows * heads * length);
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      const group = Math.floor(head / (heads / kvHeads));
      const from = window > 0 ? Math.max(0, row + 1 - window) : 0;
      const at = (row * heads + head) * length;
      const weights = Array.from({ length: row + 1 - from }, (_, i) => {
        let score = 0;
        for (let e = 0; e < length; e++) score += q[at + e] * k[((from + i) * kvHeads + group) * length + e];
        return Math.exp(softcap > 0 ? softcap * Math.tanh((score * scale) / softcap) : score * scale);
      });
      const sum = weights.reduce((a, b) => a + b, 0);
      for (const [i, weight] of weights.entries()) for (let e = 0; e < length; e++) out[at + e] += (weight / sum) * values[((from + i) * kvHeads + group) * length + e];
    }
  }
  return out;
}
