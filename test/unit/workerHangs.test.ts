// A worker that says nothing after a cancel: threads of its own, the clock moved by hand.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { showTroubles } from '../../src/editor/notices.ts';
import type { Trouble } from '../../src/editor/runtime.ts';
import { RuntimeClient } from '../../src/session/client.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { EventEmitter, fake } from '../support/fakeVscode.ts';

const base = mkdtempSync(join(tmpdir(), 'deltallm-hangs-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** A worker that does this with each message. */
function started(name: string, answer: string): RuntimeClient {
  const folder = mkdtempSync(join(base, `${name}-`));
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }');
  writeFileSync(join(folder, 'worker.js'), `const { parentPort } = require('node:worker_threads');\nparentPort.on('message', (request) => { ${answer} });`);
  return RuntimeClient.start(folder);
}

/** What has come of a promise by now. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  const late = {};
  const first = await Promise.race([promise.then(() => 'done', (error: DeltaError) => error.code), wait(100).then(() => late)]);
  return first === late ? 'waiting' : (first as string);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a worker that gives no sign of life within half a minute of a cancel', () => {
  it('is given up: every call fails in one sentence, later ones at once, and closing waits for nothing', async () => {
    const client = started('silent', '');
    const cancel = new CancelFlag();
    const [cancelled, other] = [client.call('memory', {}, undefined, cancel), client.call('memory', {})];
    const both = [cancelled, other].map((call) => call.catch(() => {}));
    vi.advanceTimersByTime(60_000);
    expect(await stateOf(cancelled)).toBe('waiting');
    cancel.set();
    vi.advanceTimersByTime(29_000);
    expect(await stateOf(cancelled)).toBe('waiting');
    vi.advanceTimersByTime(2000);
    expect(await Promise.all([stateOf(cancelled), stateOf(other), stateOf(client.call('memory', {}))])).toEqual(['workerHangs', 'workerHangs', 'workerHangs']);
    await client.close();
    await Promise.all(both);
  });

  it('is not where it says anything at all, where it answers, or where nobody cancelled', async () => {
    const client = started('busy', "if (request.call === 'census') parentPort.postMessage({ id: request.id, event: 'done', result: [] });");
    const cancel = new CancelFlag();
    const slow = client.call('memory', {}, undefined, cancel);
    void slow.catch(() => {});
    cancel.set();
    for (let round = 0; round < 5; round++) {
      vi.advanceTimersByTime(25_000);
      await client.call('census', {});
    }
    expect(await stateOf(slow)).toBe('waiting');
    vi.advanceTimersByTime(32_000);
    expect(await stateOf(slow)).toBe('workerHangs');
    await client.close();
  });

  it('is not while it looks whether a call is still wanted, in a pass that takes long: another program has the processor', async () => {
    const client = started('slow', "if (request.call === 'close') process.exit(); setInterval(() => Atomics.add(request.cancel, 2, 1), 1);");
    const [cancel, other] = [new CancelFlag(), new CancelFlag()];
    const [cancelled, slow] = [client.call('memory', {}, undefined, cancel), client.call('memory', {}, undefined, other)];
    for (const call of [cancelled, slow]) void call.catch(() => {});
    cancel.set();
    for (let round = 0; round < 5; round++) {
      vi.advanceTimersByTime(25_000);
      const { looks } = other;
      await vi.waitFor(() => expect(other.looks).toBeGreaterThan(looks));
    }
    expect(await stateOf(cancelled)).toBe('waiting');
    await client.close();
  });

  it('is no failure of a machine that slept: its sleep is one look', async () => {
    const client = started('sleep', '');
    const cancel = new CancelFlag();
    const call = client.call('memory', {}, undefined, cancel);
    void call.catch(() => {});
    cancel.set();
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersToNextTimer();
    expect(await stateOf(call)).toBe('waiting');
    vi.advanceTimersByTime(30_000);
    expect(await stateOf(call)).toBe('workerHangs');
    await client.close();
  });

  it('is told with "Reload Window", which VS Code does', async () => {
    fake.reset();
    const troubled = new EventEmitter<Trouble>();
    showTroubles({ onTrouble: troubled.event, restart: async () => {}, forgiveCrash: async () => {} } as never, () => {});
    fake.click = 'Reload Window';
    troubled.fire({ kind: 'failed', error: new DeltaError('workerHangs') });
    await wait(10);
    expect(fake.messages).toEqual([{ kind: 'error', text: 'The language model does not answer any more: reload the window.', buttons: ['Reload Window', 'Show Log'] }]);
    expect(fake.executed).toEqual([{ id: 'workbench.action.reloadWindow', args: [] }]);
  });
});
