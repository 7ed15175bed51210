// Far keys in a basis of their own. A key is turned back by its origin (its position rounded down to 1 024) and multiplied by A; there a
// coordinate costs what leaving it out does to the scores. The query is turned to i − δ − origin and multiplied by A⁻ᵀ, so that q′·y = q·k.
// docs/delta-format.md says how A is found.
import { inverseOf } from './matrix.ts';
import { rotate } from './rope.ts';

/** Tokens that share an origin: a multiple of a block. */
export const ORIGIN_SPAN = 1024;

/** The position that the keys of the block coded at `base` are turned back by. */
export const originOf = (base: number): number => Math.floor(base / ORIGIN_SPAN) * ORIGIN_SPAN;

/** The basis of one KV head. */
export class Basis {
  /** A⁻¹, `[length, length]`. */
  readonly inverse: Float64Array;

  /** @param forward A, `[length, length]`, row by row; @param inverseFrequencies as keys are turned. Throws a RangeError where A is singular. */
  constructor(readonly forward: Float64Array, readonly length: number, private readonly inverseFrequencies: Float64Array) {
    const inverse = inverseOf(forward, length);
    if (!inverse) throw new RangeError('a singular basis');
    this.inverse = inverse;
  }

  /** y = A·(k turned back by `origin`) of rotated keys `[tokens, length]`. */
  toBasis(keys: ArrayLike<number>, origin: number): Float64Array {
    const { length } = this;
    const out = new Float64Array(keys.length);
    const key = new Float64Array(length);
    for (let at = 0; at < keys.length; at += length) {
      for (let j = 0; j < length; j++) key[j] = keys[at + j];
      rotate(key, 0, -origin, this.inverseFrequencies);
      multiply(this.forward, key, out, at);
    }
    return out;
  }

  /** The inverse of `toBasis`. */
  fromBasis(coordinates: Float64Array, origin: number): Float64Array {
    const { length } = this;
    const out = new Float64Array(coordinates.length);
    for (let at = 0; at < coordinates.length; at += length) {
      multiply(this.inverse, coordinates.subarray(at, at + length), out, at);
      rotate(out, at, origin, this.inverseFrequencies);
    }
    return out;
  }

  /** q′ = A⁻ᵀ·q of a query `[length]` that was turned to i − δ − origin: q′·y is the score that q·k is. */
  query(turned: ArrayLike<number>): Float64Array {
    const { length, inverse } = this;
    const out = new Float64Array(length);
    for (let j = 0; j < length; j++) for (let d = 0, x = turned[j]; d < length; d++) out[d] += inverse[j * length + d] * x;
    return out;
  }
}

/** out[at …] = matrix · vector */
function multiply(matrix: Float64Array, vector: Float64Array, out: Float64Array, at: number): void {
  const n = vector.length;
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += matrix[i * n + j] * vector[j];
    out[at + i] = sum;
  }
}

/** Weights of tokens lie between e⁻² and e². */
const MOST_LOG_WEIGHT = 2;

/** How much the thresholds of one token count: from its key in the basis (before its mean is taken away) and its value; known to the encoder alone. */
export class Importance {
  /** @param table `[2·length + 2]`: factors of y, of y², of ln‖v‖, and a constant */
  constructor(private readonly table: ArrayLike<number>, private readonly length: number) {}

  /** e^z of token t. @param coordinates `[tokens, length]`; values `[tokens, valueLength]` */
  weight(coordinates: Float64Array, values: ArrayLike<number>, valueLength: number, t: number): number {
    const { table, length } = this;
    let z = table[2 * length + 1];
    for (let j = 0; j < length; j++) {
      const y = coordinates[t * length + j];
      z += table[j] * y + table[length + j] * y * y;
    }
    let square = 0;
    for (let j = 0; j < valueLength; j++) square += values[t * valueLength + j] ** 2;
    z += table[2 * length] * logOfLength(square);
    return Math.exp(Math.min(MOST_LOG_WEIGHT, Math.max(-MOST_LOG_WEIGHT, z)));
  }
}

/** ln‖v‖ from ‖v‖², bounded from below. */
export const logOfLength = (square: number): number => 0.5 * Math.log(Math.max(square, 1e-12));
