// Dense attention that carries delta attention along: both see the same queries, keys and values, so that what differs is one layer's own doing.
// Values get one channel more, 1 for the sink tokens and 0 for all others: its output is the share of attention that the sinks receive.
import { BLOCK, type Addon, type DeltaTables } from '../binding/addon.ts';
import type { Lease } from '../cache/lease.ts';
import { KvCache } from '../cache/store.ts';
import type { LayerAttention } from '../model/forward.ts';
import { flowWidths, type Manifest } from '../model/manifest.ts';
import { storeConfig } from '../model/stores.ts';
import type { SinkMass } from './report.ts';

const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** Sums of one query head. */
interface Tally {
  queries: number;
  error: number;
  energy: number;
  denseSinks: number;
  deltaSinks: number;
}

export class TwinAttention implements LayerAttention {
  private readonly caches: KvCache[];
  private readonly leases: Lease[];
  private readonly tallies: Tally[][];
  private readonly shape: Manifest['shape'];
  private readonly sinks: number;
  private start = 0;

  /** @param from first position that is measured */
  constructor(addon: Addon, manifest: Manifest, tables: DeltaTables[], private readonly from: number, cancel: Int32Array) {
    this.shape = manifest.shape;
    this.sinks = manifest.delta.sinks;
    const wider = { ...manifest, shape: { ...manifest.shape, valueLength: manifest.shape.valueLength + 1 } };
    this.caches = [undefined, tables].map((own) => new KvCache(addon, storeConfig(wider, own), UNLIMITED));
    this.leases = this.caches.map((cache) => cache.lease(new Int32Array(0)));
    for (const lease of this.leases) lease.cancel = cancel;
    this.tallies = Array.from({ length: this.shape.layers }, () => Array.from({ length: this.shape.heads }, () => ({ queries: 0, error: 0, energy: 0, denseSinks: 0, deltaSinks: 0 })));
  }

  begin(ids: Int32Array): void {
    this.start = this.leases[0].length;
    for (const lease of this.leases) lease.begin(ids);
  }

  attend(layer: number, rows: number, qkv: Float32Array, out: Float32Array): void {
    const { heads, valueLength } = this.shape;
    const wide = valueLength + 1;
    const given = this.widen(rows, qkv);
    const [dense, delta] = this.leases.map((lease) => {
      const mixed = new Float32Array(rows * heads * wide);
      lease.attend(layer, rows, given, mixed);
      return mixed;
    });
    for (let i = 0; i < rows; i++) {
      for (let h = 0; h < heads; h++) {
        const at = (i * heads + h) * wide;
        out.set(dense.subarray(at, at + valueLength), (i * heads + h) * valueLength);
        if (this.start + i >= this.from) this.count(this.tallies[layer][h], dense, delta, at);
      }
    }
  }

  commit(): void {
    for (const lease of this.leases) lease.commit();
  }

  private count(tally: Tally, dense: Float32Array, delta: Float32Array, at: number): void {
    const { valueLength } = this.shape;
    for (let j = at; j < at + valueLength; j++) {
      tally.error += (delta[j] - dense[j]) ** 2;
      tally.energy += dense[j] ** 2;
    }
    tally.queries++;
    tally.denseSinks += dense[at + valueLength];
    tally.deltaSinks += delta[at + valueLength];
  }

  /** `qkv` with the channel that says which tokens are sinks. */
  private widen(rows: number, qkv: Float32Array): Float32Array {
    const { heads, kvHeads, keyLength, valueLength } = this.shape;
    const width = flowWidths(this.shape).qkv;
    const before = (heads + kvHeads) * keyLength;
    const out = new Float32Array(rows * (width + kvHeads));
    for (let i = 0; i < rows; i++) {
      const [from, to] = [i * width, i * (width + kvHeads)];
      out.set(qkv.subarray(from, from + before), to);
      for (let g = 0; g < kvHeads; g++) {
        const at = to + before + g * (valueLength + 1);
        out.set(qkv.subarray(from + before + g * valueLength, from + before + (g + 1) * valueLength), at);
        out[at + valueLength] = this.start + i < this.sinks ? 1 : 0;
      }
    }
    return out;
  }

  /** Keys of one KV head as dense attention reads them, `[tokens, keyLength]`, rotated. */
  denseKeys(layer: number, kvHead: number): Float64Array {
    return this.keys(0, layer, kvHead, () => 'exact');
  }

  /** As delta attention reads them: in delta form before block `far`, exact from block `near` on; `near` must be at most `far`. */
  deltaKeys(layer: number, kvHead: number, near: number, far: number): { exact: Float64Array; far: Float64Array } {
    return { exact: this.keys(1, layer, kvHead, (block) => (block >= near ? 'exact' : null)), far: this.keys(1, layer, kvHead, (block) => (block < far ? 'delta' : null)) };
  }

  /** Blocks without a form stay zero. */
  private keys(side: 0 | 1, layer: number, kvHead: number, form: (block: number) => 'exact' | 'delta' | null): Float64Array {
    const { addon, store } = this.caches[side];
    const { table, length } = this.leases[side];
    const { keyLength } = this.shape;
    const out = new Float64Array(length * keyLength);
    for (let block = 0; block < table.size; block++) {
      const read = form(block);
      if (read) out.set(addon.readKeys(store, table.handle(block), layer, kvHead, read), block * BLOCK * keyLength);
    }
    return out;
  }

  /** What was measured of one query head; nulls where no position was. */
  result(layer: number, head: number): { sinkMass: SinkMass | null; outputError: number | null } {
    const { queries, error, energy, denseSinks, deltaSinks } = this.tallies[layer][head];
    if (queries === 0) return { sinkMass: null, outputError: null };
    return { sinkMass: { dense: denseSinks / queries, delta: deltaSinks / queries }, outputError: energy > 0 ? Math.sqrt(error / energy) : 0 };
  }

  close(): void {
    for (const lease of this.leases) lease.release();
    for (const cache of this.caches) cache.close();
  }
}
