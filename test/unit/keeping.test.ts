// What was read is written once nobody types, and not a moment longer.
import { beforeEach, describe, expect, it } from 'vitest';
import { Keeping } from '../../src/completion/keeping.ts';
import type { CancelFlag } from '../../src/shared/cancel.ts';
import { FakeClock } from '../support/fakeClock.ts';

let clock: FakeClock;
let keeping: Keeping;
let writes: CancelFlag[];

beforeEach(() => {
  [clock, writes] = [new FakeClock(), []];
  keeping = new Keeping(clock, async (cancel) => writes.push(cancel));
});

describe('what was read', () => {
  it('is written when nobody has typed for some seconds, once, and then nothing happens any more', async () => {
    for (let key = 0; key < 20; key++) {
      keeping.touched();
      await clock.pass(500);
    }
    expect(writes).toEqual([]);
    await clock.pass(60_000);
    expect(writes.map(({ isSet }) => isSet)).toEqual([false]);
    expect(clock.pending).toBe(0);
  });

  it('is written no longer than until the next key', async () => {
    keeping.touched();
    await clock.pass(10_000);
    keeping.touched();
    expect(writes.map(({ isSet }) => isSet)).toEqual([true]);
    await clock.pass(10_000);
    expect(writes.map(({ isSet }) => isSet)).toEqual([true, false]);
    keeping.stop();
    expect(writes.map(({ isSet }) => isSet)).toEqual([true, true]);
    expect(clock.pending).toBe(0);
  });
});
