// The prefill lane: the same layers with 8-bit activations and 7-bit weights, for reading prompts two to three times faster (docs/prefill-lane.md).
import { availableMemory } from './found/fit.ts';
import type { Manifest } from './manifest.ts';

/** Positions before this one are always read precisely: attention sinks and massive activations lie there. Part of the recipe id. */
export const LANE_FROM = 64;
/** Rows of a pass on the lane at most: its rows are cheap, and the weights come from memory once for all of them. */
export const LANE_CHUNK = 128;
/** A model that loses more than this on the sample code, as KL of the next token in nats over the precise loss, reads precisely. */
const MOST_LOSS = 0.005;
/** The share of the memory now available that the lane may take. */
const MEMORY_SHARE = 1 / 4;

/** Why a prompt is read on the lane or is not. */
export type LaneState =
  | { state: 'used'; bytes: number }
  /** `off`: not asked for. `absent`: the folder was made without one. `dependent`: rows depend on those beside them here. `lossy`: it costs this model too much. */
  | { state: 'off' | 'absent' | 'dependent' | 'lossy' }
  | { state: 'memory'; bytes: number; most: number };

/** The rule: a lane is used where it is asked for, exact in what it promises, good enough, and small enough for `most` bytes. */
export function laneState(manifest: Manifest, asked: 'auto' | 'off', most = MEMORY_SHARE * availableMemory()): LaneState {
  const { lane } = manifest;
  if (asked === 'off') return { state: 'off' };
  if (!lane) return { state: 'absent' };
  if (!lane.rowInvariant) return { state: 'dependent' };
  if (!(lane.cost.kl <= MOST_LOSS * lane.cost.preciseLoss)) return { state: 'lossy' };
  return lane.bytes > most ? { state: 'memory', bytes: lane.bytes, most } : { state: 'used', bytes: lane.bytes };
}

