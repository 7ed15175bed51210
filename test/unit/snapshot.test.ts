import fc from 'fast-check';
import { expect, test } from 'vitest';
import { near } from '../../src/prompt/snapshot.ts';

const texts = fc.array(fc.constantFrom('a', 'b c', '\n', '🦙', 'long line of words'), { maxLength: 30 }).map((parts) => parts.join(''));

test('of a long document what is near the cursor is kept, and no character is cut', () => {
  fc.assert(
    fc.property(texts, texts, fc.integer({ min: 2, max: 60 }), (before, after, most) => {
      const cut = near({ path: 'f', languageId: 'typescript', before, after }, most);
      expect(before.endsWith(cut.before) && after.startsWith(cut.after)).toBe(true);
      expect(cut.before.length).toBeLessThanOrEqual(most);
      expect(cut.after.length).toBeLessThanOrEqual(most + 1);
      expect(cut.before + cut.after).not.toMatch(/\p{Surrogate}/u);
      if (before.length <= most && after.length <= most) expect(cut).toMatchObject({ before, after });
    }),
    { seed: 1, numRuns: 1000 },
  );
});
