// A worker that dies takes nobody with it: every call, earlier or later, fails in one sentence, and closing ends.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { RuntimeClient } from '../../src/session/client.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-worker-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a worker', () => {
  it.each([
    ['that is missing', undefined, 'Cannot find module'],
    ['that ends at once', 'process.exit(3);', 'it has ended'],
    ['that throws', "throw new Error('broken\\nworker');", 'broken worker'],
    ['that dies while it works', "require('node:worker_threads').parentPort.on('message', () => process.exit(1));", 'it has ended'],
  ])('%s is reported, and can be closed', async (_, code, reason) => {
    rmSync(join(folder, 'worker.js'), { force: true });
    if (code !== undefined) writeFileSync(join(folder, 'worker.js'), code);
    const client = RuntimeClient.start(folder);
    const died = { name: 'DeltaError', code: 'workerDied', message: expect.stringContaining(reason) as string };
    await expect(client.call('memory', {})).rejects.toMatchObject(died);
    await expect(client.call('memory', {})).rejects.toMatchObject({ code: 'workerDied' });
    await client.close();
    await expect(client.call('memory', {})).rejects.toMatchObject({ code: 'workerDied' });
  });
});
