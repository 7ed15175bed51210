// The models of a worker by what they are loaded for: one file for two roles is loaded once, and where memory is short the one used longest ago goes.
import { promises as fs } from 'node:fs';
import { basename } from 'node:path';
import { availableMemory } from '../model/found/fit.ts';
import { ggufOf, partsOfModel } from '../model/library.ts';
import { DeltaError } from '../shared/errors.ts';
import { Engine, type LoadMore, type Progress } from './engine.ts';
import type { LoadOptions, LoadResult, Role } from './protocol.ts';

/** Of the cache's budget, what a model is expected to fill soon: it grows as it is used. */
const FIRST_CACHE_BYTES = 256e6;

/** Weights in memory lie in tiles, which round a little up. */
const GROWTH = 1.05;

interface Loaded {
  key: string;
  engine: Engine;
  /** Bytes of memory that come back with it, at most, and those of its weights alone. */
  bytes: number;
  weights: number;
  roles: Set<Role>;
  /** Requests that run on it. */
  active: number;
  /** Who waits for it to be idle. */
  whenIdle: (() => void)[];
  /** Larger: used later. */
  used: number;
}

/** What loading takes; tests put their own in its place. */
export interface ModelsNeeds {
  load: (options: LoadOptions, progress: Progress, more: LoadMore) => Promise<Engine>;
  /** Bytes of the files of a model. */
  sizeOf?: (path: string) => Promise<number>;
  /** Bytes of memory that are free now. */
  available?: () => number;
}

export class Models {
  private readonly roles = new Map<Role, Loaded>();
  private clock = 0;
  private readonly sizeOf: (path: string) => Promise<number>;
  private readonly available: () => number;

  constructor(private readonly needs: ModelsNeeds) {
    this.sizeOf = needs.sizeOf ?? bytesOnDisk;
    this.available = needs.available ?? availableMemory;
  }

  /** The model of a role. */
  of(role: Role): Engine | undefined {
    return this.roles.get(role)?.engine;
  }

  /** Every model, each once. */
  get engines(): Engine[] {
    return [...new Set(this.roles.values())].map(({ engine }) => engine);
  }

  /** The model that was used last, and what it is loaded for. */
  get latest(): { engine: Engine; role: Role } | undefined {
    const [last] = [...this.roles].sort(([, a], [, b]) => b.used - a.used);
    return last && { engine: last[1].engine, role: last[0] };
  }

  /** Bytes of weights that come back when every model is unloaded. */
  get weights(): number {
    return [...new Set(this.roles.values())].reduce((sum, { weights }) => sum + weights, 0);
  }

  /** Every model with what it is loaded for. */
  get all(): { engine: Engine; roles: Role[] }[] {
    return [...new Set(this.roles.values())].map(({ engine, roles }) => ({ engine, roles: [...roles] }));
  }

  /** Runs a request on a role's model, which stays loaded until it is over. */
  async use<T>(role: Role, request: (engine: Engine) => Promise<T> | T): Promise<T> {
    const loaded = this.roles.get(role);
    if (!loaded) throw new DeltaError('internal', 'no model is loaded');
    loaded.active++;
    loaded.used = ++this.clock;
    try {
      return await request(loaded.engine);
    } finally {
      if (--loaded.active === 0) for (const idle of loaded.whenIdle.splice(0)) idle();
    }
  }

  /** Loads a model for a role, after the role's last one was given back and, where memory is short, another role's too. Loads must come one after the other. */
  async load(options: LoadOptions, progress: Progress, more: LoadMore): Promise<LoadResult> {
    const { role = 'completion' } = options;
    const key = keyOf(options);
    const shared = [...this.roles.values()].find((other) => other.key === key && !other.roles.has(role));
    await this.unload(role);
    if (shared) {
      this.give(role, shared);
      return { ...shared.engine.describe(), unloaded: null };
    }
    const weights = await this.sizeOf(options.model);
    this.checkRoom(options.model, weights);
    const unloaded = await this.makeRoom(options, weights);
    const bytes = weights * GROWTH + options.cacheBytes;
    const loaded: Loaded = { key, engine: await this.needs.load(options, progress, more), bytes, weights: weights * GROWTH, roles: new Set(), active: 0, whenIdle: [], used: ++this.clock };
    this.give(role, loaded);
    return { ...loaded.engine.describe(), unloaded };
  }

  /** Gives a role's model back, once nobody works with it. */
  async unload(role: Role): Promise<void> {
    const loaded = this.roles.get(role);
    if (!loaded) return;
    this.roles.delete(role);
    loaded.roles.delete(role);
    if (loaded.roles.size > 0) return;
    if (loaded.active > 0) await new Promise<void>((resolve) => loaded.whenIdle.push(resolve));
    await loaded.engine.close();
    this.engines.at(0)?.keepFreedMemory();
  }

  async close(): Promise<void> {
    for (const role of [...this.roles.keys()]) await this.unload(role);
  }

  private give(role: Role, loaded: Loaded): void {
    loaded.roles.add(role);
    this.roles.set(role, loaded);
  }

  /** No other role gives up its model for one that would not fit even then. Throws modelTooLarge. */
  private checkRoom(model: string, weights: number): void {
    const held = [...new Set(this.roles.values())].reduce((sum, { bytes }) => sum + bytes, 0);
    const available = this.available();
    if (weights > available + held) throw new DeltaError('modelTooLarge', basename(model), gigabytes(weights), gigabytes(available));
  }

  /** Unloads the others, the one used longest ago first, until the model fits. Throws modelTooLarge where it does not fit alone. */
  private async makeRoom({ model, cacheBytes }: LoadOptions, weights: number): Promise<LoadResult['unloaded']> {
    const needed = weights + Math.min(cacheBytes, FIRST_CACHE_BYTES);
    let unloaded: LoadResult['unloaded'] = null;
    for (let available = this.available(); available < needed; available = this.available()) {
      const [oldest] = [...this.roles].sort(([, a], [, b]) => a.used - b.used);
      if (!oldest) {
        if (available < weights) throw new DeltaError('modelTooLarge', basename(model), gigabytes(needed), gigabytes(available));
        break;
      }
      const [role, { engine }] = oldest;
      unloaded = { name: engine.forward.manifest.name, role, needed, available };
      await this.unload(role);
    }
    return unloaded;
  }
}

/** Equal for loads that come to the same model in memory. */
const keyOf = ({ model, threads, attention, cacheBytes, chunk, kernels }: LoadOptions): string => JSON.stringify([model, threads, attention, cacheBytes, chunk, kernels]);

/** Of the files of a model; 0 where there is nothing that can be read: loading says so better. */
async function bytesOnDisk(path: string): Promise<number> {
  const parts = await ggufOf(path).then(partsOfModel, () => []);
  const sizes = await Promise.all(parts.map((part) => fs.stat(part).then(({ size }) => size, () => 0)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
