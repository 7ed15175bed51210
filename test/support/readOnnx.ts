// Reads the weights of a segment back: the graph's own reader, so that a test does not rely on the writer.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs/light.js';

const field = (type: string, id: number, repeated = false) => ({ type, id, ...(repeated ? { rule: 'repeated' } : {}) });
const Model = protobuf.Root.fromJSON({
  nested: {
    Entry: { fields: { key: field('string', 1), value: field('string', 2) } },
    Tensor: { fields: { dims: field('int64', 1, true), dataType: field('int32', 2), name: field('string', 8), rawData: field('bytes', 9), externalData: field('Entry', 13, true) } },
    Attribute: { fields: { name: field('string', 1), i: field('int64', 3) } },
    Node: { fields: { input: field('string', 1, true), output: field('string', 2, true), opType: field('string', 4), attribute: field('Attribute', 5, true) } },
    Graph: { fields: { node: field('Node', 1, true), initializer: field('Tensor', 5, true) } },
    Model: { fields: { graph: field('Graph', 7) } },
  },
}).lookupType('Model');

interface RawTensor { name: string; dims: number[]; rawData?: Uint8Array; externalData?: { key: string; value: string }[] }
interface RawNode { input: string[]; output: string[]; opType: string; attribute?: { name: string; i: number }[] }

/** What each linear layer (by its output's name) multiplies with, `[N, K]` as float, and the vectors by name. */
export function readWeights(path: string): { matrices: Map<string, Float32Array>; vectors: Map<string, Float32Array>; operators: string[] } {
  const { graph } = Model.toObject(Model.decode(readFileSync(path)), { longs: Number }) as { graph: { node: RawNode[]; initializer: RawTensor[] } };
  const bytesOf = (name: string): Buffer => {
    const tensor = graph.initializer.find((t) => t.name === name)!;
    const external = Object.fromEntries((tensor.externalData ?? []).map(({ key, value }) => [key, value]));
    if (external.location === undefined) return Buffer.from(tensor.rawData!);
    const offset = Number(external.offset);
    return readFileSync(join(dirname(path), external.location)).subarray(offset, offset + Number(external.length));
  };
  const floats = (name: string) => new Float32Array(Uint8Array.from(bytesOf(name)).buffer);
  const matrices = new Map<string, Float32Array>();
  for (const { opType, input, output, attribute = [] } of graph.node) {
    if (opType === 'Gemm') matrices.set(output[0], floats(input[1]));
    if (opType !== 'MatMulNBits') continue;
    const { K, N, bits, block_size: block } = Object.fromEntries(attribute.map(({ name, i }) => [name, i]));
    const quants = bytesOf(input[1]);
    const scales = floats(input[2]);
    // The zero point is left out: 2^(bits − 1).
    matrices.set(output[0], Float32Array.from({ length: N * K }, (_, i) => scales[Math.floor(i / block)] * (bits === 8 ? quants[i] - 128 : ((quants[i >> 1] >> (4 * (i & 1))) & 15) - 8)));
  }
  const vectors = new Map(graph.initializer.filter((t) => t.rawData && t.rawData.length > 0).map((t) => [t.name, floats(t.name)]));
  return { matrices, vectors, operators: graph.node.map((node) => node.opType) };
}
