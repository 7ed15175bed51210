import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { Habit, KINDS, kindOf, type Kind } from '../../src/completion/habit.ts';
import { KeptHabit } from '../../src/editor/keptHabit.ts';
import { Rejections } from '../../src/completion/rejections.ts';

const snapshot = (before: string, languageId = 'typescript') => ({ path: 'a.ts', languageId, before, after: '' });

describe('the kind of a place', () => {
  test.each<[string, Kind]>([
    ['let a = 1;\n  ', 'line'], ['a.', 'member'], ['a?.b', 'member'], ['std::', 'member'], ['f(', 'argument'], ['f(a, ', 'argument'], ['const a = ', 'value'], ['return ', 'value'],
    ['// so ', 'comment'], ['const a = "so ', 'string'], ['class A ', 'other'],
  ])('%j is %s', (before, kind) => expect(kindOf(snapshot(before))).toBe(kind));
});

describe('a habit', () => {
  it('raises what is taken more often than by most, lowers what is not, and says nothing at first', () => {
    const habit = new Habit();
    expect(habit.of('member')).toBeCloseTo(0, 12);
    for (let i = 0; i < 20; i++) habit.add('member', true);
    for (let i = 0; i < 20; i++) habit.add('line', false);
    expect(habit.of('member')).toBeGreaterThan(0.3);
    expect(habit.of('line')).toBeLessThan(-0.3);
    habit.clear();
    expect(habit.of('member')).toBeCloseTo(0, 12);
    expect(habit.kept).toEqual({});
  });

  it('is the same when it was kept, holds numbers alone, and never counts for more than it may', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom(...KINDS), fc.boolean()), { maxLength: 900 }), (events) => {
      const habit = new Habit();
      for (const [kind, taken] of events) habit.add(kind, taken);
      const again = new Habit(JSON.parse(JSON.stringify(habit.kept)));
      for (const kind of KINDS) {
        expect(again.of(kind)).toBe(habit.of(kind));
        expect(Math.abs(habit.of(kind))).toBeLessThanOrEqual(0.7);
      }
      for (const { shown, taken } of Object.values(habit.kept)) expect(taken <= shown && shown <= 400).toBe(true);
    }), { numRuns: 30 });
  });

  test.each([[null], ['text'], [{ line: 'x' }], [{ line: { shown: -1, taken: 0 } }], [{ line: { shown: 1, taken: 2 } }], [{ line: { shown: NaN, taken: 0 } }]])('leaves out what is no count: %j', (kept) => expect(new Habit(kept).kept).toEqual({}));
});

describe('what was typed against', () => {
  const offered = (text: string, typed: string): boolean => {
    const rejections = new Rejections();
    rejections.add('a', snapshot('class A {\n  '), 'super(404, message);\n  return;');
    return rejections.has('a', snapshot(`class A {\n  ${typed}`), text);
  };

  test.each<[string, string, boolean]>([
    ['this.x(', 'message);', true], // two others
    ['super(409, ', 'message);', false], // one other: the rest may be right
    ['super(40', '4, message);', false], // nothing yet
    ['this.x(', 'name);', false], // another text
    ['this.x(', ');', false], // a bracket is nobody's
    ['this.x(a);\n  ', 'message);', false], // another line
  ])('behind %j the text %j is offered again: %s', (typed, text, expected) => expect(offered(text, typed)).toBe(expected));

  it('belongs to its document, and is forgotten', () => {
    const rejections = new Rejections();
    rejections.add('a', snapshot('x '), 'one(two, three)');
    expect(rejections.has('b', snapshot('x other.'), 'three)')).toBe(false);
    expect(rejections.has('a', snapshot('x other.'), 'three)')).toBe(true);
    rejections.clear();
    expect(rejections.has('a', snapshot('x other.'), 'three)')).toBe(false);
  });
});

describe('counts that are kept', () => {
  it('come back with the next window, and not when all data was removed', () => {
    const data = new Map<string, unknown>();
    const state = { get: (key: string) => data.get(key), update: async (key: string, value: unknown) => void data.set(key, structuredClone(value)) } as ConstructorParameters<typeof KeptHabit>[0];
    const first = new KeptHabit(state);
    first.learned(() => first.habit.add('line', true));
    expect(new KeptHabit(state).habit.kept).toEqual({ line: { shown: 1, taken: 1 } });
    data.clear();
    first.learned(() => first.habit.add('member', false));
    expect([first.habit.kept, new KeptHabit(state).habit.kept]).toEqual([{ member: { shown: 1, taken: 0 } }, { member: { shown: 1, taken: 0 } }]);
  });
});
