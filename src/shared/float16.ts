// IEEE 754 binary16: bits → number by a table of all 65 536 values, number → nearest bits (ties to even).

let table: Float32Array | undefined;

function buildTable(): Float32Array {
  const out = new Float32Array(65536);
  for (let h = 0; h < 65536; h++) {
    const sign = h & 0x8000 ? -1 : 1;
    const exponent = (h >> 10) & 31;
    const fraction = h & 1023;
    if (exponent === 0) out[h] = sign * fraction * 2 ** -24;
    else if (exponent === 31) out[h] = fraction ? NaN : sign * Infinity;
    else out[h] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return out;
}

/** The value of the binary16 bit pattern `bits` (0…65535). */
export function float16ToNumber(bits: number): number {
  table ??= buildTable();
  return table[bits];
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** The bits of the binary16 nearest to `value` (first rounded to float32), ties to even, overflow to infinity. */
export function numberToFloat16(value: number): number {
  single[0] = value;
  const bits = singleBits[0];
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 255;
  const fraction = bits & 0x7fffff;
  if (exponent === 255) return sign | 0x7c00 | (fraction ? 0x200 : 0);
  const e = exponent - 112;
  if (e >= 31) return sign | 0x7c00;
  if (e <= 0) {
    if (e < -10) return sign;
    const mantissa = fraction | 0x800000;
    const shift = 14 - e;
    const half = 1 << (shift - 1);
    const rest = mantissa & ((1 << shift) - 1);
    const kept = mantissa >>> shift;
    return sign | (kept + (rest > half || (rest === half && (kept & 1)) ? 1 : 0));
  }
  const kept = (e << 10) | (fraction >>> 13);
  const rest = fraction & 0x1fff;
  return sign | (kept + (rest > 0x1000 || (rest === 0x1000 && (kept & 1)) ? 1 : 0));
}

/** `value` as a binary16 holds it. */
export const roundToFloat16 = (value: number): number => float16ToNumber(numberToFloat16(value));
