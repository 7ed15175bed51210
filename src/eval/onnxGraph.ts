// A small typed builder of ONNX graphs.
import { ATTRIBUTE, ELEMENT, encodeModel, EXTERNAL } from '../model/onnx/proto.ts';

/** What constants are made of; halves of 32 bits are float16. */
type Values = Float32Array | Uint16Array | Uint8Array | Int8Array | BigInt64Array;

function elementOf(values: Values): number {
  if (values instanceof Float32Array) return ELEMENT.float;
  if (values instanceof Uint16Array) return ELEMENT.float16;
  if (values instanceof BigInt64Array) return ELEMENT.int64;
  return values instanceof Int8Array ? ELEMENT.int8 : ELEMENT.uint8;
}

/** An attribute: its type is told by which one is given. */
export type Attribute = { int: number } | { float: number } | { ints: number[] };
/** A tensor: of floats unless it says otherwise; [tokens, width] with free tokens, or `dims`, where a name stands for a free size. */
export type Port = { name: string; type?: keyof typeof ELEMENT } & ({ width: number } | { dims: (string | number)[] });
/** Where an initializer's bytes lie. */
export interface External {
  file: string;
  offset: number;
  length: number;
}

/** Builds one graph. Names are the caller's; every tensor is float32 [tokens, width]. */
export class GraphBuilder {
  private readonly nodes: object[] = [];
  private readonly initializers: object[] = [];

  constructor(private readonly name: string) {}

  /** Adds a node and returns the names of its outputs ('' skips an optional one). */
  node(domain: '' | 'com.microsoft', opType: string, input: string[], output: string[], attributes: Record<string, Attribute> = {}): void {
    this.nodes.push({
      domain, opType, input, output, name: `${opType}_${this.nodes.length}`,
      attribute: Object.entries(attributes).map(([name, a]) => ('int' in a ? { name, i: a.int, type: ATTRIBUTE.int } : 'ints' in a ? { name, ints: a.ints, type: ATTRIBUTE.ints } : { name, f: a.float, type: ATTRIBUTE.float })),
    });
  }

  /** A constant kept inside the graph. */
  constant(name: string, dims: number[], values: Values): string {
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.initializers.push({ name, dims, dataType: elementOf(values), rawData });
    return name;
  }

  /** A constant whose bytes lie in a file beside the graph. */
  external(name: string, type: keyof typeof ELEMENT, dims: number[], where: External): string {
    const externalData = [['location', where.file], ['offset', where.offset], ['length', where.length]].map(([key, value]) => ({ key, value: String(value) }));
    this.initializers.push({ name, dims, dataType: ELEMENT[type], externalData, dataLocation: EXTERNAL });
    return name;
  }

  /** The serialized model. */
  finish(inputs: Port[], outputs: Port[]): Uint8Array {
    const port = (p: Port) => {
      const dims = 'dims' in p ? p.dims : ['tokens', p.width];
      return { name: p.name, type: { tensorType: { elemType: ELEMENT[p.type ?? 'float'], shape: { dim: dims.map((d) => (typeof d === 'string' ? { dimParam: d } : { dimValue: d })) } } } };
    };
    return encodeModel({
      irVersion: 10,
      producerName: 'deltallm',
      opsetImport: [{ domain: '', version: 21 }, { domain: 'com.microsoft', version: 1 }],
      graph: { name: this.name, node: this.nodes, initializer: this.initializers, input: inputs.map(port), output: outputs.map(port) },
    });
  }
}
