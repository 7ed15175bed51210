// A segment that ONNX Runtime runs: a part of a published graph, its ports between rows and tensors `[1, rows, width]`.
import { halfSplitOrder } from './nativeDecoder.ts';
import { ATTRIBUTE, encodeModel, ELEMENT, type OnnxModel, type OnnxNode } from '../onnx/proto.ts';
import type { Part } from '../onnx/cut.ts';
import type { HeadRows } from '../onnx/plainAttention.ts';
import type { Shape } from '../manifest.ts';
import type { Rows } from '../rows.ts';
import { Segment, type FloatTensor } from '../segment.ts';
import type { SegmentRunner } from './segmentRunner.ts';

/** A port of a decoder and the tensor of the graph that it is. */
export interface Joint {
  port: string;
  tensor: string;
  width: number;
  /** The graph computes it in float16. */
  half?: boolean;
}

export class OnnxSegment implements SegmentRunner {
  private constructor(
    private readonly segment: Segment,
    private readonly inputs: readonly Joint[],
    private readonly outputs: readonly Joint[],
  ) {}

  /** @param graph of the model: what its nodes mean depends on its versions */
  static async create(model: OnnxModel, part: Part, inputs: Joint[], outputs: Joint[], threads: number): Promise<OnnxSegment> {
    const value = (joint: Joint) => ({ name: portOf(joint), type: { tensorType: { elemType: ELEMENT.float, shape: { dim: [{ dimValue: 1 }, { dimParam: 'rows' }, { dimValue: joint.width }] } } } });
    const casts = (joints: readonly Joint[], into: boolean) => joints.filter(({ half }) => half).map((joint) => {
      const ends = [portOf(joint), joint.tensor];
      const [from, to] = into ? ends : ends.reverse();
      return ours('Cast', [from], to, [{ name: 'to', i: into ? ELEMENT.float16 : ELEMENT.float }]);
    });
    const nodes = [...casts(inputs, true), ...part.nodes, ...casts(outputs, false)];
    const bytes = encodeModel({
      irVersion: model.irVersion, opsetImport: model.opsetImport, producerName: 'deltallm',
      graph: { name: 'part', node: nodes, initializer: part.initializers, input: inputs.map(value), output: outputs.map(value) },
    });
    return new OnnxSegment(await Segment.fromBytes(bytes, threads), inputs, outputs);
  }

  async run(inputs: Record<string, Rows>, outputs: Record<string, Rows>, rows: number): Promise<void> {
    const tensors = (joints: readonly Joint[], of: Record<string, Rows>): Record<string, FloatTensor> => Object.fromEntries(joints.map((joint) => [portOf(joint), { data: of[joint.port].view(rows), dims: [1, rows, joint.width] }]));
    await this.segment.runTensors(tensors(this.inputs, inputs), tensors(this.outputs, outputs));
  }

  release(): Promise<void> {
    return this.segment.release();
  }
}

const QKV = 'deltallm.qkv';
/** What a port is called in its graph. */
const portOf = ({ tensor, half }: Joint) => (half ? `${tensor}.deltallm` : tensor);
const ours = (opType: string, input: string[], output: string, integers: { name: string; i: number }[]): OnnxNode => ({
  name: output, domain: '', opType, input, output: [output], attribute: integers.map(({ name, i }) => ({ name, type: ATTRIBUTE.int, i, f: 0, ints: [], t: null })),
});

/** The part with its queries, keys and values side by side in one tensor, pairs of halves; and the tensor's name. */
export function besideEachOther(part: Part, qkv: readonly HeadRows[], { heads, kvHeads, keyLength }: Shape, interleaved: { rotated: number } | undefined): { part: Part; tensor: string } {
  const nodes = [...part.nodes];
  const initializers = [...part.initializers];
  const integers = (name: string, values: number[]): string => {
    initializers.push({ name, dims: [values.length], dataType: ELEMENT.int64, rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer), externalData: [], dataLocation: 0, floatData: [], int32Data: [], int64Data: [] });
    return name;
  };
  const add = (node: OnnxNode): string => {
    nodes.push(node);
    return node.output[0];
  };
  const rows = qkv.map(({ tensor, lies }, i) => {
    if (lies === 'together') return tensor;
    const own = `${QKV}.${i}`;
    const apart = lies === 'apart' ? tensor : add({ ...ours('Transpose', [tensor], `${own}.apart`, []), attribute: [{ name: 'perm', type: ATTRIBUTE.ints, ints: [0, 2, 1, 3], i: 0, f: 0, t: null }] });
    return add(ours('Reshape', [apart, integers(`${own}.shape`, [0, 0, -1])], own, []));
  });
  let tensor = rows.length === 1 ? rows[0] : add(ours('Concat', rows, QKV, [{ name: 'axis', i: 2 }]));
  if (interleaved) {
    const order = halfSplitOrder(keyLength, interleaved.rotated);
    const columns = Array.from({ length: (heads + 2 * kvHeads) * keyLength }, (_, i) => {
      const head = Math.floor(i / keyLength);
      return head < heads + kvHeads ? head * keyLength + order[i % keyLength] : i;
    });
    tensor = add(ours('Gather', [tensor, integers(`${QKV}.order`, columns)], `${QKV}.turned`, [{ name: 'axis', i: 2 }]));
  }
  return { part: { ...part, nodes, initializers }, tensor };
}
