import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FollowableState } from '../../src/editor/followable.ts';
import type { RuntimeState } from '../../src/editor/runtime.ts';
import { FakeClock } from '../support/fakeClock.ts';

function open(first: RuntimeState) {
  const clock = new FakeClock();
  let now = first;
  const changes: [number, RuntimeState][] = [];
  const state = new FollowableState(() => now, clock, () => changes.push([clock.now(), state.shown]));
  const become = (next: RuntimeState) => {
    now = next;
    state.look();
  };
  const start = clock.now();
  return { clock, state, changes, become, start };
}

describe('the state that is shown', () => {
  it('stays what it is while a fast typist has the model read and write', async () => {
    const { clock, state, changes, become } = open('ready');
    for (let key = 0; key < 30; key++) {
      for (const [next, ms] of [['reading', 120], ['writing', 150], ['ready', 30]] as const) {
        become(next);
        await clock.pass(ms);
      }
    }
    expect([changes, state.shown]).toEqual([[], 'ready']);
  });

  it('becomes what lasts, and goes back when that is over for as long', async () => {
    const { clock, changes, become, start } = open('ready');
    become('reading');
    await clock.pass(1500);
    become('ready');
    await clock.pass(1500);
    expect(changes).toEqual([[start + 1000, 'reading'], [start + 2500, 'ready']]);
  });

  it.each(['loading', 'failed', 'off'] as const)('is %s at once, and anything behind it too', (important) => {
    const { state, become } = open('ready');
    become('reading');
    become(important);
    expect(state.shown).toBe(important);
    become('ready');
    expect(state.shown).toBe('ready');
  });

  it('never changes twice within a second among the states of a loaded model, whatever the runtime does', async () => {
    const steps = fc.array(fc.tuple(fc.constantFrom<RuntimeState>('ready', 'reading', 'writing'), fc.integer({ min: 0, max: 1500 })), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const { clock, state, changes, become } = open('ready');
        for (const [next, ms] of list) {
          become(next);
          await clock.pass(ms);
        }
        await clock.pass(1100);
        for (let i = 1; i < changes.length; i++) expect(changes[i][0] - changes[i - 1][0]).toBeGreaterThanOrEqual(1000);
        expect(state.shown).toBe(list.at(-1)?.[0] ?? 'ready');
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});
