// ONNX files as messages: what is read and written of onnx.proto3 (field numbers of ONNX IR version 10).
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
        dims: field('int64', 1, true), dataType: field('int32', 2), floatData: field('float', 4, true), int32Data: field('int32', 5, true), int64Data: field('int64', 7, true),
        name: field('string', 8), rawData: field('bytes', 9), doubleData: field('double', 10, true), uint64Data: field('uint64', 11, true),
        externalData: field('StringStringEntryProto', 13, true), dataLocation: field('int32', 14),
      },
    },
    AttributeProto: {
      fields: {
        name: field('string', 1), f: field('float', 2), i: field('int64', 3), s: field('bytes', 4), t: field('TensorProto', 5), g: field('bytes', 6),
        floats: field('float', 7, true), ints: field('int64', 8, true), strings: field('bytes', 9, true), graphs: field('bytes', 11, true), type: field('int32', 20),
      },
    },
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
        graph: field('GraphProto', 7), opsetImport: field('OperatorSetIdProto', 8, true), functions: field('bytes', 25, true),
      },
    },
  },
});
const Model = root.lookupType('ModelProto');

/** TensorProto.DataType */
export const ELEMENT = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10 } as const;
/** AttributeProto.AttributeType */
export const ATTRIBUTE = { float: 1, int: 2, string: 3, graph: 5, ints: 7, graphs: 10 } as const;
/** TensorProto.DataLocation */
export const EXTERNAL = 1;

export type Int64 = number | { toNumber(): number };

// Where a file is silent: 0, '', no bytes, no list.

export interface OnnxTensor {
  name: string;
  dims: Int64[];
  dataType: number;
  /** Part of the bytes that were decoded. */
  rawData: Uint8Array;
  externalData: { key: string; value: string }[];
  dataLocation: number;
  floatData: number[];
  int32Data: Int64[];
  int64Data: Int64[];
}

export interface OnnxAttribute {
  name: string;
  type: number;
  f: number;
  i: Int64;
  ints: Int64[];
  t: OnnxTensor | null;
}

export interface OnnxNode {
  name: string;
  domain: string;
  opType: string;
  input: string[];
  output: string[];
  attribute: OnnxAttribute[];
}

/** A graph's input or output. */
export interface OnnxValue {
  name: string;
  type: { tensorType: { elemType: number; shape: { dim: { dimValue: Int64; dimParam: string }[] } | null } | null } | null;
}

export interface OnnxModel {
  irVersion: Int64;
  opsetImport: { domain: string; version: Int64 }[];
  functions: Uint8Array[];
  graph: { node: OnnxNode[]; initializer: OnnxTensor[]; input: OnnxValue[]; output: OnnxValue[] } | null;
}

/** Throws where the bytes are no such message. What it gives may be written again as it is. */
export const decodeModel = (bytes: Uint8Array): OnnxModel => Model.decode(bytes) as unknown as OnnxModel;

export const encodeModel = (model: object): Uint8Array => Model.encode(Model.create(model)).finish();

/** Beyond 2⁵³ only roughly right. */
export const numberOf = (value: Int64): number => (typeof value === 'number' ? value : value.toNumber());
