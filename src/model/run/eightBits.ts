// Numbers as Q8_0 holds them: blocks of 32, each eight bits under one scale in float16. Source: ggml's quantize_row_q8_0.
import { numberToFloat16, float16ToNumber } from '../../shared/float16.ts';

const BLOCK = 32;
const BLOCK_BYTES = 34;

/** `values`: whole blocks. */
export function inEightBits(values: Float32Array): Buffer {
  const bytes = Buffer.allocUnsafeSlow((values.length / BLOCK) * BLOCK_BYTES);
  for (let from = 0, at = 0; from < values.length; from += BLOCK, at += BLOCK_BYTES) {
    let most = 0;
    for (let i = 0; i < BLOCK; i++) most = Math.max(most, Math.abs(values[from + i]));
    const bits = numberToFloat16(most / 127);
    const scale = float16ToNumber(bits);
    bytes.writeUInt16LE(bits, at);
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = 0; i < BLOCK; i++) bytes[at + 2 + i] = Math.max(-127, Math.min(127, Math.round(values[from + i] * inverse)));
  }
  return bytes;
}
