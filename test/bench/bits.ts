// npm run eval:bits -- --files FOLDER [--files FOLDER …] [--model M --model N …] [--tokens 60000] [--length 1024] [--attention dense]
// Bits per byte on held-out source files: what src/eval/bitsPerByte.ts measures, models below each other, a column for each folder.
import { readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../src/binding/load.ts';
import { machine } from '../../src/cli/bench.ts';
import { bitsPerByte, heldOutRows } from '../../src/eval/bitsPerByte.ts';
import { sourceFiles } from '../../src/model/measure/corpus.ts';
import { starterModel } from '../../src/model/library.ts';
import { Engine } from '../../src/session/engine.ts';
import type { AttentionMode } from '../../src/session/protocol.ts';
import { defaultThreads } from '../../src/session/threadCount.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { packageRoot } from '../../src/shared/packageRoot.ts';

const { values } = parseArgs({
  options: {
    files: { type: 'string', multiple: true, default: [] }, model: { type: 'string', multiple: true, default: [starterModel()] }, tokens: { type: 'string', default: '60000' },
    length: { type: 'string', default: '1024' }, attention: { type: 'string', default: 'dense' }, threads: { type: 'string', default: String(defaultThreads()) },
  },
});

export async function run(): Promise<void> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  process.env.DELTALLM_CACHE ??= resolve('.cache');
  if (values.files.length === 0) throw new DeltaError('usage', '--files names a folder of held-out source files');
  const [threads, tokens, length] = [Number(values.threads), Number(values.tokens), Number(values.length)];
  const addon = loadAddon(join(packageRoot(), 'dist'));
  const sets = values.files.map((folder) => ({ name: basename(resolve(folder)), texts: sourceFiles(folder).map((file) => readFileSync(file, 'utf8').replaceAll('\r\n', '\n')) }));
  for (const [i, model] of values.model.entries()) {
    const engine = await Engine.load(addon, { model, threads, attention: values.attention as AttentionMode, cacheBytes: 1e9, background: false });
    try {
      if (i === 0) {
        console.log(`Rows of ${length} tokens, at most ${tokens} tokens a set, ${values.attention} attention; ${machine(threads, engine.describe().kernels)}\n`);
        console.log(`| model | ${sets.map(({ name }) => `${name}: tokens, nats a token, **bits per byte**`).join(' | ')} |\n|---|${'---|'.repeat(sets.length)}`);
      }
      const cells: string[] = [];
      for (const { texts } of sets) {
        const bits = await bitsPerByte(engine, heldOutRows(texts, engine, length, tokens));
        cells.push(`${bits.tokens}, ${bits.loss.toFixed(4)}, **${bits.bitsPerByte.toFixed(4)}**`);
      }
      console.log(`| ${engine.forward.manifest.source.file} | ${cells.join(' | ')} |`);
    } finally {
      await engine.close();
    }
  }
}
