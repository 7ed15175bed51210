import { describe, expect, test } from 'vitest';
import type { RequestRecord } from '../../src/completion/request.ts';
import { Tally, type Counts } from '../../src/completion/tally.ts';

const record = (part: Partial<RequestRecord> = {}): RequestRecord => ({
  at: 0, path: '/a.ts', languageId: 'typescript', manual: false, answer: 'returned', reason: null, origin: 'generation', text: 'x', confidence: null, tokens: null,
  ms: { pause: 0, waiting: 0, prefill: 0, decode: 0, total: 0 }, stages: null, prompt: null, ...part,
});

function check(records: readonly Partial<RequestRecord>[], expected: Partial<Counts>): void {
  const tally = new Tally();
  for (const part of records) tally.add(record(part));
  expect(tally.counts()).toEqual({ requests: records.length, manual: 0, returned: 0, shown: 0, suppressed: 0, superseded: 0, reasons: {}, origins: {}, ...expected });
}

const suppressed = (reason: RequestRecord['reason']): Partial<RequestRecord> => ({ answer: 'suppressed', reason, origin: null });

describe('the counts', () => {
  test.each<[string, Partial<RequestRecord>[], Partial<Counts>]>([
    ['of nothing are zero', [], {}],
    ['tell origins apart', [{}, { origin: 'cache' }, { origin: 'cache' }], { returned: 3, shown: 3, origins: { generation: 1, cache: 2 } }],
    ['tell reasons apart', [suppressed('lowConfidence'), suppressed('empty'), suppressed('empty')], { suppressed: 3, reasons: { lowConfidence: 1, empty: 2 } }],
    ['do not take a suppressed text for a returned one', [{ answer: 'suppressed', reason: 'repetition', origin: 'generation' }], { suppressed: 1, reasons: { repetition: 1 } }],
    ['know what was given up', [{ answer: 'superseded', reason: 'superseded', origin: null }], { superseded: 1, reasons: { superseded: 1 } }],
    ['take what is typed of a text for no new one', [{}, { origin: 'typedThrough' }, { origin: 'typedThrough' }], { returned: 3, shown: 1, origins: { generation: 1, typedThrough: 2 } }],
    ['know what the user asked for', [{ manual: true }, {}], { returned: 2, shown: 2, manual: 1, origins: { generation: 2 } }],
  ])('%s', (_, records, expected) => check(records, expected));

  test('go on where the records end', () => {
    const tally = new Tally();
    for (let i = 0; i < 500; i++) tally.add(record({ at: i }));
    expect(tally.counts().requests).toBe(500);
    expect(tally.recent).toHaveLength(50);
    expect(tally.recent[0].at).toBe(450);
    expect(tally.last?.at).toBe(499);
  });

  test('know the last answer, whatever gave way since', () => {
    const tally = new Tally();
    tally.add(record({ answer: 'superseded', at: 1 }));
    expect(tally.answered).toBeUndefined();
    tally.add(record({ at: 2 }));
    tally.add(record({ ...suppressed('empty'), at: 3 }));
    tally.add(record({ answer: 'superseded', at: 4 }));
    expect(tally.answered?.at).toBe(3);
  });

  test('have the last thing to tell of: a new text, or why there was none', () => {
    const tally = new Tally();
    tally.add(record({ at: 1 }));
    tally.add(record({ at: 2, origin: 'typedThrough' }));
    tally.add(record({ at: 3, answer: 'superseded' }));
    expect(tally.told?.at).toBe(1);
  });

  test('are a copy', () => {
    const tally = new Tally();
    tally.add(record());
    tally.counts().origins.generation = 7;
    expect(tally.counts().origins.generation).toBe(1);
  });
});

test('of old records the prompt is forgotten, and nothing else', () => {
  const tally = new Tally();
  const prompt = { text: 'what the model saw', spans: [], neighbours: [] };
  const records = Array.from({ length: 9 }, (_, at) => record({ at, prompt }));
  for (const one of records) tally.add(one);
  expect(tally.recent.map((one) => one.prompt !== null)).toEqual([false, false, false, false, true, true, true, true, true]);
  expect(tally.recent[0]).toEqual({ ...records[0], prompt: null });
  expect(records[0].prompt).toBe(prompt);
});

test('before the first request there is no last one', () => {
  expect(new Tally().last).toBeUndefined();
});
