// A small typed builder of ONNX graphs over protobufjs. Field numbers: onnx.proto3 (ONNX IR version 10).
import protobuf from 'protobufjs/light.js';

const field = (type: string, id: number, repeated = false) => ({ type, id, ...(repeated ? { rule: 'repeated' } : {}) });

const root = protobuf.Root.fromJSON({
  nested: {
    OperatorSetIdProto: { fields: { domain: field('string', 1), version: field('int64', 2) } },
    StringStringEntryProto: { fields: { key: field('string', 1), value: field('string', 2) } },
    Dimension: { fields: { dimValue: field('int64', 1), dimParam: field('string', 2) } },
    TensorShapeProto: { fields: { dim: field('Dimension', 1, true) } },
    TensorTypeProto: { fields: { elemType: field('int32', 1), shape: field('TensorShapeProto', 2) } },
    TypeProto: { fields: { tensorType: field('TensorTypeProto', 1) } },
    ValueInfoProto: { fields: { name: field('string', 1), type: field('TypeProto', 2) } },
    TensorProto: {
      fields: {
        dims: field('int64', 1, true), dataType: field('int32', 2), name: field('string', 8), rawData: field('bytes', 9),
        externalData: field('StringStringEntryProto', 13, true), dataLocation: field('int32', 14),
      },
    },
    AttributeProto: { fields: { name: field('string', 1), f: field('float', 2), i: field('int64', 3), type: field('int32', 20) } },
    NodeProto: {
      fields: {
        input: field('string', 1, true), output: field('string', 2, true), name: field('string', 3), opType: field('string', 4),
        attribute: field('AttributeProto', 5, true), domain: field('string', 7),
      },
    },
    GraphProto: {
      fields: {
        node: field('NodeProto', 1, true), name: field('string', 2), initializer: field('TensorProto', 5, true),
        input: field('ValueInfoProto', 11, true), output: field('ValueInfoProto', 12, true),
      },
    },
    ModelProto: {
      fields: {
        irVersion: field('int64', 1), producerName: field('string', 2), producerVersion: field('string', 3),
        graph: field('GraphProto', 7), opsetImport: field('OperatorSetIdProto', 8, true),
      },
    },
  },
});
const Model = root.lookupType('ModelProto');

const ELEMENT = { float: 1, uint8: 2, int8: 3, int64: 7 } as const;
const ATTRIBUTE = { float: 1, int: 2 } as const;
const EXTERNAL = 1;

function elementOf(values: Float32Array | Uint8Array | Int8Array | BigInt64Array): number {
  if (values instanceof Float32Array) return ELEMENT.float;
  if (values instanceof BigInt64Array) return ELEMENT.int64;
  return values instanceof Int8Array ? ELEMENT.int8 : ELEMENT.uint8;
}

/** An attribute: integers and floats are told apart by which one is given. */
export type Attribute = { int: number } | { float: number };
/** A tensor of floats: [tokens, width] with free tokens, or `dims`, where a name stands for a free size. */
export type Port = { name: string; width: number } | { name: string; dims: (string | number)[] };
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
      attribute: Object.entries(attributes).map(([name, a]) => ('int' in a ? { name, i: a.int, type: ATTRIBUTE.int } : { name, f: a.float, type: ATTRIBUTE.float })),
    });
  }

  /** A constant kept inside the graph. */
  constant(name: string, dims: number[], values: Float32Array | Uint8Array | Int8Array | BigInt64Array): string {
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
      return { name: p.name, type: { tensorType: { elemType: ELEMENT.float, shape: { dim: dims.map((d) => (typeof d === 'string' ? { dimParam: d } : { dimValue: d })) } } } };
    };
    return Model.encode(Model.create({
      irVersion: 10,
      producerName: 'deltallm',
      opsetImport: [{ domain: '', version: 21 }, { domain: 'com.microsoft', version: 1 }],
      graph: { name: this.name, node: this.nodes, initializer: this.initializers, input: inputs.map(port), output: outputs.map(port) },
    })).finish();
  }
}
