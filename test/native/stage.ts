// A store, a sequence of blocks and seeded random tokens: what the native tests play on. `check` compares one step with the reference.

import { expect } from 'vitest';
import { TABLE_STRIDE, type Addon, type DeltaTables, type LayerConfig, type StoreConfig } from '../../src/binding/addon.ts';
import { loadAddon, nativeCode } from '../../src/binding/load.ts';
import { attendQuery, rotate, windowBlocks, type PlacedToken } from '../support/attentionReference.ts';

export const addon: Addon = loadAddon(import.meta.dirname);
export const BLOCK = 64;

/** mulberry32: a seeded generator of numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}

/** Roughly normal, variance 1. */
export function normal(uniform: () => number): number {
  return Math.sqrt(3) * 2 * (uniform() + uniform() + uniform() + uniform() - 2) * 0.5;
}

export interface Shape {
  mode?: StoreConfig['mode'];
  heads?: number;
  kvHeads?: number;
  keyLength?: number;
  valueLength?: number;
  layers?: number;
  sinks?: number;
  reference?: StoreConfig['reference'];
  window?: number;
  step?: number;
  threshold?: number;
  layer?: Partial<LayerConfig>;
  /** A random basis for each KV head; with `importance` tokens weigh differently too. */
  basis?: boolean;
  importance?: boolean;
}

export function configOf(shape: Shape): StoreConfig {
  const { mode = 'delta', heads = 4, kvHeads = 2, keyLength = 64, valueLength = keyLength, layers = 1, sinks = 4, reference = 'previous', window = 1, step = 1 / 64, threshold = 0.2 } = shape;
  const rotated = keyLength;
  const layer: LayerConfig = {
    scale: 1 / Math.sqrt(keyLength),
    softcap: 0,
    slidingWindow: 0,
    inverseFrequencies: Float64Array.from({ length: rotated / 2 }, (_, i) => 10000 ** ((-2 * i) / rotated)),
    ropeScale: 1,
    delta: { threshold: new Float32Array(kvHeads * keyLength).fill(threshold), step: new Float32Array(kvHeads * keyLength).fill(step), ...(shape.basis && randomBasis(kvHeads, keyLength, shape.importance === true)) },
    ...shape.layer,
  };
  return { mode, layers: Array.from({ length: layers }, () => layer), heads, kvHeads, keyLength, valueLength, sinks, reference, windowMin: window, windowMax: window, windowDivisor: 8 };
}

/** An invertible matrix a head, far from orthogonal, and factors of importance. */
function randomBasis(kvHeads: number, keyLength: number, withImportance: boolean): Pick<DeltaTables, 'basis' | 'importance'> {
  const uniform = random(99);
  const basis = Float32Array.from({ length: kvHeads * keyLength * keyLength }, (_, i) => {
    const [row, column] = [Math.floor(i / keyLength) % keyLength, i % keyLength];
    return (row === column ? 1 + uniform() : 0) + (normal(uniform) * 0.6) / Math.sqrt(keyLength);
  });
  const importance = Float32Array.from({ length: kvHeads * (2 * keyLength + 2) }, () => (normal(uniform) * 0.4) / Math.sqrt(keyLength));
  return { basis, ...(withImportance && { importance }) };
}

export interface Entry {
  block: number;
  count: number;
  delta: number;
  /** Another sequence's block: new tokens never go there. */
  borrowed?: boolean;
}

/** One sequence in one store. */
export class Stage {
  readonly config: StoreConfig;
  readonly store: number;
  readonly entries: Entry[] = [];
  readonly cancel = new Int32Array(new SharedArrayBuffer(4));
  readonly uniform: () => number;
  private readonly walk: Float64Array;

  constructor(shape: Shape, seed = 1, store?: number) {
    this.config = configOf(shape);
    this.store = store ?? addon.createStore(this.config);
    this.uniform = random(seed);
    this.walk = Float64Array.from({ length: this.config.kvHeads * this.config.keyLength }, () => normal(this.uniform));
  }

  get width(): number {
    const { heads, kvHeads, keyLength, valueLength } = this.config;
    return (heads + kvHeads) * keyLength + kvHeads * valueLength;
  }

  get tokens(): number {
    return this.entries.reduce((sum, { count }) => sum + count, 0);
  }

  /** Random tokens whose keys (before RoPE) walk slowly. */
  random(tokens: number): Float32Array {
    const { heads, kvHeads, keyLength } = this.config;
    const qkv = Float32Array.from({ length: tokens * this.width }, () => normal(this.uniform));
    for (let t = 0; t < tokens; t++)
      for (let i = 0; i < kvHeads * keyLength; i++) {
        this.walk[i] = 0.98 * this.walk[i] + 0.2 * normal(this.uniform);
        qkv[t * this.width + heads * keyLength + i] = this.walk[i];
      }
    return qkv;
  }

  table(): Int32Array {
    const table = new Int32Array(this.entries.length * TABLE_STRIDE);
    this.entries.forEach(({ block, count, delta }, i) => table.set([block, count, delta], i * TABLE_STRIDE));
    return table;
  }

  /** Runs all layers over the same new tokens; the outputs by layer, `[tokens, heads·valueLength]`. */
  step(qkv: Float32Array, written = 0): Float32Array[] {
    const tokens = qkv.length / this.width;
    const start = this.tokens;
    this.grow(tokens);
    return this.config.layers.map((_, layer) => {
      const out = new Float32Array(tokens * this.config.heads * this.config.valueLength).fill(NaN);
      addon.attend(this.store, layer, this.table(), start, tokens, qkv, out, this.cancel, written);
      return out;
    });
  }

  /** Makes room for new tokens in the last entries. */
  grow(tokens: number): void {
    while (tokens > 0) {
      let last = this.entries.at(-1);
      if (!last || last.borrowed || last.count === BLOCK) this.entries.push((last = { block: addon.allocateBlock(this.store), count: 0, delta: 0 }));
      const added = Math.min(tokens, BLOCK - last.count);
      last.count += added;
      tokens -= added;
    }
  }

  info(entry: number) {
    return addon.blockInfo(this.store, this.entries[entry].block);
  }

  /** Gives full blocks their delta form, as a query from afar would. */
  encode(): void {
    for (const { block, count } of this.entries) if (count === BLOCK) addon.encodeBlock(this.store, block);
  }

  /** What a query in block b reads of one KV head: decoded, placed. */
  placed(layer: number, kvHead: number, b: number): PlacedToken[] {
    const { keyLength, valueLength } = this.config;
    const placed: PlacedToken[] = [];
    for (const { block, count, delta } of this.entries) {
      const near = Math.floor(placed.length / BLOCK) >= b - windowBlocks(this.config, b);
      const form = near && hasExact(this.store, block) ? 'exact' : 'delta';
      const keys = addon.readKeys(this.store, block, layer, kvHead, form);
      const values = addon.readValues(this.store, block, layer, kvHead, form);
      for (let t = 0; t < count; t++) {
        const key = keys.subarray(t * keyLength, (t + 1) * keyLength);
        placed.push({
          position: placed.length,
          key: delta === 0 ? key : rotate(this.config.layers[layer], key, delta, false),
          value: values.subarray(t * valueLength, (t + 1) * valueLength),
        });
      }
    }
    return placed;
  }

  /** The reference's output for the last `tokens` of the sequence, given their qkv. */
  expected(layer: number, qkv: Float32Array): Float64Array {
    const { heads, kvHeads, keyLength, valueLength } = this.config;
    const tokens = qkv.length / this.width;
    const start = this.tokens - tokens;
    const out = new Float64Array(tokens * heads * valueLength);
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      let placed: PlacedToken[] = [];
      let placedFor = -1;
      for (let t = 0; t < tokens; t++) {
        const position = start + t;
        const b = Math.floor(position / BLOCK);
        if (b !== placedFor) placed = this.placed(layer, kvHead, (placedFor = b));
        for (let head = (kvHead * heads) / kvHeads; head < ((kvHead + 1) * heads) / kvHeads; head++) {
          const q = qkv.subarray(t * this.width + head * keyLength, t * this.width + (head + 1) * keyLength);
          const row = attendQuery(this.config, this.config.layers[layer], rotate(this.config.layers[layer], q, position), position, placed);
          out.set(row, (t * heads + head) * valueLength);
        }
      }
    }
    return out;
  }

  destroy(): void {
    addon.destroyStore(this.store);
  }
}

function hasExact(store: number, block: number): boolean {
  return addon.blockInfo(store, block).exactBytes > 0;
}

/** The largest difference, relative to the largest expected element. */
export function worst(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length);
  let scale = 1e-3;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    scale = Math.max(scale, Math.abs(expected[i]));
    const d = Math.abs(found[i] - expected[i]);
    difference = Number.isNaN(d) ? Infinity : Math.max(difference, d);
  }
  return difference / scale;
}

/** What an output may differ by from double precision, of the largest: float32, and where keys are far, queries and weights of 16 bits. */
export const toleranceOf = ({ mode }: StoreConfig): number => (mode === 'exact' ? 1e-5 : 1e-4);

/** One step of `tokens` random tokens must equal the reference on the decoded cache. */
export function check(stage: Stage, tokens: number, tolerance = toleranceOf(stage.config)): void {
  const qkv = stage.random(tokens);
  stage.step(qkv).forEach((out, layer) => expect(worst(out, stage.expected(layer, qkv)), `layer ${layer}, ${stage.tokens} tokens`).toBeLessThan(tolerance));
}

/** Same bits, zero signs and NaN included. */
export function sameBits(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
}

/** The call must throw a native error of that code. */
export function refuses(call: () => unknown, code: string): void {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect(thrown, 'nothing was thrown').toBeInstanceOf(Error);
  expect(nativeCode(thrown)).toBe(code);
}

/** Runs the body once with every kernel set usable here, the best one first. */
export function withEveryKernelSet(body: (name: string) => void): void {
  try {
    for (const name of addon.cpu().usable) {
      addon.selectKernels(name);
      body(name);
    }
  } finally {
    addon.selectKernels('auto');
  }
}
