// The KV caches that a model needs: geometry from its manifest, delta tables as they were measured.
import { createHash } from 'node:crypto';
import type { Addon, DeltaTables, StoreConfig } from '../binding/addon.ts';
import { KvCache } from '../cache/store.ts';
import { attentionRules, type AttentionFacts } from './attentionRule.ts';
import { FOLDER_FORMAT, type Manifest } from './manifest.ts';

/** The modes in which keys are delta-coded, each with tables of its own. */
export type Mode = 'delta' | 'compact';
/** The part of a manifest that stores depend on. */
export type StoreFacts = AttentionFacts & Pick<Manifest, 'delta'>;
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** The store's configuration; with delta tables mode `delta`, else `exact`. */
export function storeConfig(manifest: StoreFacts, tables?: DeltaTables[]): StoreConfig {
  const { shape, delta } = manifest;
  return {
    mode: tables ? 'delta' : 'exact',
    layers: attentionRules(manifest).map((rule, layer) => ({ ...rule, delta: tables?.[layer] })),
    heads: shape.heads, kvHeads: shape.kvHeads, keyLength: shape.keyLength, valueLength: shape.valueLength,
    sinks: delta.sinks, reference: delta.reference, windowMin: delta.windowMin, windowMax: delta.windowMax, windowDivisor: delta.windowDivisor,
  };
}

/** A cache of float32 keys and values: the dense reference. */
export function exactStore(addon: Addon, manifest: Manifest, budget = UNLIMITED): KvCache {
  const config = storeConfig(manifest);
  return new KvCache(addon, config, budget, recipeId(manifest, config));
}

/** The cache of a model in a mode. */
export function storeFor(attention: Mode | 'dense', addon: Addon, manifest: Manifest, tables: Record<Mode, DeltaTables[]>, budget = UNLIMITED): KvCache {
  if (attention === 'dense') return exactStore(addon, manifest, budget);
  const config = storeConfig(manifest, tables[attention]);
  return new KvCache(addon, config, budget, recipeId(manifest, config));
}

/** Per layer θ then s, each `[kvHeads, keyLength]` float32, little-endian. */
export function deltaTableBytes(tables: DeltaTables[]): Uint8Array {
  return Buffer.concat(tables.flatMap(({ threshold, step }) => [threshold, step].map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength))));
}

/** Per layer A, `[kvHeads, keyLength, keyLength]`, then the importance, `[kvHeads, 2·keyLength + 2]`, where there is one; float32, little-endian. */
export function basisBytes(tables: DeltaTables[]): Uint8Array {
  return Buffer.concat(tables.flatMap(({ basis, importance }) => [basis, importance].flatMap((a) => (a ? [Buffer.from(a.buffer, a.byteOffset, a.byteLength)] : []))));
}

/** 32 bytes over everything that a cache's bytes depend on besides the tokens. */
export function recipeId(manifest: Manifest, config: StoreConfig): Buffer {
  const hash = createHash('sha256');
  const { source, rope, shape, delta, attentionScale, softcap, others } = manifest;
  hash.update(JSON.stringify({ folder: FOLDER_FORMAT, source: source.identity, rope, shape, attentionScale, softcap, others, delta: { ...delta, keySparsity: undefined, compactSparsity: undefined }, mode: config.mode, sinks: config.sinks }));
  for (const { delta: tables } of config.layers) if (tables) hash.update(deltaTableBytes([tables])).update(basisBytes([tables]));
  return hash.digest();
}
