// Seeded damage to a file: bit flips, byte sets, edited numbers, splices, cuts.

/** Uniform integers below `n`, the same for the same seed. */
export function randomBelow(seed: number): (n: number) => number {
  let state = seed | 0;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

const NUMBERS = [0n, 1n, 2n, 7n, 8n, 9n, 12n, 13n, 63n, 64n, 255n, 256n, 65_535n, 65_536n, 1n << 20n, (1n << 31n) - 1n, 1n << 31n, (1n << 32n) - 1n, 1n << 32n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n, (1n << 64n) - 32n];

/** A damaged copy. `fields`: offsets of 64-bit numbers worth editing. */
export function mutate(bytes: Buffer, fields: readonly number[], below: (n: number) => number): Buffer {
  let out = Buffer.from(bytes);
  const at = () => below(Math.max(1, out.length));
  for (let changes = 1 + below(3); changes > 0 && out.length > 8; changes--) {
    switch (below(7)) {
      case 0: out[at()] ^= 1 << below(8); break;
      case 1: out[at()] = below(256); break;
      case 2: if (fields.length > 0) out.writeBigUInt64LE(NUMBERS[below(NUMBERS.length)], Math.min(fields[below(fields.length)], out.length - 8)); break;
      case 3: {
        const field = Math.min(fields.length > 0 ? fields[below(fields.length)] : at(), out.length - 8);
        out.writeBigUInt64LE(BigInt.asUintN(64, out.readBigUInt64LE(field) + BigInt(below(17) - 8)), field);
        break;
      }
      case 4: out.writeUInt32LE(Number(NUMBERS[below(NUMBERS.length)] & 0xffffffffn), Math.min(at(), out.length - 4)); break;
      case 5: { // a piece of the file over, or into, another place
        const from = at();
        const piece = out.subarray(from, from + below(64));
        const to = at();
        out = Buffer.concat([out.subarray(0, to), piece, out.subarray(below(2) ? to : Math.min(out.length, to + piece.length))]);
        break;
      }
      case 6: out = out.subarray(0, at()); break;
    }
  }
  return out;
}
