// "Show Last Request": a reason stands under the answer that it explains.
import { expect, it } from 'vitest';
import type { NoneReason, RequestRecord } from '../../src/completion/request.ts';
import { Tally } from '../../src/completion/tally.ts';
import { lastRequestText } from '../../src/editor/lastRequest.ts';

const record = (answer: RequestRecord['answer'], reason: NoneReason | null): RequestRecord => ({
  at: 0, path: '/a.ts', languageId: 'typescript', manual: false, answer, reason, origin: reason ? null : 'cache', text: '', confidence: null, tokens: null,
  ms: { pause: 0, waiting: 0, prefill: 0, decode: 0, total: 0 }, stages: null, prompt: null,
});

it('counts each reason under suppressed or superseded, whichever it explains', () => {
  const tally = new Tally();
  for (const reason of ['lowConfidence', 'lowConfidence', 'midLine'] as const) tally.add(record('suppressed', reason));
  for (const reason of ['superseded', 'cancelled', 'cancelled'] as const) tally.add(record('superseded', reason));
  tally.add(record('returned', null));
  const lines = lastRequestText(tally).split('\n').map((line) => line.trim().replace(/\s+/g, ' '));
  const from = lines.indexOf('1 returned');
  expect(lines.slice(from, from + 8)).toEqual([
    '1 returned', '1 from recent suggestions',
    '3 suppressed', '2 the model was not sure enough', '1 there is more text right of the cursor',
    '3 superseded', '2 the editor no longer wanted the answer', '1 a later request took its place',
  ]);
});

it('says how many files beside the document took part, and nothing where there were none', () => {
  const tally = new Tally();
  const textWith = (neighbours: string[]): string => {
    tally.add({ ...record('returned', null), prompt: { text: '', spans: [], neighbours } });
    return lastRequestText(tally);
  };
  expect(textWith(['/b.ts', '/c.ts'])).toContain('Files beside this one that took part: 2\n');
  expect(textWith([])).not.toContain('took part');
});
