// Attention in double precision, written for reading: the specification that every native kernel is compared with.
// It works on keys and values that are already decoded, so that it says nothing about how they are stored.

import type { LayerConfig, StoreConfig } from '../../src/binding/addon.ts';

/** One placed token of one KV head. A masked token has a NaN in its key. */
export interface PlacedToken {
  position: number;
  /** `[keyLength]`, rotated to `position`. */
  key: ArrayLike<number>;
  /** `[valueLength]` */
  value: ArrayLike<number>;
}

/** Rotates one head by `positions` (may be negative): half-split pairs. `scaled`: whether ropeScale applies (not when turning further). */
export function rotate(layer: LayerConfig, head: ArrayLike<number>, positions: number, scaled = true): Float64Array {
  const out = Float64Array.from(head);
  const pairs = layer.inverseFrequencies.length;
  const factor = scaled ? layer.ropeScale : 1;
  for (let i = 0; i < pairs; i++) {
    const angle = (positions * layer.inverseFrequencies[i]) % (2 * Math.PI);
    const cosine = Math.cos(angle) * factor;
    const sine = Math.sin(angle) * factor;
    out[i] = head[i] * cosine - head[i + pairs] * sine;
    out[i + pairs] = head[i + pairs] * cosine + head[i] * sine;
  }
  return out;
}

/** One query `[keyLength]` (rotated to `position`) over the tokens it may see: `[valueLength]`, zeros where there is none. */
export function attendQuery(config: StoreConfig, layer: LayerConfig, query: ArrayLike<number>, position: number, tokens: readonly PlacedToken[]): Float64Array {
  const scores: { score: number; value: ArrayLike<number> }[] = [];
  for (const token of tokens) {
    if (token.position > position || Number.isNaN(token.key[0])) continue;
    if (layer.slidingWindow > 0 && token.position <= position - layer.slidingWindow) continue;
    let score = 0;
    for (let d = 0; d < config.keyLength; d++) score += query[d] * token.key[d];
    score *= layer.scale;
    if (layer.softcap > 0) score = layer.softcap * Math.tanh(score / layer.softcap);
    scores.push({ score, value: token.value });
  }
  const out = new Float64Array(config.valueLength);
  const highest = Math.max(...scores.map(({ score }) => score));
  let total = 0;
  for (const { score, value } of scores) {
    const weight = Math.exp(score - highest);
    total += weight;
    for (let i = 0; i < config.valueLength; i++) out[i] += weight * value[i];
  }
  return total > 0 ? out.map((x) => x / total) : out;
}

/** w(b): blocks of exact keys before a query's own block b. */
export function windowBlocks(config: StoreConfig, block: number): number {
  return Math.min(Math.max(Math.ceil(block / config.windowDivisor), config.windowMin), config.windowMax);
}
