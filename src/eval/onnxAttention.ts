// Attention of whole layers in ONNX Runtime: dense for parity tests, hybrid for the study of the delta format. It needs no native code,
// and hybridAttention of attention/reference.ts is its slow twin. All queries of a block read the same exact and far keys (regions are whole
// blocks), so that "near exact, far coded" is one matrix of keys per block and the graph is plain softmax attention.
import { BLOCK } from '../binding/addon.ts';
import type { Region } from '../attention/reference.ts';
import { Rotations } from '../attention/rope.ts';
import { DeltaError } from '../shared/errors.ts';
import type { LayerAttention } from '../model/forward.ts';
import { GraphBuilder } from './onnxGraph.ts';
import { attendsPlainly, type AttentionFacts } from '../model/attentionRule.ts';
import { flowWidths, inverseFrequencies, type Shape } from '../model/manifest.ts';
import { Segment } from '../model/segment.ts';

/** Bias of a key that must not be read: exp of it is 0 in float32. */
const NEVER = -1e9;

/** What far queries read of the full block that starts at token `from`. */
export interface FarForm {
  region: Region;
  /** `rotated` and `plain` (before RoPE): the block's exact keys of one head, `[64, keyLength]`, and its values; returns rotated keys. Without it far keys are exact. */
  keys?: (layer: number, kvHead: number, from: number, rotated: Float32Array, plain: Float32Array, values: Float32Array) => ArrayLike<number>;
  /** Changes the block's values in place, `[64, valueLength]`. */
  values?: (values: Float32Array, length: number) => void;
  /** Far keys are not read at all. */
  masked?: boolean;
}

/** One query head's view of one position, for measurements. */
export interface Probe {
  layer: number;
  head: number;
  position: number;
  /** Rotated and scaled, `[keyLength]`. */
  query: Float32Array;
  /** `[position + 1, keyLength]`: the exact keys, and those that this query reads; tokens [sinks, farEnd) are far. */
  exact: Float32Array;
  read: Float32Array;
  farEnd: number;
}

/** Softmax attention of `rows` queries over `tokens` keys: out = softmax(query · keysᵀ + bias) · values. */
function graph(keyLength: number, valueLength: number): Uint8Array {
  const g = new GraphBuilder('attention');
  g.node('com.microsoft', 'FusedMatMul', ['query', 'keys'], ['scores'], { transB: { int: 1 } });
  g.node('', 'Add', ['scores', 'bias'], ['biased']);
  g.node('', 'Softmax', ['biased'], ['weights'], { axis: { int: -1 } });
  g.node('', 'MatMul', ['weights', 'values'], ['out']);
  return g.finish(
    [{ name: 'query', dims: ['rows', keyLength] }, { name: 'keys', dims: ['tokens', keyLength] }, { name: 'values', dims: ['tokens', valueLength] }, { name: 'bias', dims: ['rows', 'tokens'] }],
    [{ name: 'out', dims: ['rows', valueLength] }],
  );
}

interface HeadCache {
  /** Exact keys, rotated, and before RoPE; `[capacity, keyLength]`. */
  exact: Float32Array;
  plain: Float32Array;
  /** What the queries of the block under way read: far blocks coded, the rest exact. */
  read: Float32Array;
  values: Float32Array;
}

export class OnnxAttention implements LayerAttention {
  /** Called for the last query of every block that is computed whole, when set. */
  probe: ((probe: Probe) => void) | undefined;
  private far: FarForm | undefined;
  private readonly caches: HeadCache[][];
  private readonly lengths: number[];
  /** Blocks of each layer that are in their far form. */
  private readonly farBlocks: number[];
  private readonly bias: Float32Array;
  private biasOf = '';

  private constructor(
    private readonly segment: Segment,
    private readonly shape: Shape,
    private readonly scale: number,
    private readonly rotations: Rotations,
    private readonly capacity: number,
  ) {
    this.caches = Array.from({ length: shape.layers }, () => Array.from({ length: shape.kvHeads }, () => ({
      exact: new Float32Array(capacity * shape.keyLength), plain: new Float32Array(capacity * shape.keyLength),
      read: new Float32Array(capacity * shape.keyLength), values: new Float32Array(capacity * shape.valueLength),
    })));
    this.lengths = new Array<number>(shape.layers).fill(0);
    this.farBlocks = new Array<number>(shape.layers).fill(0);
    this.bias = new Float32Array((shape.heads / shape.kvHeads) * BLOCK * capacity);
  }

  /** @param capacity tokens that are kept at most */
  static async create(manifest: AttentionFacts, capacity: number, threads = 1): Promise<OnnxAttention> {
    const { shape, rope, attentionScale } = manifest;
    if (!attendsPlainly(manifest)) throw new DeltaError('usage', 'This measurement knows only models whose layers all attend alike, without caps or windows');
    const segment = await Segment.fromBytes(graph(shape.keyLength, shape.valueLength), threads);
    return new OnnxAttention(segment, shape, attentionScale, new Rotations(capacity, inverseFrequencies(rope)), capacity);
  }

  /** Forgets all tokens; from now on far queries read `far`, or exact keys everywhere. */
  reset(far?: FarForm): void {
    this.far = far;
    this.lengths.fill(0);
    this.farBlocks.fill(0);
    this.biasOf = '';
  }

  async attend(layer: number, rows: number, qkv: Float32Array, out: Float32Array): Promise<void> {
    const start = this.lengths[layer];
    const end = start + rows;
    if (end > this.capacity) throw new RangeError(`${end} tokens, but room for ${this.capacity}`);
    this.append(layer, start, rows, qkv);
    this.lengths[layer] = end;
    for (let from = start; from < end; ) {
      const to = Math.min(end, (Math.floor(from / BLOCK) + 1) * BLOCK);
      await this.block(layer, from, to, start, qkv, out);
      from = to;
    }
  }

  private append(layer: number, start: number, rows: number, qkv: Float32Array): void {
    const { heads, kvHeads, keyLength, valueLength } = this.shape;
    const { qkv: width } = flowWidths(this.shape);
    for (let i = 0; i < rows; i++) {
      const row = qkv.subarray(i * width, (i + 1) * width);
      for (let g = 0; g < kvHeads; g++) {
        const { plain, exact, read, values } = this.caches[layer][g];
        const at = (start + i) * keyLength;
        const key = row.subarray((heads + g) * keyLength, (heads + g + 1) * keyLength);
        plain.set(key, at);
        exact.set(key, at);
        this.rotations.rotate(exact, at, start + i);
        read.set(exact.subarray(at, at + keyLength), at);
        const v = (heads + kvHeads) * keyLength + g * valueLength;
        values.set(row.subarray(v, v + valueLength), (start + i) * valueLength);
      }
    }
  }

  /** Brings the blocks that are far from block `b` into their far form. */
  private recede(layer: number, b: number): number {
    if (!this.far) return 0;
    const { region, keys, values } = this.far;
    const { keyLength, valueLength } = this.shape;
    const last = Math.max(0, b - region.windowBlocks(b));
    for (; this.farBlocks[layer] < last; this.farBlocks[layer]++) {
      const from = this.farBlocks[layer] * BLOCK;
      const exactUntil = Math.min(BLOCK, Math.max(0, region.sinks - from));
      for (const [g, cache] of this.caches[layer].entries()) {
        const rows = (of: Float32Array, length: number) => of.subarray(from * length, (from + BLOCK) * length);
        if (keys) {
          const coded = keys(layer, g, from, rows(cache.exact, keyLength), rows(cache.plain, keyLength), rows(cache.values, valueLength));
          for (let at = exactUntil * keyLength; at < BLOCK * keyLength; at++) cache.read[from * keyLength + at] = coded[at];
        }
        values?.(rows(cache.values, valueLength).subarray(exactUntil * valueLength), valueLength);
      }
    }
    return last * BLOCK;
  }

  /** Queries [from, to), all of one block; row 0 of `qkv` and `out` is token `start`. */
  private async block(layer: number, from: number, to: number, start: number, qkv: Float32Array, out: Float32Array): Promise<void> {
    const { heads, kvHeads, keyLength, valueLength } = this.shape;
    const { qkv: width, attention: outWidth } = flowWidths(this.shape);
    const group = heads / kvHeads;
    const scale = this.scale;
    const rows = to - from;
    const farEnd = this.recede(layer, Math.floor(from / BLOCK));
    const bias = { data: this.makeBias(from, to, farEnd), dims: [group * rows, to] };
    const mixed = { data: new Float32Array(group * rows * valueLength), dims: [group * rows, valueLength] };
    for (let g = 0; g < kvHeads; g++) {
      const query = new Float32Array(group * rows * keyLength);
      for (let h = 0; h < group; h++) {
        for (let i = 0; i < rows; i++) {
          const at = (h * rows + i) * keyLength;
          const of = (from + i - start) * width + (g * group + h) * keyLength;
          for (let j = 0; j < keyLength; j++) query[at + j] = qkv[of + j] * scale;
          this.rotations.rotate(query, at, from + i);
        }
      }
      const { read, values, exact } = this.caches[layer][g];
      await this.segment.runTensors({
        query: { data: query, dims: [group * rows, keyLength] },
        keys: { data: read.subarray(0, to * keyLength), dims: [to, keyLength] },
        values: { data: values.subarray(0, to * valueLength), dims: [to, valueLength] },
        bias,
      }, { out: mixed });
      for (let h = 0; h < group; h++) {
        for (let i = 0; i < rows; i++) {
          const at = (h * rows + i) * valueLength;
          out.set(mixed.data.subarray(at, at + valueLength), (from + i - start) * outWidth + (g * group + h) * valueLength);
        }
        if (this.probe && rows === BLOCK) {
          const last = (h * rows + rows - 1) * keyLength;
          this.probe({ layer, head: g * group + h, position: to - 1, query: query.subarray(last, last + keyLength), exact: exact.subarray(0, to * keyLength), read: read.subarray(0, to * keyLength), farEnd });
        }
      }
    }
  }

  /** `[group · rows, to]`: 0 where a key is read; the same for all heads, and for all layers of a chunk. */
  private makeBias(from: number, to: number, farEnd: number): Float32Array {
    const rows = to - from;
    const { heads, kvHeads } = this.shape;
    const bias = this.bias.subarray(0, (heads / kvHeads) * rows * to);
    const key = `${from} ${to}`;
    if (key === this.biasOf) return bias;
    this.biasOf = key;
    bias.fill(0);
    for (let row = 0; row * to < bias.length; row++) {
      if (this.far?.masked) bias.fill(NEVER, row * to + Math.min(this.far.region.sinks, farEnd), row * to + farEnd);
      bias.fill(NEVER, row * to + from + (row % rows) + 1, (row + 1) * to);
    }
    return bias;
  }

  async release(): Promise<void> {
    await this.segment.release();
  }
}
