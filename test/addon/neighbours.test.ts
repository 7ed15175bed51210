// What lies beside a document helps in it, and in no other's: a set that a request does not name changes nothing of its answer.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/session/engine.ts';
import type { NeighbourSet } from '../../src/session/neighbourSet.ts';
import type { GenerateResult } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, TINY_Q8 } from '../support/engine.ts';

const secret = 'summonTheOkapi(1789)';
const passage = `export function zebraQuagga(herd: string[]) {\n  return ${secret};\n}\n`;
const snapshot = { path: '/own.ts', languageId: 'typescript', before: 'import { herd } from "./herd";\n\nexport function zebraQuagga(herd: string[]) {\n  return ', after: '\n}\n' };
const one: NeighbourSet = { name: 'one', documents: [{ path: '/one/a.ts', text: passage.repeat(3) }] };
const two: NeighbourSet = { name: 'two', documents: [{ path: '/two/b.ts', text: 'export const other = 1;\n' }] };

describe('neighbours', () => {
  let engine: Engine;
  beforeAll(async () => void (engine = await openEngine(TINY_Q8, { attention: 'delta', threads: 1 })));
  afterAll(() => engine.close());

  const ask = (neighbours?: NeighbourSet, locality = true): Promise<GenerateResult> =>
    engine.generate({ prompt: { snapshot }, max: 24, sampling: { temperature: 0 }, locality, ...(neighbours && { neighbours }) }, new CancelFlag());
  /** What an answer is, without what it took. */
  const content = ({ text, scores, firstLineLogProbability, reason, prompt }: GenerateResult) => ({ text, scores, firstLineLogProbability, reason, prompt });

  it('say what the file cannot know, and the prompt says which they were', async () => {
    const alone = await ask();
    expect(alone.text).not.toContain('Okapi');
    expect(alone.prompt!.neighbours).toEqual([]);
    const helped = await ask(one);
    expect(helped.text).toContain(secret);
    expect(helped.prompt!.neighbours).toEqual(['/one/a.ts']);
    expect(helped.prompt!.text).toBe(alone.prompt!.text);
    expect(content(await ask({ name: 'one' }))).toEqual(content(helped));
  });

  it('of one workspace take no part in the answers of another, nor in those of a request that names none, to the bit', async () => {
    engine.cache.clear();
    const alone = content(await ask());
    await ask(one);
    expect(content(await ask())).toEqual(alone);
    const other = content(await ask(two));
    expect(other.text).not.toContain('Okapi');
    // The set of that name is no more: it is not brought back from anywhere.
    expect(content(await ask({ name: 'one' }))).toEqual(alone);
    expect(content(await ask({ name: 'never sent' }))).toEqual(alone);
    expect(content(await ask({ name: 'two' }))).toEqual(other);
    expect(content(await ask({ name: 'empty', documents: [] }))).toEqual(alone);
    expect(content(await ask({ name: 'two' }))).toEqual(alone);
  });

  it('take no part where the text around takes none, and are there when it does', async () => {
    const plain = content(await ask(undefined, false));
    expect(content(await ask({ ...one, name: 'again' }, false))).toEqual(plain);
    expect(engine.neighbours.readOn()).toBe(false);
    expect((await ask({ name: 'again' })).text).toContain(secret);
  });

  it('that are long are read on while nobody asks, and help when they are read', async () => {
    const filler = Array.from({ length: 2000 }, (_, i) => `const value${i} = ${i};`).join('\n');
    const set: NeighbourSet = { name: 'long', documents: [{ path: '/one/c.ts', text: `${filler}\n${passage.repeat(3)}` }] };
    const first = await ask(set);
    expect(first.text).not.toContain('Okapi');
    let slices = 0;
    while (engine.neighbours.readOn()) slices++;
    expect(slices).toBeGreaterThan(1);
    expect((await ask({ name: 'long' })).text).toContain(secret);
  });
});
