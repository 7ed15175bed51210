// A decoder as it is published for ONNX Runtime, cut at its attentions: what lies between two of them runs there, the attention here. Every claim of the
// graph is checked, and what does not fit is refused by the name of its node.
//
//   input_ids → Gather → hidden₀ → [ segment 0 ] → q, k, v → attention → [ segment 1 ] → … → [ segment L ] → normed → [ head ] → logits
//                                      └──────────────── residual ─────────────┘
import { DeltaError } from '../../shared/errors.ts';
import { LIMITS, MOST_SCALE } from '../format/architecture.ts';
import { printable } from '../format/ggufHeader.ts';
import { FOLLOWS, IDS, integerOf, OnnxGraph } from './graph.ts';
import { groupQuery, isGroupQuery, type GroupQuery } from './groupQuery.ts';
import { plainAttention, type HeadRows, type PlainAttention } from './plainAttention.ts';
import { ELEMENT, type OnnxModel, type OnnxNode, type OnnxTensor } from './proto.ts';

/** Nodes that multiply with a matrix: the last of them makes the logits. */
const PRODUCTS = new Set(['MatMul', 'MatMulNBits', 'Gemm', 'FusedMatMul', 'MatMulInteger', 'MatMulIntegerToFloat']);
/** Other ways to write attention, for the sentence. */
const OTHER_ATTENTION = new Set(['MultiHeadAttention', 'Attention', 'PackedAttention', 'PagedAttention', 'SparseAttention', 'DecoderMaskedMultiHeadAttention']);

/** Nodes in order with the constants that they read, between named tensors. */
export interface Part {
  nodes: OnnxNode[];
  initializers: OnnxTensor[];
  inputs: string[];
  outputs: string[];
}

/** How a layer attends. */
export interface CutAttention {
  /** For messages. */
  node: OnnxNode;
  /** Queries, keys and values before they turn; one tensor where they lie side by side. */
  qkv: HeadRows[];
  /** Where the graph does not say, undefined. */
  heads: number | undefined;
  kvHeads: number | undefined;
  keyLength: number | undefined;
  /** As stated, or nodes of which it is to be measured. */
  attends: GroupQuery | PlainAttention;
}

export interface CutDecoder {
  graph: OnnxGraph;
  /** Rows of tokens, `[vocabulary, hidden]`, and what multiplies them. */
  embedding: OnnxTensor;
  embeddingScale: number;
  attention: CutAttention[];
  /** layers + 1 of them. Inputs: hidden₀, or what attention gave and the residual stream; outputs: q, k, v where there are more layers, and the residual stream. */
  segments: Part[];
  head: Part;
}

/** Of what follows from the tokens alone, before any attention. */
const TOKENS = -1;

/** Throws onnxUnfit. */
export function cutDecoder(path: string, model: OnnxModel): CutDecoder {
  return new Cutter(new OnnxGraph(path, model)).cut();
}

/** A node that reads other tensors; what a message leaves out is no property of its own. */
const reading = ({ name, domain, opType, output, attribute }: OnnxNode, input: string[]): OnnxNode => ({ name, domain, opType, input, output, attribute });

class Cutter {
  private readonly nodes: readonly OnnxNode[];
  private readonly attention: CutAttention[] = [];
  /** Nodes that give what attention gives, and the layers. */
  private readonly layerAt = new Map<number, number>();
  /** How many attentions a tensor follows from, less one; of what is the same for any tokens, none. */
  private readonly level = new Map<string, number>();
  /** Tensors that follow from an input other than the tokens. */
  private readonly foreign = new Set<string>();

  constructor(private readonly graph: OnnxGraph) {
    this.nodes = graph.nodes;
    const refuse = (reason: string) => new DeltaError('onnxUnfit', graph.path, 'graph', reason);
    const count = this.nodes.filter((node) => isGroupQuery(node) || node.opType === 'Softmax').length;
    if (count > LIMITS.layers) throw refuse(`has ${count} attentions`);
    const found = this.nodes.flatMap((node, at): { at: number; attention: CutAttention }[] => {
      if (isGroupQuery(node)) {
        const attends = groupQuery(graph, node);
        return [{ at, attention: { node, attends, ...attends } }];
      }
      if (node.opType !== 'Softmax') return [];
      const attends = plainAttention(graph, node);
      return [{ at: graph.madeBy.get(attends.mixed)!, attention: { node, attends, qkv: [attends.queries, attends.keys, attends.values], heads: undefined, kvHeads: attends.kvHeads, keyLength: attends.keyLength } }];
    }).sort((a, b) => a.at - b.at);
    if (found.length === 0) {
      const other = this.nodes.find(({ opType }) => OTHER_ATTENTION.has(opType));
      throw other ? graph.unfit(other, 'is attention in a form that cannot be cut out; what can be is GroupQueryAttention, and attention in plain nodes') : refuse('has no attention');
    }
    for (const [layer, { at, attention }] of found.entries()) {
      this.attention.push(attention);
      this.layerAt.set(at, layer);
    }
  }

  cut(): CutDecoder {
    this.trace();
    const { attention, graph } = this;
    for (const [layer, { node, qkv }] of attention.entries()) {
      const odd = qkv.find(({ tensor }) => this.level.get(tensor) !== layer - 1 || this.foreign.has(tensor));
      if (odd) throw graph.unfit(node, `reads ${printable(odd.tensor)}, which does not follow from the layer before`);
    }
    const logits = this.logits();
    const needed = this.neededFor([logits, ...attention.flatMap(({ qkv }) => qkv.map(({ tensor }) => tensor))]);
    const residuals = attention.map((_, layer) => this.residual(layer, needed));
    const { table: embedding, scale: embeddingScale } = this.embedding(residuals[0]);
    const normed = this.beforeHead(logits);
    const mixed = [...this.layerAt].map(([at]) => this.nodes[at].output[0]);
    const segments = [...attention, undefined].map((next, i): Part => {
      const inputs = i === 0 ? [residuals[0]] : [mixed[i - 1], residuals[i - 1]];
      const outputs = next ? [...next.qkv.map(({ tensor }) => tensor), ...(i > 0 ? [residuals[i]] : [])] : [normed];
      return this.part(inputs, outputs);
    });
    return { graph, embedding, embeddingScale, attention, segments, head: this.part([normed], [logits]) };
  }

  private trace(): void {
    const { graph } = this;
    for (const { name } of graph.inputs) {
      if (graph.follows(name) < FOLLOWS.inputs) continue;
      this.level.set(name, TOKENS);
      if (name !== IDS) this.foreign.add(name);
    }
    for (const [at, node] of this.nodes.entries()) {
      const layer = this.layerAt.get(at);
      const data = node.input.filter((name) => this.level.has(name));
      for (const name of node.output) {
        if (graph.follows(name) < FOLLOWS.inputs) continue;
        this.level.set(name, layer ?? Math.max(...data.map((one) => this.level.get(one)!)));
        if (layer === undefined && data.some((one) => this.foreign.has(one))) this.foreign.add(name);
      }
    }
  }

  private logits(): string {
    const output = this.graph.outputs.find(({ name }) => name === 'logits');
    const maker = this.graph.maker('logits');
    if (!output || !maker) throw new DeltaError('onnxUnfit', this.graph.path, 'graph', 'makes no logits');
    if (this.level.get('logits') !== this.attention.length - 1) throw this.graph.unfit(maker, 'does not follow from the last attention');
    return 'logits';
  }

  /** Nodes that these tensors need, attention standing for itself. */
  private neededFor(tensors: readonly string[]): Set<number> {
    const needed = new Set<number>();
    const left = [...tensors];
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      const at = this.graph.madeBy.get(name);
      if (at === undefined || needed.has(at)) continue;
      needed.add(at);
      if (!this.layerAt.has(at)) left.push(...this.nodes[at].input);
    }
    return needed;
  }

  /** The one tensor that goes past the attention of a layer. */
  private residual(layer: number, needed: ReadonlySet<number>): string {
    const passing = new Map<string, OnnxNode>();
    for (const at of needed) {
      const node = this.nodes[at];
      if (this.layerAt.has(at) || !node.output.some((name) => (this.level.get(name) ?? -Infinity) >= layer)) continue;
      for (const name of node.input) {
        const level = this.level.get(name);
        if (level !== undefined && level < layer) passing.set(name, node);
      }
    }
    if (passing.size !== 1) {
      const [, second] = [...passing.values()];
      throw this.graph.unfit(second ?? this.attention[layer].node, second ? 'reads what goes past an attention besides the residual stream' : 'has no residual stream beside it');
    }
    const [[name, reader]] = passing;
    if (this.level.get(name) !== layer - 1) throw this.graph.unfit(reader, `reads ${printable(name)}, which leaves out a layer`);
    return name;
  }

  /** The rows of tokens, where the residual stream begins with them. */
  private embedding(first: string): { table: OnnxTensor; scale: number } {
    let maker = this.graph.maker(first);
    let scale = 1;
    for (; maker; maker = this.graph.maker(maker.input.find((name) => this.level.has(name)))) {
      // What makes float32 of floats changes none.
      if (maker.opType === 'Identity' || (maker.opType === 'Cast' && integerOf(maker, 'to', 0) === ELEMENT.float)) continue;
      const factor = maker.opType === 'Mul' ? maker.input.map((name) => this.graph.number(name)).find((number) => number !== undefined) : undefined;
      if (factor === undefined || !(factor > 1 / MOST_SCALE && factor < MOST_SCALE)) break;
      scale *= factor;
    }
    if (!maker) throw new DeltaError('onnxUnfit', this.graph.path, printable(first), 'is no embedding');
    const table = this.graph.initializers.get(maker.input[0] ?? '');
    if (maker.opType !== 'Gather' || maker.input[1] !== IDS || !table || table.dims.length !== 2) throw this.graph.unfit(maker, 'is no look-up of rows of tokens');
    if (table.dataType !== ELEMENT.float && table.dataType !== ELEMENT.float16) throw this.graph.unfit(maker, 'looks up rows of a type that is not read here');
    return { table, scale };
  }

  /** What the matrix of the logits is multiplied with. */
  private beforeHead(logits: string): string {
    for (let name = logits; ; ) {
      const node = this.graph.maker(name);
      if (!node) throw new DeltaError('onnxUnfit', this.graph.path, 'graph', 'multiplies nothing for its logits');
      this.graph.checkPlain(node);
      const data = node.input.filter((one) => this.level.has(one));
      if (data.length !== 1) throw this.graph.unfit(node, 'makes logits of more than one tensor');
      if (PRODUCTS.has(node.opType)) return data[0];
      name = data[0];
    }
  }

  /** The nodes between some tensors and others; how many tokens there are is asked of what the part is given, `[1, rows, width]`. */
  private part(inputs: string[], outputs: string[]): Part {
    const chosen = new Map<number, OnnxNode>();
    const initializers = new Map<string, OnnxTensor>();
    const left: [name: string, reader: OnnxNode | undefined][] = outputs.map((name) => [name, undefined]);
    for (let next = left.pop(); next; next = left.pop()) {
      const [name, reader] = next;
      if (name === '' || inputs.includes(name)) continue;
      const constant = this.graph.initializers.get(name);
      if (constant) {
        initializers.set(name, constant);
        continue;
      }
      const at = this.graph.madeBy.get(name);
      if (at === undefined || this.layerAt.has(at) || this.foreign.has(name)) throw this.graph.unfit(reader ?? this.nodes[at ?? 0], `needs ${printable(name)}, which is not of its layer`);
      if (chosen.has(at)) continue;
      const own = this.nodes[at];
      const node = this.graph.isLeadingOnly(own) && this.level.has(own.input[0]) && !this.foreign.has(own.input[0]) ? reading(own, [inputs.at(-1)!]) : own;
      chosen.set(at, node);
      this.graph.checkPlain(node);
      for (const input of node.input) left.push([input, node]);
    }
    return { nodes: [...chosen].sort(([a], [b]) => a - b).map(([, node]) => node), initializers: [...initializers.values()], inputs, outputs };
  }
}
