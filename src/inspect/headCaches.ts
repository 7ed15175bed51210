// Delta attention with a cache of its own for every KV head of every layer: the same bits as the engine's one cache, and figures that are that head's alone.
import type { Addon, DeltaTables } from '../binding/addon.ts';
import type { AttentionOps, Lease } from '../cache/lease.ts';
import { KvCache } from '../cache/store.ts';
import type { LayerAttention } from '../model/forward.ts';
import { flowWidths, type Manifest } from '../model/manifest.ts';
import { storeConfig } from '../model/stores.ts';

const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** What one KV head did and holds. */
export interface HeadFigures {
  zeros: number;
  elements: number;
  ops: AttentionOps;
  bytes: number;
}

/** The tables of one KV head. */
function ofHead(tables: DeltaTables, head: number, heads: number): DeltaTables {
  const own = (table: Float32Array) => table.slice((head * table.length) / heads, ((head + 1) * table.length) / heads);
  const { threshold, step, basis, importance } = tables;
  return { threshold: own(threshold), step: own(step), ...(basis && { basis: own(basis) }), ...(importance && { importance: own(importance) }) };
}

export class HeadCaches implements LayerAttention {
  private readonly caches: KvCache[][];
  private readonly leases: Lease[][];
  private readonly shape: Manifest['shape'];

  constructor(addon: Addon, manifest: Manifest, tables: DeltaTables[], cancel: Int32Array) {
    const { shape } = manifest;
    this.shape = shape;
    const one = { ...manifest, shape: { ...shape, layers: 1, heads: shape.heads / shape.kvHeads, kvHeads: 1 } };
    this.caches = tables.map((layer) => Array.from({ length: shape.kvHeads }, (_, g) => new KvCache(addon, storeConfig(one, [ofHead(layer, g, shape.kvHeads)]), UNLIMITED)));
    this.leases = this.caches.map((layer) => layer.map((cache) => cache.lease(new Int32Array(0))));
    for (const lease of this.leases.flat()) lease.cancel = cancel;
  }

  begin(ids: Int32Array): void {
    for (const lease of this.leases.flat()) lease.begin(ids);
  }

  attend(layer: number, rows: number, qkv: Float32Array, out: Float32Array): void {
    const { heads, kvHeads, keyLength, valueLength } = this.shape;
    const { qkv: width, attention } = flowWidths(this.shape);
    const group = heads / kvHeads;
    const own = (group + 1) * keyLength + valueLength;
    for (const [g, lease] of this.leases[layer].entries()) {
      const given = new Float32Array(rows * own);
      const mixed = new Float32Array(rows * group * valueLength);
      for (let i = 0; i < rows; i++) {
        const row = qkv.subarray(i * width, (i + 1) * width);
        given.set(row.subarray(g * group * keyLength, (g + 1) * group * keyLength), i * own);
        given.set(row.subarray((heads + g) * keyLength, (heads + g + 1) * keyLength), i * own + group * keyLength);
        const v = (heads + kvHeads) * keyLength + g * valueLength;
        given.set(row.subarray(v, v + valueLength), i * own + (group + 1) * keyLength);
      }
      lease.attend(0, rows, given, mixed);
      for (let i = 0; i < rows; i++) out.set(mixed.subarray(i * group * valueLength, (i + 1) * group * valueLength), i * attention + g * group * valueLength);
    }
  }

  commit(): void {
    for (const lease of this.leases.flat()) lease.commit();
  }

  figures(layer: number, kvHead: number): HeadFigures {
    const lease = this.leases[layer][kvHead];
    const { bytes } = this.caches[layer][kvHead];
    lease.encode(); // of a short text, too, one wants to know what it is like
    return { ...lease.coded(), ops: { ...lease.ops }, bytes };
  }

  close(): void {
    for (const lease of this.leases.flat()) lease.release();
    for (const cache of this.caches.flat()) cache.close();
  }
}
