// A segment that ONNX Runtime runs: a part of a published graph, its ports between rows and tensors `[1, rows, width]`.
import { halfSplitOrder } from './nativeDecoder.ts';
import { encodeModel, ELEMENT, type OnnxModel } from '../onnx/proto.ts';
import type { CutAttention, Part } from '../onnx/cut.ts';
import type { Rows } from '../rows.ts';
import { Segment, type FloatTensor } from '../segment.ts';
import type { SegmentRunner } from './segmentRunner.ts';

/** A port of a decoder and the tensor of the graph that it is. */
export interface Joint {
  port: string;
  tensor: string;
  width: number;
}

export class OnnxSegment implements SegmentRunner {
  private constructor(
    private readonly segment: Segment,
    private readonly inputs: readonly Joint[],
    private readonly outputs: readonly Joint[],
  ) {}

  /** @param graph of the model: what its nodes mean depends on its versions */
  static async create(model: OnnxModel, part: Part, inputs: Joint[], outputs: Joint[], threads: number): Promise<OnnxSegment> {
    const value = ({ tensor, width }: Joint) => ({ name: tensor, type: { tensorType: { elemType: ELEMENT.float, shape: { dim: [{ dimValue: 1 }, { dimParam: 'rows' }, { dimValue: width }] } } } });
    const bytes = encodeModel({
      irVersion: model.irVersion, opsetImport: model.opsetImport, producerName: 'deltallm',
      graph: { name: 'part', node: part.nodes, initializer: part.initializers, input: inputs.map(value), output: outputs.map(value) },
    });
    return new OnnxSegment(await Segment.fromBytes(bytes, threads), inputs, outputs);
  }

  async run(inputs: Record<string, Rows>, outputs: Record<string, Rows>, rows: number): Promise<void> {
    const tensors = (joints: readonly Joint[], of: Record<string, Rows>): Record<string, FloatTensor> => Object.fromEntries(joints.map(({ port, tensor, width }) => [tensor, { data: of[port].view(rows), dims: [1, rows, width] }]));
    await this.segment.runTensors(tensors(this.inputs, inputs), tensors(this.outputs, outputs));
  }

  release(): Promise<void> {
    return this.segment.release();
  }
}

const QKV = 'deltallm.qkv';

/** The part with its queries, keys and values side by side in one tensor, pairs of halves; and the tensor's name. */
export function besideEachOther(part: Part, { qkv, heads, kvHeads, rotary }: CutAttention, keyLength: number, rotated: number): { part: Part; tensor: string } {
  const nodes = [...part.nodes];
  const initializers = [...part.initializers];
  let tensor = qkv[0];
  if (qkv.length > 1) {
    tensor = QKV;
    nodes.push({ name: QKV, domain: '', opType: 'Concat', input: qkv, output: [QKV], attribute: [{ name: 'axis', type: 2, i: 2, f: 0 }] });
  }
  if (rotary?.interleaved) {
    const order = halfSplitOrder(keyLength, rotated);
    const columns = Array.from({ length: (heads + 2 * kvHeads) * keyLength }, (_, i) => {
      const head = Math.floor(i / keyLength);
      return BigInt(head < heads + kvHeads ? head * keyLength + order[i % keyLength] : i);
    });
    const data = BigInt64Array.from(columns);
    initializers.push({ name: `${QKV}.order`, dims: [columns.length], dataType: ELEMENT.int64, rawData: new Uint8Array(data.buffer), externalData: [], dataLocation: 0, floatData: [] });
    nodes.push({ name: `${QKV}.turned`, domain: '', opType: 'Gather', input: [tensor, `${QKV}.order`], output: [`${QKV}.turned`], attribute: [{ name: 'axis', type: 2, i: 2, f: 0 }] });
    tensor = `${QKV}.turned`;
  }
  return { part: { ...part, nodes, initializers }, tensor };
}
