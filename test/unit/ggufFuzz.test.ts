// Damaged headers: whatever stands in the file, reading it ends in a result or in one sentence, and reads no byte twice.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readArchitecture } from '../../src/model/format/architecture.ts';
import { checkGguf } from '../../src/model/format/gguf.ts';
import type { ByteSource } from '../../src/model/format/ggufHeader.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { tokenizerFromMetadata } from '../../src/tokenizer/fromGguf.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { mutate, randomBelow } from '../support/mutate.ts';
import { presets, randomLlama, writeGguf, type GgufFile } from '../support/writeGguf.ts';

const MUTATIONS = 12_000;
const MESSAGE_LENGTH = 600;

function write(file: GgufFile): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'deltallm-fuzz-'));
  writeGguf(join(folder, 'm.gguf'), file);
  const bytes = readFileSync(join(folder, 'm.gguf'));
  rmSync(folder, { recursive: true });
  return bytes;
}

const model = randomLlama({ ...presets.tiny, layers: 1, vocabulary: 280, hidden: 32, heads: 2, kvHeads: 1, headDim: 16, ffn: 32 });
/** Every metadata type, and a whole small model. */
const whole = write({
  ...model,
  metadata: [
    ['a', 'u8', 1], ['b', 'i8', -1], ['c', 'u16', 1], ['d', 'i16', -1], ['e', 'f64', 1.5], ['f', 'u64', 1n], ['g', 'i64', -1n], ['h', ['f32'], [1, 2]],
    ['i', ['bool'], [true]], ['j', ['i64'], [1n, -1n]], ['tokenizer.chat_template', 'string', '{{ messages }}'], ...model.metadata,
  ],
});
const sourceOf = (bytes: Buffer, path = 'fuzz.gguf') => {
  const source = { path, size: bytes.length, bytesRead: 0, read: (offset: number, length: number) => {
    const piece = bytes.subarray(offset, offset + length);
    source.bytesRead += piece.length;
    return Promise.resolve(piece);
  } };
  return source satisfies ByteSource;
};

/** Reads as an import does; the code of the refusal, or 'read'. Anything thrown that is no DeltaError fails the test. */
async function outcome(bytes: Buffer, headerOnly = false): Promise<string> {
  const source = sourceOf(bytes);
  try {
    const file = { path: source.path, size: source.size, parts: [{ path: source.path, size: source.size }], ...(await checkGguf(source)) };
    if (headerOnly) return 'read';
    readArchitecture(file);
    const tokenizer = Tokenizer.fromFiles(tokenizerFromMetadata(file.metadata, file.path));
    tokenizer.decode(tokenizer.encode('let x = 1;'));
    return 'read';
  } catch (error) {
    if (!(error instanceof DeltaError)) throw error;
    expect(error.message.length).toBeLessThan(MESSAGE_LENGTH);
    expect(error.message).not.toMatch(/[\u0000-\u001f\u007f]/);
    return error.code;
  } finally {
    // The preamble's 8 bytes come twice.
    expect(source.bytesRead).toBeLessThanOrEqual(bytes.length + 8);
  }
}

describe('a damaged GGUF header', () => {
  // The data lies behind 9 kB of header: damage to it proves nothing.
  const header = whole.subarray(0, whole.indexOf('output_norm.weight') + 18 + 4 + 8 + 4 + 8);
  const fields = Array.from({ length: header.length - 8 }, (_, i) => i).filter((i) => header.readUInt32LE(i) > 0 && header.readUInt32LE(i) < 1000 && header.readUInt32LE(i + 4) === 0);

  it('is whole before it is damaged', async () => expect(await outcome(whole)).toBe('read'));

  it(`gives a result or a sentence, ${MUTATIONS} times`, async () => {
    const below = randomBelow(20_250_728);
    const seen: Record<string, number> = {};
    for (let i = 0; i < MUTATIONS; i++) {
      const damaged = mutate(header, fields, below);
      // With the data behind it, so that damage to the sizes is noticed as such; every fourth without.
      const bytes = i % 4 === 0 ? damaged : Buffer.concat([damaged, whole.subarray(header.length)]);
      const code = await outcome(bytes).catch((error: unknown) => {
        throw new Error(`mutation ${i}: ${String(error)}`, { cause: error });
      });
      seen[code] = (seen[code] ?? 0) + 1;
    }
    // The damage reaches every layer of checks.
    for (const code of ['read', 'notGguf', 'ggufTruncated', 'ggufLimit', 'metadataInvalid', 'architectureUnknown', 'tokenizerUnknown', 'tensorTypeUnknown', 'tensorMissing']) expect(seen[code], code).toBeGreaterThan(0);
    expect(seen.internal).toBeUndefined();
  });

  it('holds random bytes behind a good preamble to the same', async () => {
    const below = randomBelow(1);
    for (let i = 0; i < 2_000; i++) {
      const bytes = Buffer.from(Array.from({ length: 24 + below(400) }, () => (below(3) ? below(8) : below(256))));
      bytes.write('GGUF\u0003\u0000\u0000\u0000', 'latin1');
      bytes.writeBigUInt64LE(BigInt(below(4)), 8);
      bytes.writeBigUInt64LE(BigInt(below(6)), 16);
      await outcome(bytes, true);
    }
  });
});
