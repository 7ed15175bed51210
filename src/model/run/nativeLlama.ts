// The `llama` decoder as native segments, cut at every attention as `../import/llama.ts` cuts its graphs: the same ports, the weights as they lie in the file.
import { promises as fs } from 'node:fs';
import type { Addon } from '../../binding/addon.ts';
import { readArchitecture, TensorSource, type Architecture } from '../import/architecture.ts';
import { readGguf } from '../import/gguf.ts';
import { halfSplitOrder, headTensor, PORTS } from '../import/llama.ts';
import { flowWidths } from '../manifest.ts';
import { NativeEmbedding } from './nativeEmbedding.ts';
import { SegmentSteps, type NativeSegment, type ProductPart } from './nativeSegment.ts';
import { NativeWeights } from './nativeWeights.ts';
import type { Runners } from './segmentRunner.ts';

export interface NativeRunners extends Runners {
  /** Bytes that the weights take. */
  bytes: number;
}

/** Reads a GGUF's weights into native segments, `asFloats` as float32. Throws what reading a GGUF throws; `outOfMemory` comes from the addon. */
export async function nativeLlama(addon: Addon, path: string, asFloats = false): Promise<NativeRunners> {
  const gguf = await readGguf(path);
  const arch = readArchitecture(gguf);
  const file = await fs.open(path, 'r');
  const weights = new NativeWeights(addon, file, asFloats);
  const source = new TensorSource(gguf);
  const embedding = new NativeEmbedding(addon, path, source.take('token_embd.weight', arch.shape.vocabulary, arch.shape.hidden));
  const runners: NativeSegment[] = [];
  const release = () => {
    for (const runner of runners) runner.release();
    weights.release();
    embedding.close();
  };
  try {
    const decoder = new Decoder(addon, arch, source, weights);
    for (let i = 0; i <= arch.shape.layers; i++) runners.push(await decoder.segment(i));
    runners.push(await decoder.head());
    return { embedding, segments: runners.slice(0, -1), head: runners.at(-1)!, bytes: weights.bytes, release };
  } catch (error) {
    release();
    throw error;
  } finally {
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
    const { shape } = this.arch;
    const steps = new SegmentSteps([{ name: PORTS.hidden, width: shape.hidden }], [{ name: PORTS.logits, width: shape.vocabulary }]);
    await this.norm(steps, PORTS.hidden, 'normed', 'output_norm');
    steps.product('normed', PORTS.logits, [{ weights: await this.weights.matrix(headTensor(this.arch, this.source)), rows: shape.vocabulary }]);
    return steps.finish(this.addon);
  }

  /** residual + Wo·attention, then + MLP(norm(·)). */
  private async feedForward(steps: SegmentSteps, layer: number): Promise<void> {
    const { shape } = this.arch;
    const name = (what: string) => `blk.${layer}.${what}`;
    steps.product(PORTS.attention, 'projected', [await this.part(name('attn_output'), shape.hidden, shape.heads * shape.valueLength)]);
    steps.add(PORTS.residual, 'projected', 'after_attention');
    await this.norm(steps, 'after_attention', 'ffn_in', name('ffn_norm'));
    steps.product('ffn_in', 'gate', [await this.part(name('ffn_gate'), shape.feedForward, shape.hidden)]);
    steps.product('ffn_in', 'up', [await this.part(name('ffn_up'), shape.feedForward, shape.hidden)]);
    steps.gate('gate', 'up', 'product', 'silu');
    steps.product('product', 'down', [await this.part(name('ffn_down'), shape.hidden, shape.feedForward)]);
    steps.add('after_attention', 'down', PORTS.residualOut);
  }

  /** q, k and v of the normed residual stream, side by side; query and key rows from adjacent pairs to half-split pairs. */
  private async qkv(steps: SegmentSteps, layer: number, residual: string): Promise<void> {
    const { shape, rope } = this.arch;
    const order = halfSplitOrder(shape.keyLength, rope.rotated);
    const name = (what: string) => `blk.${layer}.${what}`;
    await this.norm(steps, residual, 'attn_in', name('attn_norm'));
    steps.product('attn_in', PORTS.qkv, [
      await this.part(name('attn_q'), shape.heads * shape.keyLength, shape.hidden, order),
      await this.part(name('attn_k'), shape.kvHeads * shape.keyLength, shape.hidden, order),
      await this.part(name('attn_v'), shape.kvHeads * shape.valueLength, shape.hidden),
    ]);
  }

  private async norm(steps: SegmentSteps, from: string, to: string, name: string): Promise<void> {
    steps.norm(from, to, await this.weights.vector(this.source.take(`${name}.weight`, 1, this.arch.shape.hidden)), this.arch.normEpsilon);
  }

  private async part(name: string, rows: number, columns: number, rowOrder?: Int32Array): Promise<ProductPart> {
    return { weights: await this.weights.matrix(this.source.take(`${name}.weight`, rows, columns), rowOrder), rows };
  }
}
