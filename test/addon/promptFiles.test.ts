// Files beside the one at the cursor in the prompt of a model that reads several, through the whole engine: a small random one of Qwen2.5-Coder's structure.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/session/engine.ts';
import type { NeighbourSet } from '../../src/session/neighbourSet.ts';
import type { GenerateResult } from '../../src/session/protocol.ts';
import { atOnce } from '../../src/shared/pass.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, TINY_Q8 } from '../support/engine.ts';
import { writeRandomLlama } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-files-'));
const document = (name: string, lines: number) => ({ path: `/w/parcels/src/${name}.ts`, text: `export const ${name} = 1;\n`.repeat(lines) });
const one: NeighbourSet = { name: 'one', folder: '/w/parcels', documents: [document('near', 20), document('far', 20)] };
const snapshot = { path: '/w/parcels/src/own.ts', languageId: 'typescript', before: `${'const value = 1;\n'.repeat(60)}const next = `, after: ';\n' };

describe('a model that was trained on several files', () => {
  let engine: Engine;
  beforeAll(async () => {
    const path = join(folder, 'qwen.gguf');
    writeRandomLlama(path, {
      layers: 1, hidden: 64, heads: 2, kvHeads: 1, headDim: 32, ffn: 64, vocabulary: 8192, tokenizer: TINY_Q8, tied: true, ropeBase: 1e6, context: 8192, seed: 5, family: 'qwen2', type: 'Q8_0',
      metadata: [['general.name', 'string', 'Qwen2.5 Coder Random']],
    });
    engine = await openEngine(path, { threads: 1 });
  });
  afterAll(async () => {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (before = snapshot.before, neighbours?: NeighbourSet, promptTokens = 4096): Promise<GenerateResult> =>
    engine.generate({ prompt: { snapshot: { ...snapshot, before }, promptTokens }, max: 4, sampling: { temperature: 0 }, ...(neighbours && { neighbours }) }, new CancelFlag());

  it('reads them in front of the file at the cursor, and the prompt says which', async () => {
    const { prompt } = await ask(snapshot.before, one);
    expect(prompt!.files).toEqual(['/w/parcels/src/far.ts', '/w/parcels/src/near.ts']);
    expect(prompt!.text.startsWith('<|repo_name|>parcels\n<|file_sep|>src/far.ts\nexport const far = 1;\n')).toBe(true);
    expect(prompt!.text).toContain('<|file_sep|>src/own.ts\n<|fim_prefix|>const value');
  });

  it('reads them once, however much is typed', async () => {
    await ask(snapshot.before, one);
    const { tokens, prompt } = await ask(`${snapshot.before}va`, { name: 'one' });
    expect(prompt!.files!.length).toBe(2);
    expect(tokens.computed).toBeLessThanOrEqual(10);
  });

  it('reads what stands before a changed file once, too', async () => {
    await ask(snapshot.before, { ...one, name: 'two' });
    const changed = { ...one, name: 'three', documents: [{ ...one.documents![0], text: `${one.documents![0].text}// changed\n` }, one.documents![1]] };
    const { tokens, prompt } = await ask(snapshot.before, changed);
    expect(prompt!.files!.at(-1)).toBe('/w/parcels/src/near.ts');
    expect(tokens.reused).toBeGreaterThan(64);
    expect(tokens.computed).toBeGreaterThan(64);
  });

  it('sees none where the prompt is small or no set is named', async () => {
    expect((await ask(snapshot.before, one, 512)).prompt!.files).toBeUndefined();
    const { prompt } = await ask();
    expect(prompt!.files).toBeUndefined();
    expect(prompt!.text.startsWith('<|fim_prefix|>')).toBe(true);
  });

  it('reads ahead with the files of the last request', async () => {
    engine.cache.clear();
    await engine.generate({ prompt: { snapshot, promptTokens: 512, mostTokens: 4096 }, max: 0, sampling: {}, neighbours: { ...one, name: 'ahead' } }, new CancelFlag());
    while (await engine.readAhead(new CancelFlag(), atOnce));
    const { tokens, prompt } = await engine.generate({ prompt: { snapshot, promptTokens: 512, mostTokens: 4096 }, max: 1, sampling: { temperature: 0 }, neighbours: { name: 'ahead' } }, new CancelFlag());
    expect(prompt!.files!.length).toBe(2);
    expect(tokens.computed).toBeLessThanOrEqual(260);
  });
});
