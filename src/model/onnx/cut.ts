// A decoder as it is published for ONNX Runtime, cut at its attention nodes: what lies between two of them runs there, the attention here. Every claim of the
// graph is checked, and what does not fit is refused by the name of its node.
//
//   input_ids → Gather → hidden₀ → [ segment 0 ] → q, k, v → attention → [ segment 1 ] → … → [ segment L ] → normed → [ head ] → logits
//                                      └──────────────── residual ─────────────┘
import { DeltaError } from '../../shared/errors.ts';
import { LIMITS } from '../format/architecture.ts';
import { printable } from '../format/ggufHeader.ts';
import { ATTRIBUTE, ELEMENT, numberOf, type OnnxModel, type OnnxNode, type OnnxTensor } from './proto.ts';

/** Limits on an untrusted file: real decoders have a few thousand nodes. */
const MOST_NODES = 100_000;
/** Nodes that multiply with a matrix: the last of them makes the logits. */
const PRODUCTS = new Set(['MatMul', 'MatMulNBits', 'Gemm', 'FusedMatMul', 'MatMulInteger', 'DynamicQuantizeMatMul', 'MatMulIntegerToFloat']);
/** Other ways to write attention, for the sentence. */
const OTHER_ATTENTION = new Set(['MultiHeadAttention', 'Attention', 'PackedAttention', 'PagedAttention', 'SparseAttention', 'DecoderMaskedMultiHeadAttention', 'Softmax']);
const KNOWN_ATTRIBUTES = new Set(['num_heads', 'kv_num_heads', 'scale', 'do_rotary', 'rotary_interleaved', 'local_window_size', 'softcap', 'smooth_softmax', 'qk_output', 'kv_cache_bit_width']);
const IDS = 'input_ids';

/** Nodes in order with the constants that they read, between named tensors. */
export interface Part {
  nodes: OnnxNode[];
  initializers: OnnxTensor[];
  inputs: string[];
  outputs: string[];
}

/** How a layer attends. */
export interface CutAttention {
  node: OnnxNode;
  /** Tensors of queries, keys and values before they turn; one where they lie side by side. */
  qkv: string[];
  heads: number;
  kvHeads: number;
  /** 0: 1/√(key length). */
  scale: number;
  softcap: number;
  /** Tokens that a query looks back; 0 for all. */
  window: number;
  /** Cosines and sines `[positions, pairs]`; undefined where nothing turns. */
  rotary: { cosines: OnnxTensor; sines: OnnxTensor; interleaved: boolean } | undefined;
  /** Of the keys that the graph wants to be given, where it says so. */
  keyLength: number | undefined;
}

export interface CutDecoder {
  /** Rows of tokens, `[vocabulary, hidden]`. */
  embedding: OnnxTensor;
  attention: CutAttention[];
  /** layers + 1 of them. Inputs: hidden₀, or what attention gave and the residual stream; outputs: q, k, v where there are more layers, and the residual stream. */
  segments: Part[];
  head: Part;
}

/** What a tensor follows from: nothing that is given, the tokens, or so many attentions. */
const CONSTANT = -2;
const TOKENS = -1;

/** Throws onnxUnfit. */
export function cutDecoder(path: string, model: OnnxModel): CutDecoder {
  return new Cutter(path, model).cut();
}

class Cutter {
  private readonly nodes: OnnxNode[];
  private readonly initializers = new Map<string, OnnxTensor>();
  /** Node that makes a tensor. */
  private readonly madeBy = new Map<string, number>();
  private readonly attentions: number[];
  private readonly level = new Map<string, number>();
  /** Tensors that follow from an input other than the tokens. */
  private readonly foreign = new Set<string>();

  constructor(
    private readonly path: string,
    private readonly model: OnnxModel,
  ) {
    const { graph } = model;
    if (!graph || graph.node.length === 0) throw new DeltaError('onnxUnfit', path, 'graph', 'has nothing in it');
    if (graph.node.length > MOST_NODES) throw new DeltaError('onnxUnfit', path, 'graph', `has ${graph.node.length} nodes`);
    if (model.functions.length > 0) throw new DeltaError('onnxUnfit', path, 'graph', 'defines functions of its own');
    this.nodes = graph.node;
    for (const tensor of graph.initializer) this.initializers.set(tensor.name, tensor);
    this.attentions = this.nodes.flatMap(({ opType, domain }, i) => (opType === 'GroupQueryAttention' && domain === 'com.microsoft' ? [i] : []));
    if (this.attentions.length === 0) {
      const other = this.nodes.find(({ opType }) => OTHER_ATTENTION.has(opType));
      throw other ? this.unfit(other, 'is attention in a form that cannot be cut out; what can be is GroupQueryAttention') : new DeltaError('onnxUnfit', path, 'graph', 'has no attention');
    }
    if (this.attentions.length > LIMITS.layers) throw new DeltaError('onnxUnfit', path, 'graph', `has ${this.attentions.length} attentions`);
  }

  cut(): CutDecoder {
    this.trace();
    const attention = this.attentions.map((at, layer) => this.attention(this.nodes[at], layer));
    const logits = this.logits();
    const needed = this.neededFor([logits, ...attention.flatMap(({ qkv }) => qkv)]);
    const residuals = this.attentions.map((_, layer) => this.residual(layer, needed));
    const embedding = this.embedding(residuals[0]);
    const normed = this.beforeHead(logits);
    const given = (layer: number) => this.nodes[this.attentions[layer]].output[0];
    const segments = [...attention, undefined].map((next, i): Part => {
      const inputs = i === 0 ? [residuals[0]] : [given(i - 1), residuals[i - 1]];
      const outputs = next ? [...next.qkv, ...(i > 0 ? [residuals[i]] : [])] : [normed];
      return this.part(inputs, outputs);
    });
    return { embedding, attention, segments, head: this.part([normed], [logits]) };
  }

  private unfit(node: OnnxNode, reason: string): DeltaError {
    return new DeltaError('onnxUnfit', this.path, `${printable(node.name || node.output[0] || node.opType)} (${printable(node.opType)})`, reason);
  }

  /** What every tensor follows from; nodes come in an order in which each finds what it reads. */
  private trace(): void {
    for (const { name } of this.model.graph!.input) {
      if (this.initializers.has(name)) continue;
      this.level.set(name, TOKENS);
      if (name !== IDS) this.foreign.add(name);
    }
    let layer = 0;
    for (const [i, node] of this.nodes.entries()) {
      let level = CONSTANT;
      let isForeign = false;
      for (const name of node.input) {
        if (name === '' || this.initializers.has(name)) continue;
        const own = this.level.get(name);
        if (own === undefined) throw this.unfit(node, `reads ${printable(name)}, which nothing before it makes`);
        level = Math.max(level, own);
        isForeign ||= this.foreign.has(name);
      }
      const isAttention = i === this.attentions[layer];
      for (const name of node.output) {
        if (name === '') continue;
        if (this.madeBy.has(name) || this.initializers.has(name) || this.level.has(name)) throw this.unfit(node, `makes ${printable(name)} a second time`);
        this.madeBy.set(name, i);
        this.level.set(name, isAttention ? layer : level);
        if (isForeign && !isAttention) this.foreign.add(name);
      }
      if (isAttention) layer++;
    }
  }

  private attention(node: OnnxNode, layer: number): CutAttention {
    const attribute = (name: string) => node.attribute.find((one) => one.name === name);
    const int = (name: string, otherwise: number) => { const found = attribute(name); return found ? numberOf(found.i) : otherwise; };
    const float = (name: string) => attribute(name)?.f ?? 0;
    const unknown = node.attribute.find(({ name }) => !KNOWN_ATTRIBUTES.has(name));
    if (unknown) throw this.unfit(node, `has the attribute ${printable(unknown.name)}`);
    if (int('smooth_softmax', 0) !== 0 || int('qk_output', 0) !== 0 || int('kv_cache_bit_width', 0) !== 0) throw this.unfit(node, 'asks for more than softmax over keys');
    const beyond = node.input.findIndex((name, i) => i > 9 && name !== '');
    if (beyond >= 0) throw this.unfit(node, `reads ${printable(node.input[beyond])} besides queries, keys and values`);
    const [heads, kvHeads] = [int('num_heads', 0), int('kv_num_heads', 0)];
    if (!(heads >= 1 && kvHeads >= 1 && heads % kvHeads === 0)) throw this.unfit(node, `has ${heads} heads for queries and ${kvHeads} for keys`);
    const window = int('local_window_size', -1);
    const separate = node.input[1] !== undefined && node.input[1] !== '';
    const stated = separate ? node.input.slice(0, 3) : [node.input[0]];
    if (stated.length !== (separate ? 3 : 1) || stated.some((name) => !name)) throw this.unfit(node, 'has no queries, keys and values');

    let { qkv, rotary } = { qkv: stated, rotary: undefined as CutAttention['rotary'] };
    const turning = (cosines: string | undefined, sines: string | undefined, interleaved: boolean): CutAttention['rotary'] => {
      const [c, s] = [cosines, sines].map((name) => this.initializers.get(name ?? ''));
      if (!c || !s) throw this.unfit(node, 'turns its queries and keys by what is no constant');
      return { cosines: c, sines: s, interleaved };
    };
    if (int('do_rotary', 0) !== 0) rotary = turning(node.input[7], node.input[8], int('rotary_interleaved', 0) !== 0);
    else if (separate) {
      const turned = stated.slice(0, 2).map((name) => this.nodes[this.madeBy.get(name) ?? -1]).map((maker) => (maker?.opType === 'RotaryEmbedding' && maker.domain === 'com.microsoft' ? maker : undefined));
      const [q, k] = turned;
      if ((q === undefined) !== (k === undefined)) throw this.unfit(node, 'turns only one of queries and keys');
      if (q && k) {
        const of = (maker: OnnxNode, name: string) => { const found = maker.attribute.find((one) => one.name === name); return found ? numberOf(found.i) : 0; };
        const scale = q.attribute.find((one) => one.name === 'scale')?.f ?? 1;
        if (scale !== 1 || q.input[2] !== k.input[2] || q.input[3] !== k.input[3] || of(q, 'interleaved') !== of(k, 'interleaved')) throw this.unfit(q, 'does not turn as the keys do');
        rotary = turning(q.input[2], q.input[3], of(q, 'interleaved') !== 0);
        qkv = [q.input[0], k.input[0], stated[2]];
      }
    }
    for (const name of qkv) if (this.level.get(name) !== layer - 1) throw this.unfit(node, `reads ${printable(name)}, which does not follow from the layer before`);
    const past = this.model.graph!.input.find(({ name }) => name !== '' && name === node.input[3])?.type?.tensorType;
    if (past && past.elemType !== ELEMENT.float) throw this.unfit(node, 'computes in another precision than float32');
    const length = past?.shape?.dim[3];
    return { node, qkv, heads, kvHeads, scale: float('scale'), softcap: float('softcap'), window: Math.max(0, window), rotary, keyLength: length && numberOf(length.dimValue) > 0 ? numberOf(length.dimValue) : undefined };
  }

  private logits(): string {
    const output = this.model.graph!.output.find(({ name }) => name === 'logits');
    if (!output || !this.madeBy.has('logits')) throw new DeltaError('onnxUnfit', this.path, 'graph', 'makes no logits');
    if (this.level.get('logits') !== this.attentions.length - 1) throw this.unfit(this.nodes[this.madeBy.get('logits')!], 'does not follow from the last attention');
    return 'logits';
  }

  /** Nodes that these tensors need, attention standing for itself. */
  private neededFor(tensors: readonly string[]): Set<number> {
    const needed = new Set<number>();
    const left = [...tensors];
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      const at = this.madeBy.get(name);
      if (at === undefined || needed.has(at)) continue;
      needed.add(at);
      if (!this.attentions.includes(at)) left.push(...this.nodes[at].input);
    }
    return needed;
  }

  /** The one tensor that goes past the attention of a layer. */
  private residual(layer: number, needed: ReadonlySet<number>): string {
    const attentionNodes = new Set(this.attentions);
    const passing = new Map<string, OnnxNode>();
    for (const at of needed) {
      const node = this.nodes[at];
      if (attentionNodes.has(at) || !node.output.some((name) => (this.level.get(name) ?? CONSTANT) >= layer)) continue;
      for (const name of node.input) {
        const level = this.level.get(name);
        if (level !== undefined && level > CONSTANT && level < layer) passing.set(name, node);
      }
    }
    if (passing.size !== 1) {
      const [, second] = [...passing.values()];
      throw this.unfit(second ?? this.nodes[this.attentions[layer]], second ? 'reads what goes past an attention besides the residual stream' : 'has no residual stream beside it');
    }
    const [[name, reader]] = passing;
    if (this.level.get(name) !== layer - 1) throw this.unfit(reader, `reads ${printable(name)}, which leaves out a layer`);
    return name;
  }

  /** The rows of tokens, where the residual stream begins with them. */
  private embedding(first: string): OnnxTensor {
    const maker = this.nodes[this.madeBy.get(first) ?? -1];
    if (!maker) throw new DeltaError('onnxUnfit', this.path, printable(first), 'is no embedding');
    const table = this.initializers.get(maker.input[0] ?? '');
    if (maker.opType !== 'Gather' || maker.input[1] !== IDS || !table || table.dims.length !== 2) throw this.unfit(maker, 'is no look-up of rows of tokens');
    if (table.dataType !== ELEMENT.float && table.dataType !== ELEMENT.float16) throw this.unfit(maker, 'looks up rows of a type that is not read here');
    return table;
  }

  /** What the matrix of the logits is multiplied with. */
  private beforeHead(logits: string): string {
    for (let name = logits; ; ) {
      const node = this.nodes[this.madeBy.get(name) ?? -1];
      if (!node) throw new DeltaError('onnxUnfit', this.path, 'graph', 'multiplies nothing for its logits');
      const data = node.input.filter((one) => (this.level.get(one) ?? CONSTANT) > CONSTANT);
      if (data.length !== 1) throw this.unfit(node, 'makes logits of more than one tensor');
      if (PRODUCTS.has(node.opType)) return data[0];
      name = data[0];
    }
  }

  /** The nodes between some tensors and others. */
  private part(inputs: string[], outputs: string[]): Part {
    const chosen = new Set<number>();
    const initializers = new Map<string, OnnxTensor>();
    const left: [name: string, reader: OnnxNode | undefined][] = outputs.map((name) => [name, undefined]);
    for (let next = left.pop(); next; next = left.pop()) {
      const [name, reader] = next;
      if (name === '' || inputs.includes(name)) continue;
      const constant = this.initializers.get(name);
      if (constant) {
        initializers.set(name, constant);
        continue;
      }
      const at = this.madeBy.get(name);
      if (at === undefined || this.attentions.includes(at) || this.foreign.has(name)) throw this.unfit(reader ?? this.nodes[at ?? 0], `needs ${printable(name)}, which is not of its layer`);
      if (chosen.has(at)) continue;
      chosen.add(at);
      const node = this.nodes[at];
      if (node.domain !== '' && node.domain !== 'ai.onnx' && node.domain !== 'com.microsoft') throw this.unfit(node, `is of the domain ${printable(node.domain)}`);
      if (node.attribute.some(({ type }) => type === ATTRIBUTE.graph || type === ATTRIBUTE.graphs)) throw this.unfit(node, 'holds a graph of its own');
      for (const input of node.input) left.push([input, node]);
    }
    return { nodes: [...chosen].sort((a, b) => a - b).map((at) => this.nodes[at]), initializers: [...initializers.values()], inputs, outputs };
  }
}
