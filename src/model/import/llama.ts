// The `llama` decoder cut at every attention: graph i takes the attention's output and the residual stream and gives the next q/k/v.
import { FORMATS, nativeFormat, type WeightFormat } from './weightFormats.ts';
import { SegmentWriter, type MatrixForm, type MatrixPart } from './segmentWriter.ts';
import type { TensorType } from './tensorTypes.ts';
import { flowWidths } from '../manifest.ts';
import type { Architecture, TensorSource } from './architecture.ts';
import type { TensorInfo } from './gguf.ts';

/** Names of the graphs' inputs and outputs; every one is float32 [tokens, width]. */
export const PORTS = { embedding: 'embedding', attention: 'attention', residual: 'residual', qkv: 'qkv', residualOut: 'residual_out', hidden: 'hidden', logits: 'logits' } as const;

export type OpenSegment = (name: string) => Promise<SegmentWriter>;
/** How the matrices of a segment are stored, by the type that they have in the file. */
export type FormOf = (type: TensorType) => MatrixForm;

/** Without loss, except that large float models become 8 bit. */
export const precise = (floatAs: 'f32' | 'q8b32'): FormOf => (type) => nativeFormat(type, floatAs);
export const onLane: FormOf = () => 'lane';

/** Writes segment i of layers + 1 under that name: 0 is norm + q/k/v, the last has no q/k/v. */
export async function writeSegment(open: OpenSegment, name: string, i: number, arch: Architecture, source: TensorSource, formOf: FormOf): Promise<{ name: string; bytes: number }> {
  const { shape } = arch;
  const writer = await open(name);
  try {
    const hidden = { name: i === 0 ? PORTS.embedding : PORTS.residual, width: shape.hidden };
    let residual: string = hidden.name;
    if (i > 0) residual = await feedForward(writer, i - 1, arch, source, formOf, residual);
    if (i < shape.layers) await qkv(writer, i, arch, source, formOf, residual);
    const inputs = i === 0 ? [hidden] : [{ name: PORTS.attention, width: flowWidths(shape).attention }, hidden];
    const residualOut = { name: PORTS.residualOut, width: shape.hidden };
    if (i === shape.layers) await writer.finish(inputs, [residualOut]);
    else await writer.finish(inputs, [{ name: PORTS.qkv, width: flowWidths(shape).qkv }, ...(i === 0 ? [] : [residualOut])]);
    return { name: `${name}.onnx`, bytes: writer.bytes };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** Writes a head graph: final norm, then logits, the matrix in `format`. */
export async function writeHead(open: OpenSegment, name: string, arch: Architecture, source: TensorSource, format: WeightFormat): Promise<number> {
  const { shape } = arch;
  const writer = await open(name);
  try {
    const gamma = await writer.vector('output_norm', source.take('output_norm.weight', 1, shape.hidden));
    norm(writer, PORTS.hidden, 'normed', gamma, arch);
    await writer.linear('normed', PORTS.logits, [{ tensor: headTensor(arch, source), rows: shape.vocabulary }], shape.hidden, format);
    await writer.finish([{ name: PORTS.hidden, width: shape.hidden }], [{ name: PORTS.logits, width: shape.vocabulary }]);
    return writer.bytes;
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** The head's own matrix, or the embedding where they are tied. */
export function headTensor({ shape }: Architecture, source: TensorSource): TensorInfo {
  return source.take(source.has('output.weight') ? 'output.weight' : 'token_embd.weight', shape.vocabulary, shape.hidden);
}

/** Formats worth measuring for a head of that type, the lossless one first. A 4-bit source gains nothing from more bits. */
export function headCandidates(tensor: TensorInfo, columns: number): WeightFormat[] {
  const wide = columns % 128 === 0 ? [FORMATS.q8b128] : [];
  if (tensor.type.name === 'Q4_0') return [FORMATS.q4b32];
  if (columns % 32 !== 0) return [FORMATS.f32];
  if (tensor.type.name === 'Q8_0') return [FORMATS.q8b32, ...wide, FORMATS.q4b32];
  return [FORMATS.f32, FORMATS.q8b32, ...wide, FORMATS.q4b32];
}

/** residual + Wo·attention, then + MLP(norm(·)); returns the name of the new residual stream. */
async function feedForward(w: SegmentWriter, layer: number, arch: Architecture, source: TensorSource, formOf: FormOf, residual: string): Promise<string> {
  const { shape } = arch;
  const name = (what: string) => `blk.${layer}.${what}.weight`;
  const matrix = async (from: string, to: string, what: string, rows: number, columns: number) => {
    const tensor = source.take(name(what), rows, columns);
    await w.linear(from, to, [{ tensor, rows }], columns, formOf(tensor.type));
  };
  await matrix(PORTS.attention, 'projected', 'attn_output', shape.hidden, shape.heads * shape.valueLength);
  const gamma = await w.vector('ffn_norm', source.take(name('ffn_norm'), 1, shape.hidden));
  addAndNorm(w, residual, 'projected', gamma, 'ffn_in', 'after_attention', arch);
  // Side by side where they have one format: the input is quantised once, and threads meet once.
  const [gate, up] = ['ffn_gate', 'ffn_up'].map((what): MatrixPart => ({ tensor: source.take(name(what), shape.feedForward, shape.hidden), rows: shape.feedForward }));
  const [gateFormat, upFormat] = [gate, up].map((part) => formOf(part.tensor.type));
  if (upFormat === 'lane') {
    // The widest tensors of all: each is written once. What `up` is in units of goes into the step of `product`, which is looked for anyway.
    await w.linear('ffn_in', 'gate', [gate], shape.hidden, gateFormat);
    await w.laneLinear('ffn_in', 'up', [up], shape.hidden);
    w.inUnitsOf('up', 'product');
  } else if (gateFormat === upFormat) {
    await w.linear('ffn_in', 'gate_up', [gate, up], shape.hidden, gateFormat);
    w.graph.node('', 'Split', ['gate_up'], ['gate', 'up'], { axis: { int: 1 }, num_outputs: { int: 2 } });
  } else {
    await w.linear('ffn_in', 'gate', [gate], shape.hidden, gateFormat);
    await w.linear('ffn_in', 'up', [up], shape.hidden, upFormat);
  }
  w.graph.node('com.microsoft', 'QuickGelu', ['gate'], ['activated'], { alpha: { float: 1 } }); // x · σ(1·x) is SiLU
  w.graph.node('', 'Mul', ['activated', 'up'], ['product']);
  await matrix('product', 'down', 'ffn_down', shape.hidden, shape.feedForward);
  w.graph.node('', 'Add', ['after_attention', 'down'], [PORTS.residualOut]);
  return PORTS.residualOut;
}

/** q, k and v of the normed residual stream, side by side; query and key rows from adjacent pairs to half-split pairs. */
async function qkv(w: SegmentWriter, layer: number, arch: Architecture, source: TensorSource, formOf: FormOf, residual: string): Promise<void> {
  const { shape } = arch;
  const gamma = await w.vector('attn_norm', source.take(`blk.${layer}.attn_norm.weight`, 1, shape.hidden));
  norm(w, residual, 'attn_in', gamma, arch);
  const rowOrder = halfSplitOrder(shape.keyLength, arch.rope.rotated);
  const part = (what: string, rows: number, order?: Int32Array): MatrixPart => ({ tensor: source.take(`blk.${layer}.${what}.weight`, rows, shape.hidden), rows, rowOrder: order });
  const parts = [part('attn_q', shape.heads * shape.keyLength, rowOrder), part('attn_k', shape.kvHeads * shape.keyLength, rowOrder), part('attn_v', shape.kvHeads * shape.valueLength)];
  const formats = parts.map((p) => formOf(p.tensor.type));
  if (formats.every((f) => f === formats[0])) {
    await w.linear('attn_in', PORTS.qkv, parts, shape.hidden, formats[0]);
  } else {
    for (const [n, p] of parts.entries()) await w.linear('attn_in', `qkv_${n}`, [p], shape.hidden, formats[n]);
    w.graph.node('', 'Concat', ['qkv_0', 'qkv_1', 'qkv_2'], [PORTS.qkv], { axis: { int: 1 } });
  }
}

function norm(w: SegmentWriter, input: string, output: string, gamma: string, arch: Architecture): void {
  w.graph.node('', 'SimplifiedLayerNormalization', [input, gamma], [output], { axis: { int: -1 }, epsilon: { float: arch.normEpsilon } });
}

/** sum = a + b; output = norm(sum), in one pass over memory. */
function addAndNorm(w: SegmentWriter, a: string, b: string, gamma: string, output: string, sum: string, arch: Architecture): void {
  w.graph.node('com.microsoft', 'SkipSimplifiedLayerNormalization', [a, b, gamma], [output, '', '', sum], { epsilon: { float: arch.normEpsilon } });
}

/** Row order of one head: half-split row i is adjacent-pair row 2i, row i + rotated/2 is 2i + 1; the rest stays. */
export function halfSplitOrder(headLength: number, rotated: number): Int32Array {
  return Int32Array.from({ length: headLength }, (_, i) => (i >= rotated ? i : i < rotated / 2 ? 2 * i : 2 * (i - rotated / 2) + 1));
}
