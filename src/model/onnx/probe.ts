// Parts of a graph that hold no weights, run by ONNX Runtime on numbers of ours. Whatever the part asks for besides them it is given as if so many tokens
// came after so many others.
import { DeltaError } from '../../shared/errors.ts';
import { printable } from '../format/ggufHeader.ts';
import { Segment, type FloatTensor } from '../segment.ts';
import { FOLLOWS, IDS, integerOf, type OnnxGraph } from './graph.ts';
import type { OnnxFile } from './onnxFile.ts';
import type { HeadRows, PlainAttention } from './plainAttention.ts';
import { ATTRIBUTE, ELEMENT, encodeModel, type OnnxAttribute, type OnnxNode, type OnnxTensor } from './proto.ts';

/** Of constants: angles of 131 072 positions, twice. */
const MOST_BYTES = 2 ** 28;

/** So many tokens, after so many others. */
export interface Moment {
  rows: number;
  past: number;
}

/** Of a tensor in one direction; what is larger asks for memory that nobody has. From 2³¹ - 1 on it is how "up to the end" is written, and as a size beyond any memory. */
const MOST_SIZE = 2 ** 24;
const NO_END = 2 ** 31 - 1;

export interface Heads {
  heads: number;
  kvHeads: number;
  keyLength: number;
}

/** Tensors of a graph that are one input of a part, `[1, rows, width]` where heads lie in it. */
export type Given = Record<string, readonly (string | HeadRows)[]>;

const NAME = 'deltallm.probe';
/** Of tensors that lie in this graph only as their shapes. */
const SHAPES = { leading: `${NAME}.leading`, past: `${NAME}.past_shape`, kept: `${NAME}.kept_shape` };
const PAST = `${NAME}.past`;

export class Probe {
  private constructor(
    private readonly segment: Segment,
    private readonly needs: ReadonlySet<string>,
    private readonly outputs: readonly string[],
    private readonly heads: Heads,
  ) {}

  /** @param layers of the graph, for what they keep @param given inputs of ours by their names @throws onnxUnfit */
  static async create(file: OnnxFile, graph: OnnxGraph, layers: readonly PlainAttention[], heads: Heads, given: Given, outputs: readonly string[]): Promise<Probe> {
    const part = new Part(graph, layers, heads, given);
    for (const output of outputs) part.need(output, layers[0].softmax);
    const initializers: OnnxTensor[] = [];
    let bytes = 0;
    for (const tensor of part.initializers.values()) {
      bytes += file.place(tensor).length;
      if (bytes > MOST_BYTES) throw graph.unfit(layers[0].softmax, 'follows from too many constants');
      initializers.push(await file.whole(tensor));
    }
    const results = outputs.map((output, i) => {
      part.last.push(node('Cast', [output], `${NAME}.out.${i}`, { to: ELEMENT.float }));
      return `${NAME}.out.${i}`;
    });
    const value = (name: string) => ({ name, type: { tensorType: { elemType: ELEMENT.float } } });
    const { model } = graph;
    const message = encodeModel({
      irVersion: model.irVersion, opsetImport: model.opsetImport, producerName: 'deltallm',
      graph: { name: 'probe', node: part.all(), initializer: [...initializers, ...part.constants], input: [...part.needs].map(value), output: results.map(value) },
    });
    try {
      return new Probe(await Segment.fromBytes(message, 1), part.needs, results, heads);
    } catch (error) {
      throw unfit(graph, layers[0], error);
    }
  }

  /** Outputs of the part, of the sizes that they are said to have. */
  async run({ rows, past }: Moment, given: Record<string, FloatTensor>, dims: number[]): Promise<Float32Array[]> {
    const { kvHeads, keyLength } = this.heads;
    const filled = (length: number, of: (i: number) => number): FloatTensor => ({ dims: [1, length], data: Float32Array.from({ length }, (_, i) => of(i)) });
    const shape = (...sizes: number[]): FloatTensor => ({ dims: [sizes.length], data: Float32Array.from(sizes) });
    const known: Record<string, () => FloatTensor> = {
      [IDS]: () => filled(rows, () => 0), attention_mask: () => filled(past + rows, () => 1), position_ids: () => filled(rows, (i) => past + i),
      cache_position: () => ({ ...filled(rows, (i) => past + i), dims: [rows] }),
      [PAST]: () => ({ dims: [1, kvHeads, 0, keyLength], data: new Float32Array(0) }),
      [SHAPES.leading]: () => shape(1, rows, 1), [SHAPES.past]: () => shape(1, kvHeads, past, keyLength), [SHAPES.kept]: () => shape(1, kvHeads, past + rows, keyLength),
    };
    const inputs: Record<string, FloatTensor> = {};
    for (const name of this.needs) {
      // Inputs of the graph have its names behind ours, so that the numbers become what it wants.
      const own = name.startsWith(`${NAME}.in.`) ? name.slice(NAME.length + 4) : name;
      inputs[name] = given[name] ?? known[own]();
    }
    const outputs = Object.fromEntries(this.outputs.map((name): [string, FloatTensor] => [name, { dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)) }]));
    await this.segment.runTensors(inputs, outputs);
    return this.outputs.map((name) => outputs[name].data);
  }

  release(): Promise<void> {
    return this.segment.release();
  }
}

export const unfit = (graph: OnnxGraph, { softmax }: PlainAttention, error: unknown): DeltaError =>
  (error instanceof DeltaError ? error : graph.unfit(softmax, `is of an attention that ONNX Runtime does not take (${printable((error as Error).message)})`));

const INPUTS = new Set([IDS, 'attention_mask', 'position_ids', 'cache_position']);

/** Nodes that some tensors need, with ours before and behind them. */
class Part {
  readonly initializers = new Map<string, OnnxTensor>();
  readonly constants: object[] = [];
  /** Inputs. */
  readonly needs = new Set<string>();
  readonly last: OnnxNode[] = [];
  private readonly first: OnnxNode[] = [];
  private readonly chosen = new Map<number, OnnxNode>();
  private readonly made = new Set<string>();
  private readonly kept: ReadonlySet<string>;
  private readonly past: ReadonlySet<string>;
  private readonly given = new Map<string, { input: string; rows: HeadRows | undefined }>();

  constructor(
    private readonly graph: OnnxGraph,
    layers: readonly PlainAttention[],
    private readonly heads: Heads,
    given: Given,
  ) {
    this.kept = new Set(layers.flatMap(({ kept }) => kept));
    this.past = new Set(layers.flatMap(({ past }) => past));
    for (const [input, tensors] of Object.entries(given)) {
      for (const one of tensors) this.given.set(typeof one === 'string' ? one : one.tensor, { input, rows: typeof one === 'string' ? undefined : one });
    }
  }

  all(): OnnxNode[] {
    return [...this.first, ...[...this.chosen].sort(([a], [b]) => a - b).map(([, own]) => own), ...this.last];
  }

  need(output: string, reader: OnnxNode): void {
    const left: [name: string, reader: OnnxNode][] = [[output, reader]];
    for (let next = left.pop(); next; next = left.pop()) {
      const [name, by] = next;
      if (name === '' || this.made.has(name)) continue;
      this.made.add(name);
      const constant = this.graph.initializers.get(name);
      const at = this.graph.madeBy.get(name);
      if (this.graph.integers(name)?.some((value) => Math.abs(value) > MOST_SIZE && value < NO_END)) throw this.graph.unfit(by, 'asks for sizes that no model has');
      if (this.given.has(name)) this.give(name, reader);
      else if (constant) this.initializers.set(name, constant);
      else if (at === undefined) this.feed(name, by);
      else if (!this.chosen.has(at)) {
        const own = this.instead(this.graph.nodes[at]);
        this.chosen.set(at, own);
        this.graph.checkPlain(own);
        for (const input of own.input) if (!input.startsWith(NAME)) left.push([input, own]);
      }
    }
  }

  /** A tensor of the graph, from an input of ours. */
  private give(name: string, reader: OnnxNode): void {
    const { input, rows } = this.given.get(name)!;
    this.needs.add(input);
    const to = this.graph.elementOf(name);
    if (to !== ELEMENT.float && to !== ELEMENT.float16) throw this.graph.unfit(reader, 'computes in a type that is not read here');
    const together = rows === undefined || rows.lies === 'together';
    const cast = `${NAME}.cast.${name}`;
    this.first.push(node('Cast', [input], together ? name : cast, { to }));
    if (together) return;
    const apart = rows.lies === 'apart' ? name : `${NAME}.apart.${name}`;
    this.first.push(node('Reshape', [cast, this.constant([0, 0, -1, this.heads.keyLength])], apart));
    if (rows.lies === 'first') this.first.push({ ...node('Transpose', [apart], name), attribute: [{ ...attribute('perm'), type: ATTRIBUTE.ints, ints: [0, 2, 1, 3] }] });
  }

  /** An input of the graph. */
  private feed(name: string, reader: OnnxNode): void {
    const to = this.graph.input(name)?.type?.tensorType?.elemType ?? ELEMENT.int64;
    const known = INPUTS.has(name);
    if (!known && to !== ELEMENT.float && to !== ELEMENT.float16) throw this.graph.unfit(reader, `needs ${printable(name)}, of which nothing is known`);
    const fed = known ? `${NAME}.in.${name}` : PAST;
    this.needs.add(fed);
    this.first.push(node('Cast', [fed], name, { to }));
  }

  /** A node, or what stands for it where it asks for the shape of what is not here. */
  private instead(own: OnnxNode): OnnxNode {
    const [of] = own.input;
    if (own.opType !== 'Shape') return own;
    const isPast = this.past.has(of) || (this.graph.input(of) !== undefined && !INPUTS.has(of));
    const shape = this.kept.has(of) ? SHAPES.kept : isPast ? SHAPES.past : this.graph.isLeadingOnly(own) && this.graph.follows(of) === FOLLOWS.tokens ? SHAPES.leading : undefined;
    if (shape === undefined) return own;
    const integers = `${shape}.integers`;
    if (!this.needs.has(shape)) {
      this.needs.add(shape);
      this.first.push(node('Cast', [shape], integers, { to: ELEMENT.int64 }));
    }
    const [start, end] = [integerOf(own, 'start', 0), integerOf(own, 'end', 99)];
    return { ...node('Slice', [integers, this.constant([start]), this.constant([end])], own.output[0]), name: own.name };
  }

  private constant(values: number[]): string {
    const name = `${NAME}.constant.${this.constants.length}`;
    this.constants.push({ name, dims: [values.length], dataType: ELEMENT.int64, rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) });
    return name;
  }
}

const attribute = (name: string): OnnxAttribute => ({ name, type: ATTRIBUTE.int, f: 0, i: 0, ints: [], t: null });
const node = (opType: string, input: string[], output: string, integers: Record<string, number> = {}): OnnxNode => ({
  name: output, domain: '', opType, input, output: [output], attribute: Object.entries(integers).map(([name, i]) => ({ ...attribute(name), i })),
});
