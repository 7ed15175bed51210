// The laws that set the thresholds of one layer up to a factor α: θ_j = α · shape_j. Which one is used was decided by measurement (docs/delta-format.md).

/** `sigma`: spread of the temporal difference; `query`: 1 / rms of the queries; `uniform`: one θ for the layer. */
export type ThresholdLaw = 'sigma' | 'query' | 'uniform';
export const LAWS: readonly ThresholdLaw[] = ['sigma', 'query', 'uniform'];

/** Statistics of one layer, each `[kvHeads, keyLength]`. */
export interface ChannelStatistics {
  /** Standard deviation of k_t − k_{t−1}. */
  difference: Float64Array;
  /** Root mean square of the (rotated) queries that read the channel, over all query heads of the group. */
  query: Float64Array;
  /** Standard deviation of k. */
  spread: Float64Array;
  /** Lag-1 autocorrelation of k. */
  lag1: Float64Array;
}

/** shape_j of one layer; α is chosen so that the share of zeros is the one wanted. */
export function thresholdShape(law: ThresholdLaw, statistics: ChannelStatistics): Float64Array {
  const floor = (values: Float64Array) => Math.max(1e-6 * values.reduce((a, b) => Math.max(a, b), 0), 1e-12);
  if (law === 'uniform') return new Float64Array(statistics.difference.length).fill(1);
  if (law === 'sigma') return statistics.difference.map((s) => Math.max(s, floor(statistics.difference)));
  return statistics.query.map((q) => 1 / Math.max(q, floor(statistics.query)));
}

/**
 * Statistics of one layer.
 * @param keys `[tokens, kvHeads, length]` and queries `[tokens, kvHeads · group, length]`, both as they are scored; without queries their rms is 0
 */
export function channelStatistics(keys: Float32Array, queries: Float32Array, kvHeads: number, group: number, length: number): ChannelStatistics {
  const channels = kvHeads * length;
  const tokens = keys.length / channels;
  const [difference, query, spread, lag1] = [0, 1, 2, 3].map(() => new Float64Array(channels));
  for (let c = 0; c < channels; c++) {
    let mean = 0;
    for (let t = 0; t < tokens; t++) mean += keys[t * channels + c];
    mean /= tokens;
    let variance = 0;
    let covariance = 0;
    let step = 0;
    for (let t = 0; t < tokens; t++) {
      const k = keys[t * channels + c] - mean;
      variance += k * k;
      if (t === 0) continue;
      const before = keys[(t - 1) * channels + c] - mean;
      covariance += k * before;
      step += (k - before) ** 2;
    }
    spread[c] = Math.sqrt(variance / tokens);
    difference[c] = Math.sqrt(step / Math.max(1, tokens - 1));
    lag1[c] = variance > 0 ? covariance / variance : 0;
    const head = Math.floor(c / length);
    let power = 0;
    for (let t = 0; t < tokens; t++) {
      for (let g = 0; g < group && queries.length > 0; g++) power += queries[(t * kvHeads * group + head * group + g) * length + (c % length)] ** 2;
    }
    query[c] = Math.sqrt(power / (tokens * group));
  }
  return { difference, query, spread, lag1 };
}
