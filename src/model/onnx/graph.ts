// A published graph: which node makes and which nodes read a tensor, and what each follows from. Nodes come in an order in which each finds what it reads.
import { DeltaError } from '../../shared/errors.ts';
import { float16ToNumber } from '../../shared/float16.ts';
import { printable } from '../format/ggufHeader.ts';
import { ATTRIBUTE, ELEMENT, numberOf, type OnnxAttribute, type OnnxModel, type OnnxNode, type OnnxTensor, type OnnxValue } from './proto.ts';

/** Limits on an untrusted file: real decoders have a few thousand nodes. */
const MOST_NODES = 100_000;
/** From a tensor back to what says of which type it is: a norm, a product, a cast. */
const MOST_STEPS = 10_000;
export const IDS = 'input_ids';

/** What a tensor follows from, the last of these that it does: nothing that is given, how many tokens there are, other inputs (masks, positions, what is cached), or the tokens. */
export const FOLLOWS = { constant: 0, extent: 1, inputs: 2, tokens: 3 } as const;
type Follows = (typeof FOLLOWS)[keyof typeof FOLLOWS];

export class OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers = new Map<string, OnnxTensor>();
  /** Node that makes a tensor. */
  readonly madeBy = new Map<string, number>();
  private readonly inputsByName = new Map<string, OnnxValue>();
  private readonly readBy = new Map<string, number[]>();
  private readonly kinds = new Map<string, Follows>();
  /** Constants of one element, and what is made of those alone. */
  private readonly single = new Set<string>();

  /** Throws onnxUnfit. */
  constructor(
    readonly path: string,
    readonly model: OnnxModel,
  ) {
    const { graph } = model;
    if (!graph || graph.node.length === 0) throw new DeltaError('onnxUnfit', path, 'graph', 'has nothing in it');
    if (graph.node.length > MOST_NODES) throw new DeltaError('onnxUnfit', path, 'graph', `has ${graph.node.length} nodes`);
    if (model.functions.length > 0) throw new DeltaError('onnxUnfit', path, 'graph', 'defines functions of its own');
    [this.nodes, this.inputs, this.outputs] = [graph.node, graph.input, graph.output];
    for (const tensor of graph.initializer) {
      this.initializers.set(tensor.name, tensor);
      this.kinds.set(tensor.name, FOLLOWS.constant);
      if (isSingle(tensor)) this.single.add(tensor.name);
    }
    for (const input of graph.input) {
      if (input.name === '' || this.initializers.has(input.name)) continue;
      this.inputsByName.set(input.name, input);
      this.kinds.set(input.name, input.name === IDS ? FOLLOWS.tokens : FOLLOWS.inputs);
    }
    for (const [i, node] of this.nodes.entries()) this.follow(i, node);
  }

  private follow(i: number, node: OnnxNode): void {
    let kind: Follows = FOLLOWS.constant;
    for (const name of node.input) {
      if (name === '') continue;
      const own = this.kinds.get(name);
      if (own === undefined) throw this.unfit(node, `reads ${printable(name)}, which nothing before it makes`);
      if (own > kind) kind = own;
      const readers = this.readBy.get(name);
      if (!readers) this.readBy.set(name, [i]);
      else if (readers.at(-1) !== i) readers.push(i);
    }
    if (isShape(node) && kind > FOLLOWS.extent) kind = FOLLOWS.extent;
    const single = node.opType === 'Constant' ? isSingle(tensorIn(node)) : node.input.length > 0 && node.input.every((name) => this.single.has(name));
    for (const name of node.output) {
      if (name === '') continue;
      if (this.kinds.has(name)) throw this.unfit(node, `makes ${printable(name)} a second time`);
      this.madeBy.set(name, i);
      this.kinds.set(name, kind);
      if (single) this.single.add(name);
    }
  }

  unfit(node: OnnxNode, reason: string): DeltaError {
    return new DeltaError('onnxUnfit', this.path, `${printable(node.name || node.output[0] || node.opType)} (${printable(node.opType)})`, reason);
  }

  follows(name: string): Follows {
    return this.kinds.get(name) ?? FOLLOWS.constant;
  }

  maker(name: string | undefined): OnnxNode | undefined {
    return this.nodes[this.madeBy.get(name ?? '') ?? -1];
  }

  readers(name: string): OnnxNode[] {
    return (this.readBy.get(name) ?? []).map((at) => this.nodes[at]);
  }

  isSingle(name: string): boolean {
    return this.single.has(name);
  }

  input(name: string | undefined): OnnxValue | undefined {
    return this.inputsByName.get(name ?? '');
  }

  /** Whole numbers of a constant that states them; undefined where none does. */
  integers(name: string | undefined): number[] | undefined {
    const maker = this.maker(name);
    const stated = maker?.opType === 'Constant' ? maker.attribute.find((one) => one.name === 'value_int' || one.name === 'value_ints') : undefined;
    if (stated) return (stated.name === 'value_int' ? [stated.i] : stated.ints).map(numberOf);
    const tensor = this.initializers.get(name ?? '') ?? (maker?.opType === 'Constant' ? tensorIn(maker) : undefined);
    if (!tensor || (tensor.dataType !== ELEMENT.int64 && tensor.dataType !== ELEMENT.int32) || tensor.rawData.length > 1024) return undefined;
    const bytes = Buffer.from(tensor.rawData);
    const width = tensor.dataType === ELEMENT.int64 ? 8 : 4;
    if (bytes.length > 0) return Array.from({ length: Math.floor(bytes.length / width) }, (_, i) => (width === 8 ? Number(bytes.readBigInt64LE(8 * i)) : bytes.readInt32LE(4 * i)));
    return (width === 8 ? tensor.int64Data : tensor.int32Data).map(numberOf);
  }

  /** The one float of a constant that states it; undefined where none does. */
  number(name: string): number | undefined {
    const maker = this.maker(name);
    const tensor = this.initializers.get(name) ?? (maker?.opType === 'Constant' ? tensorIn(maker) : undefined);
    if (!tensor || !isSingle(tensor)) return undefined;
    const { rawData, floatData, dataType } = tensor;
    const bytes = Buffer.from(rawData.buffer, rawData.byteOffset, rawData.length);
    if (dataType === ELEMENT.float16 && bytes.length === 2) return float16ToNumber(bytes.readUInt16LE());
    return dataType !== ELEMENT.float ? undefined : bytes.length === 4 ? bytes.readFloatLE() : floatData[0];
  }

  /** Whether all that is read of a shape is how many texts and how many tokens there are: its first two numbers. */
  isLeadingOnly(node: OnnxNode): boolean {
    const shape = node.output[0];
    return node.opType === 'Shape' && node.attribute.length === 0 && this.readers(shape).every((reader) => {
      const at = (i: number) => this.integers(reader.input[i]);
      if (reader.input.lastIndexOf(shape) !== 0) return false;
      if (reader.opType === 'Gather') return integerOf(reader, 'axis', 0) === 0 && at(1)?.every((index) => index === 0 || index === 1) === true;
      // Up to the last of three, or of none but these two.
      return reader.opType === 'Slice' && at(1)?.join() === '0' && [1, 2, ...(node.input[0] === IDS ? [] : [-1])].includes(at(2)?.[0] ?? NaN);
    });
  }

  /** ELEMENT of a tensor, by the constants and casts that it was made with. */
  elementOf(name: string): number {
    for (let [at, steps]: [string | undefined, number] = [name, 0]; at !== undefined && steps < MOST_STEPS; steps++) {
      const tensor = this.initializers.get(at);
      if (tensor) return tensor.dataType;
      const node = this.maker(at);
      if (!node) return this.input(at)?.type?.tensorType?.elemType ?? ELEMENT.float;
      if (node.opType === 'Cast') return integerOf(node, 'to', ELEMENT.float);
      if (node.opType === 'Constant') return tensorIn(node)?.dataType ?? ELEMENT.float;
      // Rows of a table are of its type, and products that of what is multiplied.
      at = node.opType === 'Gather' ? node.input[0] : (node.input.find((one) => one !== '' && this.follows(one) === FOLLOWS.tokens) ?? node.input[0]);
    }
    return ELEMENT.float;
  }

  /** Throws onnxUnfit where a node is not of ONNX or ONNX Runtime, holds a graph, or does not treat every token alike. */
  checkPlain(node: OnnxNode): void {
    if (node.domain !== '' && node.domain !== 'ai.onnx' && node.domain !== 'com.microsoft') throw this.unfit(node, `is of the domain ${printable(node.domain)}`);
    if (node.opType.startsWith('DynamicQuantize')) throw this.unfit(node, 'rounds each token by all that are read with it, so that an answer would depend on how a text is cut');
    if (node.attribute.some(({ type }) => type === ATTRIBUTE.graph || type === ATTRIBUTE.graphs)) throw this.unfit(node, 'holds a graph of its own');
  }
}

export const attributeOf = (node: OnnxNode, name: string): OnnxAttribute | undefined => node.attribute.find((one) => one.name === name);
export function integerOf(node: OnnxNode, name: string, otherwise: number): number {
  const found = attributeOf(node, name);
  return found ? numberOf(found.i) : otherwise;
}
const isShape = ({ opType, domain }: OnnxNode) => (opType === 'Shape' || opType === 'Size') && domain !== 'com.microsoft';
const tensorIn = (node: OnnxNode): OnnxTensor | undefined => attributeOf(node, 'value')?.t ?? undefined;
const isSingle = (tensor: OnnxTensor | undefined) => tensor === undefined || tensor.dims.every((dim) => numberOf(dim) === 1);
