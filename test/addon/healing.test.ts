// The token that the cursor stands in is left out of the prompt and owed by the text, where the text around takes part.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Snapshot } from '../../src/prompt/snapshot.ts';
import type { Engine } from '../../src/session/engine.ts';
import type { GenerateResult } from '../../src/session/protocol.ts';
import { withoutTail } from '../../src/session/healing.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, TINY_Q8 } from '../support/engine.ts';

const source = readFileSync('models/calibration/1-inventory.ts', 'utf8');
const at = (index: number): Snapshot => ({ path: '/a.ts', languageId: 'typescript', before: source.slice(0, index), after: source.slice(index) });
/** Behind ` = `, a line's indentation, a `.` and the first three letters of a word. */
const places = [/ = (?=\w)/g, /\n {2,}(?=\w)/g, /\w\.(?=\w)/g, / [a-z]{3}(?=[a-z])/g].flatMap((rule) =>
  [...source.matchAll(rule)].slice(0, 8).map(({ index, 0: found }) => index + found.length));
const tailBefore = (place: number): string => withoutTail(at(place)).tail;

describe('at a cursor within a token', () => {
  let engine: Engine;
  beforeAll(async () => void (engine = await openEngine(TINY_Q8, { attention: 'delta', threads: 1 })));
  afterAll(() => engine.close());

  const complete = (snapshot: Snapshot, locality: boolean): Promise<GenerateResult> =>
    engine.generate({ prompt: { snapshot }, max: 12, sampling: { temperature: 0 }, locality }, new CancelFlag());

  it('the prompt ends before it, and its description is that of the whole document', async () => {
    for (const place of places) {
      const snapshot = at(place);
      const healed = await complete(snapshot, true);
      const plain = await complete(snapshot, false);
      const end = tailBefore(place);
      expect(end).not.toBe('');
      expect(plain.prompt!.text).toContain(snapshot.before.slice(-20));
      expect(healed.prompt!.text).toContain(snapshot.before.slice(-20 - end.length, -end.length));
      expect(healed.prompt!.text).not.toContain(snapshot.before.slice(-20));
      const [prefix, suffix] = ['prefix', 'suffix'].map((name) => healed.prompt!.spans.find((span) => span.name === name && !span.dropped)!);
      expect([prefix.end, suffix.start]).toEqual([place, place]);
    }
  });

  it('typing on what was said keeps what is left of it', async () => {
    let kept = 0;
    for (const place of places) {
      const snapshot = at(place);
      const { text } = await complete(snapshot, true);
      const word = /^\w+/.exec(text)?.[0] ?? '';
      for (let typed = 1; typed <= word.length; typed++) {
        expect((await complete({ ...snapshot, before: snapshot.before + text.slice(0, typed) }, true)).text).toBe(text.slice(typed));
        kept++;
      }
    }
    expect(kept).toBeGreaterThan(50);
  });

  it('typing it computes nothing of the prompt again', async () => {
    const place = places.at(-1)!;
    const snapshot = at(place);
    const cut = place - tailBefore(place).length;
    engine.cache.clear();
    await complete({ ...snapshot, before: source.slice(0, cut) }, true);
    const { tokens } = await complete(snapshot, true);
    expect(tokens.prompt - tokens.reused).toBe(1);
  });
});
