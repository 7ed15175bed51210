// A decoder as native segments, cut at every attention, the weights in the file's own quantisation: `llama` and what differs from it by a line or two.
import { DeltaError } from '../../shared/errors.ts';
import { atOnce, type RunPass } from '../../shared/pass.ts';
import type { Addon } from '../../binding/addon.ts';
import type { Architecture, TensorSource } from '../format/architecture.ts';
import type { TensorInfo } from '../format/gguf.ts';
import { JoinedFiles } from '../format/splitFile.ts';
import { flowWidths } from '../manifest.ts';
import { NativeEmbedding } from './nativeEmbedding.ts';
import { SegmentSteps, type NativeSegment, type ProductPart } from './nativeSegment.ts';
import { NativeWeights, type MatrixForm } from './nativeWeights.ts';
import { PORTS } from './ports.ts';
import type { Runners } from './segmentRunner.ts';

export interface NativeRunners extends Runners {
  /** Bytes that the weights take. */
  bytes: number;
}

export interface NativeOptions {
  /** All matrices as float32: the reference for what rounding costs, at several times the memory. */
  asFloats?: boolean;
  /** Hears which share of the weights has been read; what it throws ends the load. */
  progress?: (share: number) => void;
  /** Runs the reading of each segment. Default: at once. */
  pass?: RunPass;
}

/** Reads a GGUF's weights into native segments; every tensor of the file must be one that the architecture knows. Throws tensorMissing, architectureUnknown, ggufTruncated; `outOfMemory` comes from the addon. */
export async function nativeDecoder(addon: Addon, arch: Architecture, source: TensorSource, { asFloats = false, progress = () => {}, pass = atOnce }: NativeOptions = {}): Promise<NativeRunners> {
  const { layers, vocabulary, hidden } = arch.shape;
  const file = await JoinedFiles.open(source.file.parts);
  const weights = new NativeWeights(addon, file, asFloats);
  const runners: NativeSegment[] = [];
  let embedding: NativeEmbedding | undefined;
  const release = () => {
    for (const runner of runners) runner.release();
    weights.release();
    embedding?.close();
  };
  try {
    embedding = new NativeEmbedding(addon, source.file, source.take('token_embd.weight', vocabulary, hidden), arch.scales.embedding);
    const own = await ropeFactors(weights, source, arch);
    if (own) arch.rope.factors = own.map((factor, pair) => factor * (arch.rope.factors?.[pair] ?? 1));
    const decoder = new Decoder(addon, arch, source, weights);
    for (let i = 0; i <= layers; i++) {
      runners.push(await pass(() => decoder.segment(i)));
      progress((i + 1) / (layers + 2));
    }
    const head = await pass(() => decoder.head());
    runners.push(head);
    progress(1);
    source.finish();
    return { embedding, segments: runners.slice(0, -1), head, bytes: weights.bytes, release };
  } catch (error) {
    release();
    throw error;
  } finally {
    weights.finish();
    await file.close();
  }
}

class Decoder {
  constructor(
    private readonly addon: Addon,
    private readonly arch: Architecture,
    private readonly source: TensorSource,
    private readonly weights: NativeWeights,
  ) {}

  /** Segment i of layers + 1: 0 is norm + q/k/v, the last has no q/k/v. */
  async segment(i: number): Promise<NativeSegment> {
    const { shape } = this.arch;
    const hidden = { name: i === 0 ? PORTS.embedding : PORTS.residual, width: shape.hidden };
    const flow = flowWidths(shape);
    const inputs = i === 0 ? [hidden] : [{ name: PORTS.attention, width: flow.attention }, hidden];
    const outputs = [...(i < shape.layers ? [{ name: PORTS.qkv, width: flow.qkv }] : []), ...(i > 0 ? [{ name: PORTS.residualOut, width: shape.hidden }] : [])];
    const steps = new SegmentSteps(inputs, outputs);
    if (i > 0) await this.feedForward(steps, i - 1);
    if (i < shape.layers) await this.qkv(steps, i, i === 0 ? PORTS.embedding : PORTS.residualOut);
    return steps.finish(this.addon);
  }

  /** Final norm, then logits. */
  async head(): Promise<NativeSegment> {
    const { shape, logitCap } = this.arch;
    const steps = new SegmentSteps([{ name: PORTS.hidden, width: shape.hidden }], [{ name: PORTS.logits, width: shape.vocabulary }]);
    await this.norm(steps, PORTS.hidden, 'normed', 'output_norm');
    steps.product('normed', PORTS.logits, [{ weights: await this.weights.matrix(headTensor(this.arch, this.source), { factor: this.arch.scales.logits, eightBits: this.arch.family.headInEights }), rows: shape.vocabulary }]);
    if (logitCap) steps.cap(PORTS.logits, PORTS.logits, logitCap);
    return steps.finish(this.addon);
  }

  /** residual + Wo·attention, then + MLP(norm(·)). */
  private async feedForward(steps: SegmentSteps, layer: number): Promise<void> {
    const { shape, family, scales: { residual: factor } } = this.arch;
    const name = (what: string) => `blk.${layer}.${what}`;
    const mixed = shape.heads * shape.valueLength;
    if (family.subNorms) await this.norm(steps, PORTS.attention, 'attention_normed', name('attn_sub_norm'), mixed);
    steps.product(family.subNorms ? 'attention_normed' : PORTS.attention, 'projected', [await this.part(name('attn_output'), shape.hidden, mixed, { factor })]);
    if (family.postNorms) await this.norm(steps, 'projected', 'projected', name('post_attention_norm'));
    steps.add(PORTS.residual, 'projected', 'after_attention');
    await this.norm(steps, 'after_attention', 'ffn_in', name('ffn_norm'));
    const activation = family.activation ?? 'silu';
    if (family.ungated) {
      steps.product('ffn_in', 'up', [await this.part(name('ffn_up'), shape.feedForward, shape.hidden)]);
      steps.gate('up', undefined, 'product', activation);
    } else {
      const [gate, up] = family.fused ? await this.halves(name('ffn_up'), shape.feedForward, shape.hidden)
        : [await this.part(name('ffn_gate'), shape.feedForward, shape.hidden), await this.part(name('ffn_up'), shape.feedForward, shape.hidden)];
      steps.product('ffn_in', 'gate', [gate]);
      steps.product('ffn_in', 'up', [up]);
      steps.gate('gate', 'up', 'product', activation);
    }
    if (family.subNorms) await this.norm(steps, 'product', 'product', name('ffn_sub_norm'), shape.feedForward);
    steps.product('product', 'down', [await this.part(name('ffn_down'), shape.hidden, shape.feedForward, { factor })]);
    if (family.postNorms) await this.norm(steps, 'down', 'down', name('post_ffw_norm'));
    steps.add('after_attention', 'down', PORTS.residualOut);
  }

  /** q, k and v of the normed residual stream, side by side, as kernels turn them: rows of adjacent pairs become rows of half-split pairs. */
  private async qkv(steps: SegmentSteps, layer: number, residual: string): Promise<void> {
    const { shape, rope, family } = this.arch;
    const rowOrder = family.pairs === 'adjacent' ? halfSplitOrder(shape.keyLength, rope.rotated) : undefined;
    const name = (what: string) => `blk.${layer}.${what}`;
    const [queries, keys] = [shape.heads, shape.kvHeads].map((heads) => heads * shape.keyLength);
    const values = shape.kvHeads * shape.valueLength;
    await this.norm(steps, residual, 'attn_in', name('attn_norm'));
    steps.product('attn_in', PORTS.qkv, family.fused ? [await this.part(name('attn_qkv'), queries + keys + values, shape.hidden)] : [
      await this.part(name('attn_q'), queries, shape.hidden, { rowOrder }),
      await this.part(name('attn_k'), keys, shape.hidden, { rowOrder }),
      await this.part(name('attn_v'), values, shape.hidden),
    ]);
    if (!family.headNorms) return;
    const scale = async (what: string) => this.weights.vector(this.source.take(`${name(what)}.weight`, 1, shape.keyLength));
    steps.headNorms(PORTS.qkv, 0, shape.heads, await scale('attn_q_norm'), this.arch.normEpsilon);
    steps.headNorms(PORTS.qkv, queries, shape.kvHeads, await scale('attn_k_norm'), this.arch.normEpsilon);
  }

  private async norm(steps: SegmentSteps, from: string, to: string, name: string, width = this.arch.shape.hidden): Promise<void> {
    const vector = (part: string) => this.weights.vector(this.source.take(`${name}.${part}`, 1, width));
    steps.norm(from, to, await vector('weight'), this.arch.normEpsilon, this.arch.family.layerNorm ? await vector('bias') : undefined);
  }

  /** The two matrices of so many rows that a tensor is, one after the other. */
  private async halves(name: string, rows: number, columns: number): Promise<[ProductPart, ProductPart]> {
    const both = this.source.take(`${name}.weight`, 2 * rows, columns);
    const half = async (from: number): Promise<ProductPart> => ({ weights: await this.weights.matrix(rowsOf(both, from, rows)), rows });
    return [await half(0), await half(rows)];
  }

  /** A matrix with its scale and its bias, where the file has them. */
  private async part(name: string, rows: number, columns: number, form: MatrixForm = {}): Promise<ProductPart> {
    const own = this.source.has(`${name}.scale`) ? (await this.weights.vector(this.source.take(`${name}.scale`, 1, 1)))[0] : 1;
    const weights = await this.weights.matrix(this.source.take(`${name}.weight`, rows, columns), { ...form, factor: (form.factor ?? 1) * own });
    if (!this.source.has(`${name}.bias`)) return { weights, rows };
    const bias = await this.weights.vector(this.source.take(`${name}.bias`, 1, rows), form);
    return { weights, rows, bias };
  }
}

/** Of frequencies; a smaller one makes infinities. */
const LEAST_FACTOR = 1e-6;

/** Divisors of the inverse frequencies, where the file has any: of a context that was lengthened (longrope) those for long texts, as llama.cpp takes them for such a context. Throws metadataInvalid. */
async function ropeFactors(weights: NativeWeights, source: TensorSource, { rope, shape, trained }: Architecture): Promise<number[] | undefined> {
  const read = (name: string) => (source.has(name) ? factorsOf(weights, source, name, rope.rotated / 2) : undefined);
  const [own, long, short] = [await read('rope_freqs.weight'), await read('rope_factors_long.weight'), await read('rope_factors_short.weight')];
  return own ?? (shape.context > trained ? long : short);
}

async function factorsOf(weights: NativeWeights, source: TensorSource, name: string, length: number): Promise<number[]> {
  const values = await weights.vector(source.take(name, 1, length));
  if (!values.every((v) => v >= LEAST_FACTOR && v < 1 / LEAST_FACTOR)) throw new DeltaError('metadataInvalid', source.file.path, name, `a factor is not between ${LEAST_FACTOR} and ${1 / LEAST_FACTOR}`);
  return [...values];
}

/** Some rows of a matrix as a tensor of their own. */
function rowsOf(tensor: TensorInfo, from: number, rows: number): TensorInfo {
  const rowBytes = tensor.bytes / tensor.shape[1];
  return { ...tensor, shape: [tensor.shape[0], rows], offset: tensor.offset + from * rowBytes, bytes: rows * rowBytes };
}

/** The head's own matrix, or the embedding where they are tied. */
function headTensor({ shape }: Architecture, source: TensorSource): TensorInfo {
  return source.take(source.has('output.weight') ? 'output.weight' : 'token_embd.weight', shape.vocabulary, shape.hidden);
}

/** Row order of one head: half-split row i is adjacent-pair row 2i, row i + rotated/2 is 2i + 1; the rest stays. */
export function halfSplitOrder(headLength: number, rotated: number): Int32Array {
  return Int32Array.from({ length: headLength }, (_, i) => (i >= rotated ? i : i < rotated / 2 ? 2 * i : 2 * (i - rotated / 2) + 1));
}
