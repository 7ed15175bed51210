// Hand-written mirror of the native export table (native/binding/exports.cc). A test compares names, arity and version.
// Native code owns KV blocks and weights behind integer handles; JavaScript owns activations, borrowed for one call.

/** Raised on both sides with every change of this file's shape, and of the bits that attention gives: what another version left on the disk is foreign. */
export const ADDON_VERSION = 7;

/** Tokens in a block. */
export const BLOCK = 64;

/** How keys and values are kept. `exact`: float32 everywhere. `delta`: float16 near, delta-coded keys and int8 values far. */
export type KvMode = 'exact' | 'delta';

/** What a far key is predicted from: the previous token's reconstruction (the paper's), or the block's mean. */
export type DeltaReference = 'previous' | 'mean';

/** Delta coding of one layer. All tables are indexed `[kvHeads, keyLength]`, after RoPE. */
export interface DeltaTables {
  /** θ: an element is kept when |d| ≥ θ. Same unit as the keys. */
  threshold: Float32Array;
  /** s: the value of one integer step of keyframes (int16) and deltas (int8). Same unit as the keys. > 0. */
  step: Float32Array;
  /**
   * A, `[kvHeads, keyLength, keyLength]`, row by row (attention/basis.ts). Keys are coded as y = A·(k turned back by their block's origin), θ and s are
   * in its units, and the reference is the mean. Absent: y = k. All layers have one, or none.
   */
  basis?: Float32Array;
  /** How much a token's thresholds count, `[kvHeads, 2·keyLength + 2]`: factors of y, y² and ln‖v‖, and a constant. Only with `basis`. */
  importance?: Float32Array;
}

/** Geometry and arithmetic of one layer's attention. */
export interface LayerConfig {
  /** Multiplied with q·k; 1/√keyLength unless the model says otherwise. */
  scale: number;
  /** c in c·tanh(score/c); 0 for none. */
  softcap: number;
  /** Tokens a query may look back, itself included; 0 for all. */
  slidingWindow: number;
  /** Radians per position of each rotated pair, `[rotatedLength / 2]` (at most one turn each); pair i is channels (i, i + rotatedLength/2): half-split layout. Empty: no rotation. */
  inverseFrequencies: Float64Array;
  /** Factor on the cosine and sine (YaRN's mscale); 1 otherwise. */
  ropeScale: number;
  /** Required in mode `delta`. */
  delta?: DeltaTables;
}

export interface StoreConfig {
  mode: KvMode;
  layers: LayerConfig[];
  /** Query heads H; a multiple of kvHeads. Query heads [g·H/kvHeads, (g+1)·H/kvHeads) share KV head g. */
  heads: number;
  kvHeads: number;
  /** D: elements of a key (≤ 256). */
  keyLength: number;
  /** Dv: elements of a value (≤ 256). */
  valueLength: number;
  /** S: the first S tokens of the sequence (position < S) stay exact for every query. */
  sinks: number;
  reference: DeltaReference;
  /** w(b) = clamp(ceil(b / windowDivisor), windowMin, windowMax): blocks of exact keys before a query's own block b. */
  windowMin: number;
  windowMax: number;
  windowDivisor: number;
}

/** One entry of a block table as three int32: handle, count (1…64 tokens used), delta (placed position − encoded position). */
export const TABLE_STRIDE = 3;

export interface BlockInfo {
  /** Absolute position of the block's first token when it was encoded; −1 while empty. */
  base: number;
  /** Tokens stored: the most of any layer; the same at all layers between steps (a cancelled step leaves some layers ahead: truncate). */
  count: number;
  /** Exact and delta form and the bookkeeping around them. */
  bytes: number;
  exactBytes: number;
  deltaBytes: number;
  /** Both summed over layers and KV heads, over the elements of delta-coded tokens that are no keyframe; 0 while all that reads the block reads it exactly. */
  keyElements: number;
  keyZeros: number;
  /** Extra keyframes (clipped tokens), all layers and heads. */
  keyframes: number;
  /** Tokens masked because an element was not finite, all layers and heads. */
  masked: number;
}

export interface StoreInfo {
  blocks: number;
  /** Bytes allocated for blocks, counted by the allocator. */
  bytes: number;
  exactBytes: number;
  deltaBytes: number;
}

export interface AttendStats {
  /** Multiply-adds over all query heads of this call: dense causal attention; what the stored form requires; what the kernel executed. */
  denseOps: number;
  requiredOps: number;
  executedOps: number;
  /** 1 when the cancel word was set; the output is then undefined, the new tokens are stored at this layer, and the caller truncates. */
  cancelled: number;
}

/** What a store's attends came to since it was made, and what its blocks hold. */
export interface StoreActivity {
  /** Tokens that were read, and those that were written. */
  read: number;
  written: number;
  /** Multiply-adds `[2, layers, kvHeads, 3]`: of what was read, then of what was written; dense, required, executed, as in AttendStats. */
  work: Float64Array;
  /** `[layers, kvHeads, 2]`, of the blocks there are now: elements of delta-coded tokens that are no keyframe, and the zeros among them. */
  coded: Float64Array;
  /** Position of the row that was sampled last; −1 and empty arrays while there is none. */
  position: number;
  /** Its attention on the sinks, `[layers, heads]`. */
  sinks: Float32Array;
  /** Its attention on every block of its table, `[layers, blocks]`, mean over the heads. The sinks stand apart: together with the mean of theirs 1. */
  blocks: Float32Array;
  /** The same by token, `[position + 1]`, mean over layers and heads; 0 for the sinks. */
  tokens: Float32Array;
}

export interface WeightsInfo {
  /** ggml_type of the file. */
  type: number;
  rows: number;
  columns: number;
  /** Rows that were appended. */
  present: number;
  /** Bytes allocated for them, counted by the allocator. */
  bytes: number;
}

/** gelu: by tanh, as llama.cpp; squaredRelu: max(z, 0)². */
export type Activation = 'silu' | 'gelu' | 'squaredRelu';

/** One step of a segment over rows of float32. `from`, `other` and `to` are slots; a step may write over what it reads, but for products. */
export type SegmentStep =
  /** to = from · scale / √(mean of from² + epsilon), for each of `groups` runs of as many columns as `scale` has, from `column` on; by default the whole row is one. With a bias: (from − mean) · scale / √(variance + epsilon) + bias. */
  | { kind: 'norm'; from: number; to: number; scale: Float32Array; epsilon: number; bias?: Float32Array; column?: number; groups?: number }
  /** Columns [column, column + rows of W) of to = from · Wᵀ + bias. The matrix must outlive the segment; products of one input in a row round it once. */
  | { kind: 'product'; from: number; to: number; column: number; weights: number; bias?: Float32Array }
  /** to = from + other */
  | { kind: 'add'; from: number; other: number; to: number }
  /** to = activation(from) · other, or activation(from) alone */
  | { kind: 'gate'; from: number; other?: number; to: number; activation: Activation }
  /** to = most · tanh(from / most) */
  | { kind: 'cap'; from: number; to: number; most: number };

/** What lies between two attentions, for one native call: at most 32 slots and 64 steps. */
export interface SegmentConfig {
  /** Width of each slot: first the inputs, then the outputs, then what is only in between. */
  widths: Int32Array;
  inputs: number;
  outputs: number;
  steps: SegmentStep[];
}

export interface BestLogits {
  /** Ids found: fewer than there is room for when the other logits are NaN or −∞; 0 when nothing can be chosen. */
  count: number;
  /** The largest logit. */
  top: number;
  /** Σ e^(logit − top), to 1e-6 of it: the logarithm of a token's probability is logit − top − ln sum. With top = ∞: how many are. */
  sum: number;
}

export interface Addon {
  readonly version: number;

  /** CPU features found, kernel sets compiled in (best first), those usable here, and the one in use. */
  cpu(): { features: string[]; compiled: string[]; usable: string[]; selected: string };
  /** Forces a kernel set by name (`auto` for the best). Throws code `kernelSetUnknown`. */
  selectKernels(name: string): void;

  /** Sets the number of threads that one attend may use (1 = none but the caller). Threads are parked between calls. */
  setThreads(threads: number): void;

  /**
   * How many MiB of freed memory malloc keeps for what is allocated next (0 … 1 024). A pass over many rows asks for megabytes and frees them again;
   * given back to the system each time, they would be faulted in anew, page by page. 0: as usual, and what is free is given back now. Of the whole
   * process, and of glibc only.
   */
  keepFreedMemory(megabytes: number): void;

  /** Makes an empty store and returns its id. Everything is copied. */
  createStore(config: StoreConfig): number;
  destroyStore(store: number): void;
  storeInfo(store: number): StoreInfo;
  /**
   * Counts that attention keeps in any case. With `sample` 1, the first row of the next written pass is sampled as well, at all layers: its
   * softmax is made a second time, tile by tile.
   */
  storeActivity(store: number, sample: number): StoreActivity;

  /** A new empty block with one reference. Throws `outOfMemory`. */
  allocateBlock(store: number): number;
  retainBlock(store: number, block: number): void;
  /** Drops one reference; the block is freed with the last. */
  releaseBlock(store: number, block: number): void;
  /** Copy-on-write: a new block holding the first `count` tokens of `block` in exact form. Throws `noExactForm` without the source's exact form. */
  forkBlock(store: number, block: number, count: number): number;
  /** Forgets tokens ≥ count. A full block becomes open again (its delta form is dropped), so it must still have its exact form (else `noExactForm`). No effect when there are no more tokens than that. */
  truncateBlock(store: number, block: number, count: number): void;
  /** Gives a full block its delta form now, at all layers; an open block is refused. By itself it gets it where it is first read from afar. No effect in mode `exact`. */
  encodeBlock(store: number, block: number): void;
  /** Forgets the exact form of a full block (sink tokens stay), which has its delta form then; an open block is refused. No effect in mode `exact`. */
  dropExact(store: number, block: number): void;
  blockInfo(store: number, block: number): BlockInfo;

  /**
   * Block format v2 (docs/delta-format.md), checksummed. The block must be full.
   * @param recipe 32 bytes: what the bytes depend on
   * @param exact  1: the exact form, and the delta form where the block has one; throws `noExactForm` without it. 0: the delta form alone, in mode `delta`
   */
  serializeBlock(store: number, block: number, recipe: Uint8Array, exact: number): Uint8Array;
  /** The inverse: a new block with one reference. Throws `blockDamaged` or `blockForeign`. */
  parseBlock(store: number, bytes: Uint8Array, recipe: Uint8Array): number;

  /**
   * The decoded cache as double, for tests and the reference: keys `[count, keyLength]` of one head, as a far (`delta`) or near (`exact`) query reads them.
   * A masked token reads as NaN; sink tokens are exact in both forms; `delta` of an open block is its exact form; `exact` throws `noExactForm` when it is gone.
   */
  readKeys(store: number, block: number, layer: number, kvHead: number, form: 'exact' | 'delta'): Float64Array;
  readValues(store: number, block: number, layer: number, kvHead: number, form: 'exact' | 'delta'): Float64Array;

  /**
   * One layer, one step: rotates q and k, appends k and v to the blocks of the table's tail, gives blocks that are read from afar
   * now their delta form, and computes causal attention of the new tokens over everything before them and themselves.
   * @param table  entries covering tokens [0, start + tokens): the counts include the new tokens. delta = placed position − the block's base, 0 where
   *               new tokens go; the block must hold exactly the tokens before them. Positions end at 2²⁰.
   * @param start  tokens already stored before this call
   * @param qkv    `[tokens, (heads + kvHeads)·keyLength + kvHeads·valueLength]`, before RoPE: q, k, v side by side
   * @param out    `[tokens, heads·valueLength]`
   * @param cancel one word of shared memory, checked between blocks; non-zero stops
   * @param written 1 where the tokens are written one after the other, 0 where a text is read: counted apart, computed alike
   */
  attend(store: number, layer: number, table: Int32Array, start: number, tokens: number, qkv: Float32Array, out: Float32Array, cancel: Int32Array, written: number): AttendStats;

  /**
   * An empty matrix of `rows` outputs and `columns` inputs; its id. Its memory is taken at once, in parts of at most 256 MiB. Throws `outOfMemory`.
   * @param type    ggml_type: F32 0, F16 1, Q4_0 2, Q4_1 3, Q5_0 6, Q5_1 7, Q8_0 8, Q2_K 10 … Q6_K 14, IQ4_NL 20, IQ4_XS 23, BF16 30, TQ1_0 34, TQ2_0 35,
   *                I2_S 36 (in the layout of the published files); `columns` is a multiple of its block
   * @param factor  multiplies every product: the one scale of an I2_S tensor, 1 otherwise
   */
  createWeights(type: number, rows: number, columns: number, factor: number): number;
  /** The next rows as they lie in the file, copied: a multiple of 16, or the last. A product needs all of them. */
  appendRows(weights: number, bytes: Uint8Array): void;
  destroyWeights(weights: number): void;
  weightsInfo(weights: number): WeightsInfo;

  /**
   * y = x·Wᵀ. x is rounded to 8 bits by block, as the type asks for (native/kernels/products.h); weights in floats are multiplied as they are.
   * A row of y has the same bits alone or among others, with any number of threads and every kernel set.
   * @param x `[rows, columns]`, borrowed
   * @param y `[rows, rows of W]`, overwritten; not x
   */
  product(weights: number, x: Float32Array, rows: number, y: Float32Array): void;

  /** Rows of a file as float32, `[n, columns]`: what an embedding looks up. `factor` multiplies all. */
  decodeRows(type: number, columns: number, factor: number, bytes: Uint8Array, to: Float32Array): void;

  /** What a choice needs to know of its logits: fills `ids` with as many of the largest, best first, of equals the lower id first; NaN and −∞ are never among them. */
  bestLogits(logits: Float32Array, ids: Int32Array): BestLogits;

  /** Checks and copies a segment; its id. */
  createSegment(config: SegmentConfig): number;
  destroySegment(segment: number): void;
  /** Runs all steps on the first `rows` rows of the inputs into those of the outputs (`tensors`, in the order of the slots). A row's bits are those of `product`. */
  runSegment(segment: number, rows: number, tensors: Float32Array[]): void;
}

/** Codes that native code throws (as `error.code`), with numbers only; binding/load.ts and its callers make the sentences. */
export type NativeErrorCode = 'invalidArgument' | 'kernelSetUnknown' | 'outOfMemory' | 'blockDamaged' | 'blockForeign' | 'noExactForm';
