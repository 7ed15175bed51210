// Where the cursor rests, what a request there would read is read ahead; whoever moves, types or asks ends it.
import { beforeEach, describe, expect, it } from 'vitest';
import { Landing } from '../../src/completion/landing.ts';
import { plan, suffixTokens } from '../../src/completion/latency.ts';
import type { NeighbourSet } from '../../src/session/neighbourSet.ts';
import type { CursorRequest, GenerateOptions } from '../../src/session/protocol.ts';
import type { CancelFlag } from '../../src/shared/cancel.ts';
import { FakeClock } from '../support/fakeClock.ts';

let clock: FakeClock;
let landing: Landing;
let reads: { options: GenerateOptions; cancel: CancelFlag }[];
const asked = (before: string): { prompt: CursorRequest; neighbours: NeighbourSet } => ({ prompt: prompt(before), neighbours: { name: 'beside' } });
const prompt = (before: string): CursorRequest => ({ snapshot: { path: '/a.ts', languageId: 'typescript', before, after: '' }, promptTokens: 256, mostTokens: 1024 });

beforeEach(() => {
  [clock, reads] = [new FakeClock(), []];
  landing = new Landing(clock, async (options, cancel) => reads.push({ options, cancel }));
});

describe('a cursor', () => {
  it('that rests has its place read at the lowest priority, in a conversation of its own, and nothing is written', async () => {
    landing.at(() => asked('a'));
    await clock.pass(1000);
    expect(reads.map(({ options }) => options)).toEqual([{ ...asked('a'), max: 0, sampling: {}, conversation: 'landing', priority: 'background' }]);
    expect(clock.pending).toBe(0);
  });

  it('that moves on has only the last place read', async () => {
    for (const before of ['a', 'b', 'c']) {
      landing.at(() => asked(before));
      await clock.pass(100);
    }
    await clock.pass(1000);
    expect(reads.map(({ options }) => 'snapshot' in options.prompt && options.prompt.snapshot.before)).toEqual(['c']);
  });

  it('that leaves before it rested has nothing read, and what is read ends when it leaves', async () => {
    landing.at(() => asked('a'));
    landing.leave();
    await clock.pass(1000);
    expect(reads).toEqual([]);
    landing.at(() => asked('b'));
    await clock.pass(1000);
    expect(reads[0].cancel.isSet).toBe(false);
    landing.leave();
    expect(reads[0].cancel.isSet).toBe(true);
  });

  it('where nothing may be read has nothing read', async () => {
    landing.at(() => null);
    await clock.pass(1000);
    expect([reads, clock.pending]).toEqual([[], 0]);
  });
});

describe('a suffix that comes last', () => {
  it.each([[undefined, undefined], [{ prefill: 0, decode: 0 }, undefined], [{ prefill: 100, decode: 9 }, 32], [{ prefill: 1000, decode: 9 }, 150], [{ prefill: 9000, decode: 9 }, 256]])('of speed %j has %s tokens at most', (speed, tokens) => {
    expect(suffixTokens(speed)).toBe(tokens);
    expect(plan({ latencyMs: 600, maxTokens: 96, speed, manual: false }).promptTokens).toBeGreaterThan(tokens ?? 0);
  });
});
