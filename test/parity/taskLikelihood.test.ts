// Log-likelihoods of `deltallm eval tasks` are those of llama.cpp on the same file and prompt. In float32 throughout: of float16 weights llama.cpp rounds the activations to
// float16 too, and its usual cache rounds keys and values.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadAddon } from '../../src/binding/load.ts';
import { TaskReader } from '../../src/eval/tasks/reader.ts';
import { Columns, readRecords } from '../../src/eval/tasks/records.ts';
import { TASKS } from '../../src/eval/tasks/tasks.ts';
import { readGguf } from '../../src/model/format/gguf.ts';
import { loadModel, type Model } from '../../src/model/loadModel.ts';
import { packageRoot } from '../../src/shared/packageRoot.ts';
import { TINY_F16 } from '../support/engine.ts';
import { openPeer, peerUnsupported, type Peer } from '../support/peer.ts';
import { fromHalf } from '../support/tensorBlocks.ts';
import { readMetadata, writeGguf, type TensorEntry } from '../support/writeGguf.ts';
import { describeUnless } from '../support/where.ts';

/** A model of float16 and float32 tensors, all in float32. */
async function inFloat32(path: string, to: string): Promise<void> {
  const bytes = readFileSync(path);
  const { tensors } = await readGguf(path);
  const entries = [...tensors.values()].map(({ name, shape: dims, type, offset, bytes: length }): TensorEntry => {
    const raw = bytes.subarray(offset, offset + length);
    if (type.name === 'F32') return { name, type: 'F32', dims, data: raw };
    expect(type.name).toBe('F16');
    const halves = new Uint16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + length));
    return { name, type: 'F32', dims, data: new Uint8Array(Float32Array.from(halves, fromHalf).buffer) };
  });
  writeGguf(to, { metadata: readMetadata(path), tensors: entries });
}

describeUnless(peerUnsupported(), 'log-likelihoods equal those of llama.cpp', () => {
  const addon = loadAddon(join(packageRoot(), 'dist'));
  const folder = mkdtempSync(join(tmpdir(), 'deltallm-taskLikelihood-'));
  let model: Model;
  let peer: Peer;
  beforeAll(async () => {
    const path = join(folder, 'tiny-f32.gguf');
    await inFloat32(TINY_F16, path);
    model = await loadModel(path, { addon, out: join(folder, 'measured') });
    peer = await openPeer(path, { threads: 2, contextSize: 2048, exactCache: true });
  });
  afterAll(async () => {
    await model.forward.release();
    await peer.dispose();
    rmSync(folder, { recursive: true });
  });

  it.each(['piqa', 'winogrande', 'hellaswag', 'arc_easy', 'boolq', 'lambada'])('%s', async (task) => {
    const reader = new TaskReader(model.forward, model.forward.manifest, model.tokenizer, addon, model.tables, 'dense', 'both', 1e9);
    try {
      const path = `test/fixtures/tasks/${task}.jsonl`;
      for (const [index, record] of (await readRecords(path, 2)).entries()) {
        const question = TASKS[task].question(new Columns(path, record, index));
        const pairs = question.kind === 'choice' ? question.pairs : question.kind === 'word' ? [question.pair] : [];
        expect(pairs.length).toBeGreaterThan(0);
        for (const pair of pairs) {
          const { ids, from } = reader.encodePair(pair);
          const tokens = [...ids];
          const positions = tokens.slice(from).map((_, i) => from - 1 + i);
          const rows = await peer.logProbabilities(tokens.slice(0, -1), positions);
          const theirs = rows.reduce((sum, row, i) => sum + row[tokens[from + i]], 0);
          expect(Math.abs((await reader.likelihood(pair)).logProbability - theirs)).toBeLessThan(1e-3);
        }
      }
    } finally {
      reader.close();
    }
  });
});
