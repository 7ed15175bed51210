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
  const from = lines.indexOf('1 shown');
  expect(lines.slice(from, from + 8)).toEqual([
    '1 shown', '1 from recent suggestions',
    '3 held back', '2 the model was not sure enough', '1 there is more text right of the cursor',
    '3 given up', '2 the editor no longer wanted the answer', '1 a later request took its place',
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

it('shows the text that was held back, and why; nothing of what gave way, and nothing of what was only typed on', () => {
  const tally = new Tally();
  const at = (hour: number) => ({ at: new Date(2026, 0, 1, hour).getTime() });
  tally.add({ ...record('suppressed', 'lowConfidence'), ...at(1), text: '\nfirst(line);\nsecond(line);\n' });
  tally.add({ ...record('returned', null), ...at(2), text: 'what was shown' });
  for (let i = 0; i < 9; i++) tally.add({ ...record('returned', null), ...at(3), origin: 'typedThrough', text: 'was shown' });
  tally.add({ ...record('superseded', 'superseded'), ...at(4) });
  const [head, , list] = lastRequestText(tally).split(/^(?=Requests so far|The last requests)/m);
  expect(head).toMatch(/^Last request\n\nshown: from recent suggestions\n/);
  expect(list.trim().split('\n').slice(2).map((line) => line.replace(/^.*?(?=shown|held)/, ''))).toEqual([
    'shown: from recent suggestions, 0 ms', 'held back: the model was not sure enough, 0 ms', '    first(line);', '    second(line);',
  ]);
  tally.add({ ...record('suppressed', 'repetition'), text: 'a a a a' });
  expect(lastRequestText(tally)).toMatch(/^Last request\n\nheld back: the model repeated itself\n[^]*?The text that was not shown:\n    a a a a\n\nRequests so far/);
});
