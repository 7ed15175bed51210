// Blanks before the cursor are left out of the prompt and owed by the text, where the text around takes part.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Snapshot } from '../../src/prompt/snapshot.ts';
import type { Engine } from '../../src/session/engine.ts';
import type { GenerateResult } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, STARTER_Q8 } from '../support/engine.ts';

const source = readFileSync('models/calibration/1-inventory.ts', 'utf8');
const at = (index: number): Snapshot => ({ path: '/a.ts', languageId: 'typescript', before: source.slice(0, index), after: source.slice(index) });
/** Behind the blanks of ` = ` and of a line's indentation. */
const places = [...source.matchAll(/ = (?=\w)|\n {2,}(?=\w)/g)].slice(0, 24).map(({ index, 0: found }) => index + found.length);

describe('at a cursor behind blanks', () => {
  let engine: Engine;
  beforeAll(async () => void (engine = await openEngine(STARTER_Q8, { attention: 'delta', threads: 1 })));
  afterAll(() => engine.close());

  const complete = (snapshot: Snapshot, locality: boolean): Promise<GenerateResult> =>
    engine.generate({ prompt: { snapshot }, max: 12, sampling: { temperature: 0 }, locality }, new CancelFlag());

  it('the prompt ends before them, and its description is that of the whole document', async () => {
    for (const place of places) {
      const snapshot = at(place);
      const healed = await complete(snapshot, true);
      const plain = await complete(snapshot, false);
      const end = /[ \t]*$/.exec(snapshot.before)![0];
      expect(plain.prompt!.text).toContain(snapshot.before.slice(-20));
      expect(healed.prompt!.text).toContain(snapshot.before.slice(-20 - end.length, -end.length));
      expect(healed.prompt!.text).not.toContain(snapshot.before.slice(-20));
      const [prefix, suffix] = ['prefix', 'suffix'].map((name) => healed.prompt!.spans.find((span) => span.name === name && !span.dropped)!);
      expect([prefix.end, suffix.start]).toEqual([place, place]);
    }
  });

  it('what is written is what the model says without them, where that begins with them', async () => {
    let same = 0;
    for (const place of places.filter((index) => source[index - 2] === '=')) {
      const snapshot = at(place);
      const before = await complete({ ...snapshot, before: snapshot.before.slice(0, -1) }, true);
      if (!before.text.startsWith(' ')) continue;
      expect((await complete(snapshot, true)).text).toBe(before.text.slice(1));
      same++;
    }
    expect(same).toBeGreaterThan(0);
  });

  it('typing them computes nothing of the prompt again', async () => {
    const [place] = places;
    const snapshot = at(place);
    const cut = place - /[ \t]*$/.exec(snapshot.before)![0].length;
    engine.cache.clear();
    await complete({ ...snapshot, before: source.slice(0, cut) }, true);
    const { tokens } = await complete(snapshot, true);
    expect(tokens.prompt - tokens.reused).toBe(1);
  });
});
