// Whose blocks a cache holds: every block once, by the document that used it last.
import { BLOCK } from '../binding/addon.ts';
import type { BlockGroup, CacheFigures } from '../shared/liveFigures.ts';
import type { End } from './lease.ts';
import { upwards } from './prefixTree.ts';
import type { KvCache } from './store.ts';

/** A request is over: what led to its end is its document's. */
export function claim(end: End | undefined, path: string | null): void {
  if (end && 'pieces' in end) end.path = path;
  else for (const node of upwards(end)) node.path = path;
}

export function census(cache: KvCache): Pick<CacheFigures, 'blocks' | 'bytes' | 'budget' | 'float16' | 'groups' | 'underWay'> {
  const { addon, store, config, budget } = cache;
  const groups = new Map<string | null, BlockGroup>();
  const seen = new Set<number>();
  const groupOf = (path: string | null): BlockGroup => {
    const group = groups.get(path) ?? { path, blocks: 0, tokens: 0, reused: 0, exact: 0, delta: 0, approximate: 0, moved: 0, superseded: 0, bytes: 0 };
    groups.set(path, group);
    return group;
  };
  const count = (handle: number, path: string | null, reused: boolean, what: { approximate?: boolean; superseded?: boolean }) => {
    if (seen.has(handle)) return;
    seen.add(handle);
    const { count, bytes, exactBytes, deltaBytes } = addon.blockInfo(store, handle);
    const group = groupOf(path);
    group.approximate += Number(what.approximate ?? false);
    group.superseded += Number(what.superseded ?? false);
    group.blocks++;
    group.tokens += Math.min(count, BLOCK);
    group.reused += Number(reused);
    group.exact += Number(exactBytes > 0);
    group.delta += Number(deltaBytes > 0);
    group.bytes += bytes;
  };
  for (const { handle, path, reused, superseded } of cache.tree.nodes()) count(handle, path, reused, { superseded });
  for (const { pieces, path, reused } of cache.readings) {
    for (const { handle, how } of pieces) count(handle, path, reused, { approximate: how === 'approximate' });
    groupOf(path).moved += pieces.filter(({ how }) => how === 'moved').length;
  }
  const all = addon.storeInfo(store);
  const found = [...groups.values()].sort((a, b) => b.bytes - a.bytes);
  const sum = (of: (group: BlockGroup) => number) => found.reduce((total, group) => total + of(group), 0);
  const { keyLength, valueLength, kvHeads, layers } = config;
  return {
    blocks: all.blocks, bytes: all.bytes, budget, groups: found, float16: 2 * sum(({ tokens }) => tokens) * layers.length * kvHeads * (keyLength + valueLength),
    underWay: { blocks: all.blocks - seen.size, bytes: all.bytes - sum(({ bytes }) => bytes) },
  };
}
