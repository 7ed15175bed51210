// The KV caches that a model needs: geometry from its manifest, delta tables from its folder.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { DeltaError } from '../shared/errors.ts';
import type { Addon, DeltaTables, StoreConfig } from '../binding/addon.ts';
import { KvCache } from '../cache/store.ts';
import { LARGEST } from './import/laneWeights.ts';
import { LANE_FROM } from './lane.ts';
import { FOLDER_FORMAT, inverseFrequencies, type Manifest } from './manifest.ts';

/** The delta tables, one for each sparsity: per layer θ then s, each `[kvHeads, keyLength]` float32, little-endian. */
export const DELTA_FILES = { delta: 'delta.f32', compact: 'delta-compact.f32' } as const;
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** The store's configuration; with delta tables mode `delta`, else `exact`. */
export function storeConfig({ shape, rope, delta }: Pick<Manifest, 'shape' | 'rope' | 'delta'>, tables?: DeltaTables[]): StoreConfig {
  const frequencies = inverseFrequencies(rope);
  return {
    mode: tables ? 'delta' : 'exact',
    layers: Array.from({ length: shape.layers }, (_, layer) => ({
      scale: 1 / Math.sqrt(shape.keyLength), softcap: 0, slidingWindow: 0, inverseFrequencies: frequencies, ropeScale: 1, delta: tables?.[layer],
    })),
    heads: shape.heads, kvHeads: shape.kvHeads, keyLength: shape.keyLength, valueLength: shape.valueLength,
    sinks: delta.sinks, reference: delta.reference, windowMin: delta.windowMin, windowMax: delta.windowMax, windowDivisor: delta.windowDivisor,
  };
}

/** A cache of float32 keys and values: the dense reference. */
export function exactStore(addon: Addon, manifest: Manifest, budget = UNLIMITED, onLane = false): KvCache {
  const config = storeConfig(manifest);
  return new KvCache(addon, config, budget, recipeId(manifest, config, onLane));
}

/** The cache of a model folder; `onLane`: prompts are read on the prefill lane. Both delta tables are checked whichever is used: a folder is usable or not. Throws modelFolderInvalid. */
export function storeFor(attention: keyof typeof DELTA_FILES | 'dense', addon: Addon, folder: string, manifest: Manifest, budget = UNLIMITED, onLane = false): KvCache {
  const tables = { delta: readDeltaTables(folder, manifest, 'delta'), compact: readDeltaTables(folder, manifest, 'compact') };
  if (attention === 'dense') return exactStore(addon, manifest, budget, onLane);
  const config = storeConfig(manifest, tables[attention]);
  return new KvCache(addon, config, budget, recipeId(manifest, config, onLane));
}

export function readDeltaTables(folder: string, { shape }: Manifest, attention: keyof typeof DELTA_FILES): DeltaTables[] {
  const file = DELTA_FILES[attention];
  const channels = shape.kvHeads * shape.keyLength;
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(folder, file));
  } catch (error) {
    throw new DeltaError('modelFolderInvalid', folder, `${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (bytes.length !== shape.layers * 2 * channels * 4) throw new DeltaError('modelFolderInvalid', folder, `${file} has ${bytes.length} bytes`);
  const values = new Float32Array(new Uint8Array(bytes).buffer);
  if (!values.every((v, i) => v >= 0 && v < Infinity && (v > 0 || i % (2 * channels) < channels))) throw new DeltaError('modelFolderInvalid', folder, `${file} holds unusable numbers`);
  return Array.from({ length: shape.layers }, (_, layer) => ({
    threshold: values.slice(layer * 2 * channels, (layer * 2 + 1) * channels),
    step: values.slice((layer * 2 + 1) * channels, (layer * 2 + 2) * channels),
  }));
}

export function deltaTableBytes(tables: DeltaTables[]): Uint8Array {
  return Buffer.concat(tables.flatMap(({ threshold, step }) => [threshold, step].map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength))));
}

/** 32 bytes over everything that a cache's bytes depend on besides the tokens (design, section 4). */
export function recipeId(manifest: Manifest, config: StoreConfig, onLane = false): Buffer {
  const hash = createHash('sha256');
  const { source, rope, shape, delta } = manifest;
  hash.update(JSON.stringify({ folder: FOLDER_FORMAT, source: source.sha256, rope, shape, delta: { ...delta, keySparsity: undefined, compactSparsity: undefined }, mode: config.mode, sinks: config.sinks, lane: onLane ? { from: LANE_FROM, largestWeight: LARGEST } : undefined }));
  for (const { delta: tables } of config.layers) if (tables) hash.update(deltaTableBytes([tables]));
  return hash.digest();
}
