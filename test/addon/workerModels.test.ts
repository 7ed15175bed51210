// What the page of models asks a worker: whether a file fits, how fast the machine is, what is kept of models. No model is loaded for it.
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { RuntimeClient } from '../../src/session/client.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-workerModels-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('whether the embedded model fits, by the context that is asked for, how fast the machine is, and what is on the shelf, which goes and leaves what is not ours', async () => {
  process.env.DELTALLM_CACHE = folder;
  const [ours, theirs] = [join(folder, 'models', 'starter-0123456789ab'), join(folder, 'models', 'theirs')];
  cpSync('models/starter/measured', ours, { recursive: true });
  mkdirSync(theirs);
  writeFileSync(join(theirs, 'diary.txt'), 'x');
  const client = RuntimeClient.start(resolve('dist'));
  try {
    const at = (context: number) => client.call('lookAtModel', { path: '', plan: { context, attention: 'delta', cacheBytes: 1e9 } });
    const [little, much] = [await at(100), await at(1000)];
    expect(little).toMatchObject({ name: 'Starter', fim: true, chat: false, refused: null });
    expect(much.needs!.cache).toBe(10 * little.needs!.cache);

    const machine = await client.call('measureMachine', {});
    // Between a slow phone and the fastest memory there is.
    expect(machine.bytes).toBeGreaterThan(1e8);
    expect(machine.bytes).toBeLessThan(1e13);
    expect(machine.multiplyAdds).toBeGreaterThan(1e8);
    expect(machine.available).toBeGreaterThan(1e8);
    expect(machine.kernels).not.toBe('');

    const before = await client.call('shelf', { clear: false });
    expect(before.bytes).toBeGreaterThan(1000);
    expect(existsSync(ours)).toBe(true);
    expect(await client.call('shelf', { clear: true })).toEqual({ bytes: 0 });
    expect([existsSync(ours), existsSync(join(theirs, 'diary.txt'))]).toEqual([false, true]);
  } finally {
    await client.close();
    delete process.env.DELTALLM_CACHE;
  }
});
