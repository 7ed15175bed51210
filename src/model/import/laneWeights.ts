// Weights of the prefill lane: integers of 7 bits with one scale for each output channel, [columns, rows] as MatMulIntegerToFloat takes them.
// Seven bits, because x86 CPUs without VNNI add two products of uint8 and int8 in 16 bits: 2 · 255 · 63 fits, 2 · 255 · 127 saturates.

/** Largest magnitude of a weight. */
export const LARGEST = 63;
/** A square of this many elements is turned at a time, so that both sides stay in the first cache. */
const TILE = 32;

/**
 * Quantises `count` rows symmetrically and writes them as columns.
 * @param values `[count, columns]`
 * @param weights `[columns, rows]`; columns `at` … `at + count` are written
 * @param scales `[rows]`; the same places
 */
export function quantizeChannels(values: Float32Array, count: number, columns: number, weights: Int8Array, scales: Float32Array, at: number): void {
  const rows = scales.length;
  const inverse = new Float64Array(count);
  for (let r = 0; r < count; r++) {
    let most = 0;
    for (let c = 0, i = r * columns; c < columns; c++, i++) most = Math.max(most, Math.abs(values[i]));
    scales[at + r] = most / LARGEST;
    inverse[r] = most > 0 ? LARGEST / most : 0;
  }
  for (let r0 = 0; r0 < count; r0 += TILE) {
    const r1 = Math.min(count, r0 + TILE);
    for (let c0 = 0; c0 < columns; c0 += TILE) {
      const c1 = Math.min(columns, c0 + TILE);
      for (let c = c0; c < c1; c++) for (let r = r0, to = c * rows + at + r0; r < r1; r++, to++) weights[to] = Math.round(values[r * columns + c] * inverse[r]);
    }
  }
}
