// Bytes that are text in units of two or four bytes: without a mark they are often UTF-8 too, full of zeros.

/** Shares of control characters among the bytes of a parity by which text in two-byte units is known: what is Latin, Greek, Cyrillic, Hebrew or Arabic has one in each. */
const WIDE = { least: 0.6, mostBeside: 0.1 };
/** Bytes that are looked at for it. */
const LOOKED_AT = 4096;

/** UTF-16 and UTF-32 by their mark, or by where the zeros and other control characters stand: without a mark these bytes are often UTF-8 too. */
export function wideEncoding(all: Uint8Array): string | undefined {
  const bytes = all.subarray(0, LOOKED_AT);
  const begins = (...mark: number[]) => mark.every((byte, i) => bytes[i] === byte);
  if (begins(0xff, 0xfe, 0, 0) || begins(0, 0, 0xfe, 0xff)) return 'UTF-32';
  if (begins(0xff, 0xfe) || begins(0xfe, 0xff)) return 'UTF-16';
  if (all.length % 2 !== 0 || bytes.length < 4) return undefined;
  if (all.length % 4 === 0 && isUtf32(bytes)) return 'UTF-32';
  const units = bytes.length >> 1;
  const controls = [0, 0];
  for (let i = 0; i < 2 * units; i++) if (isControl(bytes[i])) controls[i % 2]++;
  const [fewer, more] = controls.sort((a, b) => a - b);
  return more >= WIDE.least * units && fewer <= WIDE.mostBeside * units ? 'UTF-16' : undefined;
}

/** But for those that text is laid out with. */
const isControl = (byte: number): boolean => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d && byte !== 0x1b;

function isUtf32(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [true, false].some((littleEndian) => {
    for (let i = 0; i + 4 <= bytes.length; i += 4) {
      const unit = view.getUint32(i, littleEndian);
      if (unit === 0 || unit > 0x10ffff) return false;
    }
    return true;
  });
}
