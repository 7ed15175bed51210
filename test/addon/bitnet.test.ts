// BitNet-b1.58 as its authors run it (ternary weights with one scale a tensor, activations of 8 bits by token) against a forward pass in doubles.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readGguf } from '../../src/model/format/gguf.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { step } from '../../src/session/session.ts';
import { bitnetLogits } from '../support/decoderReference.ts';
import { openEngine } from '../support/engine.ts';
import { randomLlama, writeGguf, writeRandomLlama, type RandomFamily, type RandomLlama } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-bitnet-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SHAPE = { layers: 2, hidden: 256, heads: 4, kvHeads: 2, headDim: 64, ffn: 512, vocabulary: 640, tied: true, ropeBase: 500_000, context: 512, seed: 5, scoreSpread: 1 } satisfies Omit<RandomLlama, 'type'>;
const ids = Array.from({ length: 70 }, (_, i) => (i * 7919 + 13) % 600);

describe('BitNet-b1.58', () => {
  it.each<[RandomFamily, RandomLlama['type']]>([['bitnet-b1.58', 'I2_S'], ['bitnet-25', 'I2_S'], ['bitnet-b1.58', 'TQ2_0'], ['bitnet-b1.58', 'TQ1_0']])('as %s in %s gives the logits of the same arithmetic in doubles', async (family, type) => {
    const path = join(folder, `${family}-${type}.gguf`);
    writeRandomLlama(path, { ...SHAPE, family, type });
    const expected = bitnetLogits(await readGguf(path), ids);
    const engine = await openEngine(path, { attention: 'dense' });
    const lease = engine.cache.lease(new Int32Array(0));
    try {
      for (const [position, id] of ids.entries()) {
        const found = (await step(engine.forward, lease, [id], 'last', new CancelFlag()))!;
        let [ab, aa, bb] = [0, 0, 0];
        for (let i = 0; i < found.length; i++) {
          ab += found[i] * expected[position][i];
          aa += found[i] ** 2;
          bb += expected[position][i] ** 2;
        }
        expect(ab / Math.sqrt(aa * bb), `position ${position}`).toBeGreaterThanOrEqual(0.9999);
        // The head is kept in 8 bits.
        expect(Math.abs(Math.sqrt(aa / bb) - 1)).toBeLessThan(2e-3);
      }
    } finally {
      lease.release();
      await engine.close();
    }
  });

  const damaged = (name: string, shape: Partial<RandomLlama>, change: (file: ReturnType<typeof randomLlama>) => void): string => {
    const file = randomLlama({ ...SHAPE, family: 'bitnet-b1.58', type: 'I2_S', ...shape });
    change(file);
    const path = join(folder, `${name}.gguf`);
    writeGguf(path, file);
    return path;
  };

  it('refuses a scale that is no number, and a tensor that ends before its scale', async () => {
    const nan = damaged('nan', {}, ({ tensors }) => {
      const data = Buffer.from(tensors.find(({ name }) => name === 'blk.1.ffn_up.weight')!.data as Uint8Array);
      data.writeFloatLE(NaN, data.length - 32);
      tensors.find(({ name }) => name === 'blk.1.ffn_up.weight')!.data = data;
    });
    await expect(openEngine(nan, { attention: 'dense' })).rejects.toMatchObject({ code: 'metadataInvalid', message: expect.stringContaining('blk.1.ffn_up.weight') as string });
    const cut = damaged('cut', {}, (file) => {
      file.tensors = [...file.tensors.filter(({ name }) => name !== 'blk.1.ffn_up.weight'), file.tensors.find(({ name }) => name === 'blk.1.ffn_up.weight')!];
      file.truncate = -1;
    });
    await expect(readGguf(cut)).rejects.toMatchObject({ code: 'ggufTruncated' });
  });

  it('has its type of tensors for itself', async () => {
    await expect(readGguf(damaged('other', { family: 'llama' }, () => {}))).rejects.toMatchObject({ code: 'tensorTypeUnknown', message: expect.stringContaining('I2_S') as string });
  });
});
