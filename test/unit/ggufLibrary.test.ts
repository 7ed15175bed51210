// Why users' files are not read with @huggingface/gguf: what it does with a header that is cut short. When this fails, the library can take over.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gguf } from '@huggingface/gguf';
import { expect, test } from 'vitest';
import { DeltaError } from '../../src/shared/errors.ts';
import { readGguf } from '../../src/model/format/gguf.ts';

const CUTS = 20;

test('the library takes cut headers for whole ones; ours refuses each', async () => {
  const whole = readFileSync('test/fixtures/models/starter-tiny-q8_0.gguf');
  const { tensorInfoByteRange } = await gguf('test/fixtures/models/starter-tiny-q8_0.gguf', { allowLocalFile: true });
  const folder = mkdtempSync(join(tmpdir(), 'deltallm-gguf-'));
  const path = join(folder, 'cut.gguf');
  let accepted = 0;
  let refused = 0;
  for (let i = 1; i <= CUTS; i++) {
    writeFileSync(path, whole.subarray(0, Math.floor((tensorInfoByteRange[1] * i) / (CUTS + 1))));
    accepted += await gguf(path, { allowLocalFile: true }).then(() => 1, () => 0);
    refused += await readGguf(path).then(() => 0, (error) => (error instanceof DeltaError && error.code === 'ggufTruncated' ? 1 : 0));
  }
  rmSync(folder, { recursive: true });
  expect(refused).toBe(CUTS);
  expect(accepted).toBeGreaterThan(0);
});
