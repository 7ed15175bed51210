// How a document that changes goes with a text that was written for it: insertions, agreement, whole lines, the memory of suggestions.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Generation } from '../../src/completion/generation.ts';
import { insertionBetween } from '../../src/completion/insertion.ts';
import type { CompletionRequest } from '../../src/completion/request.ts';
import { restOf, ShownTexts, type Shown } from '../../src/completion/shown.ts';
import { Suggestions } from '../../src/completion/suggestions.ts';
import { TypedRun } from '../../src/completion/typedRun.ts';
import { agreement } from '../../src/completion/typedThrough.ts';
import { wholeLines } from '../../src/completion/wholeLines.ts';
import type { Written } from '../../src/completion/written.ts';
import type { Snapshot } from '../../src/prompt/snapshot.ts';
import { completionText } from '../../src/session/textEnd.ts';

const at = (text: string, languageId = 'typescript'): Snapshot => {
  const [before, after] = text.split('|');
  return { path: '/a.ts', languageId, before, after };
};

describe('what was inserted between two snapshots', () => {
  const check = (from: string, to: string, floor?: number) => insertionBetween(at(from), at(to), floor);

  it('is what was typed, what the editor closed, or what was deleted', () => {
    expect(check('a = |;', 'a = b|;')).toEqual({ left: 'b', right: '', deleted: '' });
    expect(check('f|;', 'f(|);')).toEqual({ left: '(', right: ')', deleted: '' });
    expect(check('abc|;', 'a|;', 1)).toEqual({ left: '', right: '', deleted: 'bc' });
    expect(check('abc|;', 'abc|;')).toEqual({ left: '', right: '', deleted: '' });
  });

  it('is nothing when something else changed', () => {
    for (const [from, to] of [['abc|;', 'abx|;'], ['abc|;', 'abcd|'], ['abc|;x', 'abc|;y'], ['abc|', 'xabc|'], ['abc|', 'ab|c'], ['f(|)', 'f|']]) expect(check(from, to)).toBeNull();
    expect(check('abc|;', 'a|;', 2)).toBeNull();
    expect(check('abc|;', 'a|:', 0)).toBeNull();
    expect(check('f|;', 'f(|):')).toBeNull();
    expect(check(`x${'-'.repeat(500)}|`, `y${'-'.repeat(500)}a|`)).toBeNull();
    expect(check('abc|;', 'a|;')).toBeNull();
    expect(insertionBetween(at('a|'), at('a|', 'python'))).toBeNull();
    expect(check('a|', `a|${'x'.repeat(70)}`)).toBeNull();
  });

  it('of any two snapshots puts the second one together again', () => {
    const piece = fc.string({ unit: fc.constantFrom('a', 'b', '(', ')', '\n'), maxLength: 6 });
    fc.assert(
      fc.property(piece, piece, piece, piece, (before, after, left, right) => {
        const from = { ...at('|'), before, after };
        const to = { ...at('|'), before: before + left, after: right + after };
        expect(insertionBetween(from, to)).toEqual({ left, right, deleted: '' });
        const found = insertionBetween(to, from, 0);
        if (right === '') expect(found).toEqual({ left: '', right: '', deleted: left });
      }),
      { seed: 1 },
    );
  });
});

describe('agreement', () => {
  const check = (text: string, left: string, right = '', whole = true, languageId = 'typescript') => agreement(text, whole, { left, right, deleted: '' }, languageId);

  it('leaves what was not typed yet', () => {
    expect(check('log(x);', 'lo')).toEqual({ rest: 'g(x);' });
    expect(check('log(x);', 'log(x);')).toEqual({ rest: '' });
    expect(check('log(x);', 'la')).toBe('no');
    expect(check('log', 'log(')).toBe('no');
    expect(check('log', 'log(', '', false)).toBe('open');
    expect(check('lag', 'log(', '', false)).toBe('no');
  });

  it('takes every line end for the same', () => {
    expect(check('{\n  a;\n}', '{\r\n  ')).toEqual({ rest: 'a;\n}' });
    expect(check('{\n  a;\n}', '{\n  ')).toEqual({ rest: 'a;\n}' });
    expect(check('{\n  a;\n}', '{\r\n  a;\r\n')).toEqual({ rest: '}' });
    expect(agreement('b', true, { left: '', right: '', deleted: 'a\r\n' }, 'typescript')).toEqual({ rest: 'a\nb' });
  });

  it('ends before what the editor closed', () => {
    expect(check('(x)', '(', ')')).toEqual({ rest: 'x' });
    expect(check('(x);', '(', ')')).toEqual({ rest: 'x' });
    expect(check('(f(x), ")")', '(', ')')).toEqual({ rest: 'f(x), ")"' });
    expect(check('(x]', '(', ')')).toBe('no');
    expect(check('(x', '(', ')')).toBe('no');
    expect(check('(x', '(', ')', false)).toBe('open');
    expect(check('("a\\"b")', '("', '")')).toEqual({ rest: 'a\\"b' });
    expect(check('"a\\"b"', '"', '"')).toEqual({ rest: 'a\\"b' });
    expect(check('{\n  a;\n}', '{\r\n  ', '\r\n}')).toEqual({ rest: 'a;' });
    expect(check('{\n  a;\n  }', '{\n  ', '\n}')).toBe('no');
    expect(check('({ a })', '({', '})')).toEqual({ rest: ' a ' });
    expect(check('({ a }, b)', '({', '})')).toBe('no');
    expect(check('({ a }', '({', '})', false)).toBe('open');
    expect(check('(see)', '(', ')', true, 'markdown')).toEqual({ rest: 'see' });
    expect(check('\n  a;\n', '\n  ', '\n')).toEqual({ rest: 'a;' });
    expect(check('/* a */ b', '/*', '*/')).toEqual({ rest: ' a ' });
  });

  it('with typed text and its closing part makes a beginning of the text, always', () => {
    const unit = fc.constantFrom('a', '(', ')', '{', '}', '"', '\n', ' ', '\\');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 30 }), fc.nat(30), fc.constantFrom('', ')', '}', '"', '\n}', '")'), (text, cut, right) => {
        const left = text.slice(0, cut);
        const agreed = check(text, left, right);
        if (typeof agreed === 'object') expect(text.startsWith(left + agreed.rest + right)).toBe(true);
        else expect(right).not.toBe('');
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});

describe('a change of the document', () => {
  /** Changes as [inserted, offset from the cursor of the request]; false when one of them leads elsewhere than `raw`. */
  const check = (raw: string, changes: [string, number][], place = 'x|') => {
    const generation = new Generation(1, { document: 'a', version: 1, snapshot: at(place), manual: false });
    if (raw !== '') generation.hear(raw, []);
    return changes.every(([inserted, offset]) => generation.edited({ offset: place.indexOf('|') + offset, removed: 0, inserted }));
  };

  it('leads elsewhere than a text that it cannot be the beginning of', () => {
    for (const [raw, inserted] of [['foo', 'x'], ['foo(', 'fo)'], ['(x)', '(y)'], ['foo', ')'], ['{\n  a', '{\n  b\n}'], ['foo', '\n\n'], ['(x]', '()']]) expect(check(raw, [[inserted, 0]]), `${raw} and ${inserted}`).toBe(false);
    expect(check('\n  a;', [['\n\n', 0]])).toBe(false);
    expect(check(`(${'x'.repeat(200)}, y`, [[`(${'x'.repeat(200)})`, 0]])).toBe(false);
    expect(check('f(x, y', [['f()', 0], ['x', 2], [')', 3]])).toBe(false);
    expect(check('f(x, y', [['f(', 0], ['x', 2], [')', 3]])).toBe(false);
    expect(check('foo', [['f', 0], ['x', 3]])).toBe(false);
  });

  it('goes with what is typed, closed by the editor, or not written yet', () => {
    for (const [raw, inserted] of [['', 'anything'], ['foo', 'fo'], ['foo', 'foobar'], ['(x)', '()'], ['(x', '()'], ['("a")', '("")'], ['{\n  a;\n}', '{\r\n  \r\n}']]) {
      expect(check(raw, [[inserted, 0]]), `${raw} and ${inserted}`).toBe(true);
    }
    expect(check('\n  a;', [['\n  \n', 0]], '{|}')).toBe(true);
    expect(check('f(x, [y', [['f()', 0], ['x', 2], [', ', 3], ['[]', 5], ['y', 6]])).toBe(true);
    expect(check('{\n  a;', [['{}', 0], ['\n  \n', 1], ['a', 4]])).toBe(true);
    expect(check('/* a', [['/', 0], ['**/', 1]])).toBe(true);
  });
});

describe('the typed run', () => {
  it('begins where typing began and ends where it goes elsewhere', () => {
    const run = new TypedRun();
    const type = (offset: number, inserted: string, removed = 0, document = 'a') => {
      run.edited(document, { offset, removed, inserted });
      return run.startIn('a');
    };
    expect(run.startIn('')).toBe(Infinity);
    expect(type(10, 'a')).toBe(10);
    expect(type(11, 'bc')).toBe(10);
    expect(type(12, '', 1)).toBe(10);
    expect(type(12, 'd')).toBe(10);
    expect(type(40, 'x')).toBe(40);
    expect(type(38, '', 3)).toBe(Infinity);
    expect(type(38, 'y')).toBe(38);
    expect(type(39, 'y', 0, 'b')).toBe(Infinity);
    expect(run.startIn('b')).toBe(39);
  });
});

describe('whole lines', () => {
  it('are shown once there is one', () => {
    expect(wholeLines('  retu', at('f() {\n|'))).toBe('');
    expect(wholeLines('  return 1;\n  x', at('f() {\n|'))).toBe('  return 1;');
    expect(wholeLines('\n  ret', at('f() {|'))).toBe('');
    expect(wholeLines('\n  return 1;\n', at('f() {|'))).toBe('\n  return 1;');
  });

  it('of a single-line completion are the line when a rule ends it', () => {
    expect(wholeLines('b', at('const a = |'))).toBe('');
    expect(wholeLines('b;\n', at('const a = |'))).toBe('b;');
    expect(wholeLines('b)', at('f(|);'))).toBe('b');
  });

  it('hold back what may turn out to stand below', () => {
    expect(wholeLines('  a();\n}\n', at('f() {\n|\n}\nrest();'))).toBe('  a();');
    expect(wholeLines('  a();\n  b();\n', at('f() {\n|\n  c();'))).toBe('  a();\n  b();');
    expect(wholeLines('  if (x) {\n  if (y) {\n  }\n', at('f() {\n|\n  }\n  foo();'))).toBe('  if (x) {');
  });

  it('hold back what could not be closed if a limit ended the text there', () => {
    expect(wholeLines('  save(\n    first,\n', at('f() {\n|'))).toBe('');
    expect(wholeLines('  const a = b +\n', at('f() {\n|'))).toBe('');
    expect(wholeLines('  a();\n  if (x) {\n', at('f() {\n|'))).toBe('  a();');
    expect(wholeLines('  if (x) {\n', at('f() {\n|'))).toBe('  if (x) {');
    expect(wholeLines('  on(() => {\n    a();\n', at('f() {\n|'))).toBe('  on(() => {\n    a();');
  });

  it('hold back what may be a loop', () => {
    expect(wholeLines('  a();\n  a();\n', at('f() {\n|'))).toBe('  a();');
    expect(wholeLines('  a();\n  b();\n  a();\n', at('f() {\n|'))).toBe('  a();\n  b();');
  });

  it('begin the final text, whatever comes and whether a limit ends it', () => {
    const line = fc.constantFrom('  a();', '  b();', '}', '', '  if (x) {', '  }', '    c();', '  // "', '  s = `', ')', '  d(', 'end', '  let a = 1; let a = 1; let a = 1; let a = 1; let a = 1; ');
    const places = fc.constantFrom('f() {|', 'f() {\n|', 'f() {\n|\n}\n', 'f() {\n|\n  b();\n  a();\n}', '|', 'x = |', 'f(|)', 'f(() => {|});', 'f() {|}', 'f() {\n|\n}\n  a();', 'f() {\r\n|\r\n}\r\n  a();\r\n');
    let shown = 0;
    let contradicted = 0;
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 9 }), places, fc.integer({ min: 1, max: 7 }), fc.boolean(), (lines, place, size, cutOff) => {
        const snapshot = at(place);
        const text = lines.join('\n');
        const end = completionText(snapshot);
        const early: string[] = [];
        let raw = '';
        for (let i = 0; i < text.length && !end.done; i += size) {
          raw += text.slice(i, i + size);
          end.push(text.slice(i, i + size));
          early.push(wholeLines(raw, snapshot));
        }
        end.finish(cutOff);
        const final = end.result(raw);
        for (const part of early) {
          if (part === '') continue;
          expect(raw.startsWith(part)).toBe(true);
          shown++;
          if (!final.startsWith(part)) contradicted++;
        }
      }),
      { seed: 1, numRuns: 3000 },
    );
    expect(shown).toBeGreaterThan(1000);
    expect(contradicted).toBe(0);
  });
});

const written = (id: number, text: string): Written => ({ id, text, scores: [{ text, sum: 0, count: 1 }], degenerate: false, facts: { tokens: null, stages: null, prompt: { text: 'p', spans: [], neighbours: [] }, prefill: 0, decode: 0 } });

describe('what is shown', () => {
  const request = (place: string, cursor?: number): CompletionRequest => ({ document: 'a', version: 1, snapshot: at(place), manual: false, cursor });
  const shown = (place: string, text: string, cursor?: number): Shown => ({ origin: request(place, cursor), answered: request(place), written: written(1, text) });

  it('leaves a rest that is something', () => {
    expect(restOf(shown('|', 'a\n  '), request('a|'), Infinity)).toBeNull();
    expect(restOf(shown('|', 'a\n  b'), request('a|'), Infinity)).toMatchObject({ text: '\n  b' });
    expect(restOf(shown('|', 'a'), request('b|'), Infinity)).toBeNull();
  });

  it('is kept when more indentation is typed before it, once more than that is typed', () => {
    const sizes = shown('for {\n  |', 'sizes.set(1);');
    expect(restOf(sizes, request('for {\n    |'), Infinity)).toBeNull();
    expect(restOf(sizes, request('for {\n    siz|'), Infinity)).toMatchObject({ text: 'es.set(1);' });
    expect(restOf(sizes, request('for {\n  \t sizes.set(|)'), Infinity)).toMatchObject({ text: '1' });
    expect(restOf(sizes, request('for {\n    sum|'), Infinity)).toBeNull();
    expect(restOf(sizes, request('for {\n|'), 0)).toMatchObject({ text: '  sizes.set(1);' });
    expect(restOf(shown('for {\n  x|', ' = 1;'), request('for {\n  x    =|'), Infinity)).toBeNull();
    expect(restOf(shown('for {\n  x|', '= 1;'), request('for {\n  x    =|'), Infinity)).toBeNull();
    expect(restOf(shown('for {\n  |', 'a;\n  b;'), request('for {\n    a|'), Infinity)).toBeNull();
  });

  it('belongs to what IntelliSense had selected as well', () => {
    expect(restOf(shown('console|', '.log', 3), request('cons|'), Infinity)).toMatchObject({ text: 'ole.log' });
    expect(restOf(shown('console|', '.log', 3), request('co|'), Infinity)).toBeNull();
    expect(restOf(shown('console|', '.log'), request('cons|'), Infinity)).toBeNull();
  });

  it('is kept for a few documents', () => {
    const texts = new ShownTexts();
    for (let i = 0; i < 5; i++) texts.set({ ...shown('|', 'a'), origin: { ...request('|'), document: `${i}` } });
    expect(['0', '1', '2', '3', '4'].map((document) => texts.get(document) !== undefined)).toEqual([false, false, true, true, true]);
  });
});

describe('a request for another document', () => {
  it('is not answered by a generation, though all else is the same', () => {
    const request: CompletionRequest = { document: 'file:///a', version: 1, snapshot: at('x|'), manual: false };
    const generation = new Generation(1, request);
    expect(generation.inserted(request)).not.toBeNull();
    expect(generation.inserted({ ...request, document: 'git:///a' })).toBeNull();
  });
});

describe('the memory of suggestions', () => {
  const find = (memory: Suggestions, place: string, usable = true) => memory.find('a', at(place), () => usable);

  it('finds the place, and the places that the text leads to', () => {
    const memory = new Suggestions();
    memory.put('a', at('x = |;'), written(1, 'foo(bar)'));
    expect(find(memory, 'x = |;')).toMatchObject({ written: { text: 'foo(bar)' }, exact: true });
    expect(find(memory, 'x = foo|;')).toMatchObject({ written: { text: '(bar)' }, exact: false });
    expect(find(memory, 'x = foo(bar)|;')).toBeNull();
    for (const other of ['x = fa|;', 'x = |', 'y = |;', 'x =| ;', 'x = |:']) expect(find(memory, other)).toBeNull();
    expect(memory.find('b', at('x = |;'), () => true)).toBeNull();
    expect(memory.find('a', at('x = |;', 'python'), () => true)).toBeNull();
    expect(find(memory, 'x = foo|;', false)).toBeNull();
    expect(find(memory, 'x = |;', false)).toMatchObject({ exact: true });
  });

  it('tells documents apart that differ far from the cursor only', () => {
    const memory = new Suggestions();
    const far = (first: string, last: string) => `${first}${'-'.repeat(5000)}|${'-'.repeat(5000)}${last}`;
    memory.put('a', at(far('a', 'z')), written(1, 'text'));
    expect(find(memory, far('a', 'z'))).not.toBeNull();
    expect(find(memory, far('b', 'z'))).toBeNull();
    expect(find(memory, far('a', 'y'))).toBeNull();
  });

  it('prefers the exact place, then the newest', () => {
    const memory = new Suggestions();
    memory.put('a', at('|'), written(1, 'abc'));
    memory.put('a', at('a|'), written(2, 'bcd'));
    memory.put('a', at('ab|'), written(3, ''));
    expect(find(memory, 'ab|')?.written.id).toBe(3);
    expect(find(memory, 'abc|')?.written.id).toBe(2);
    memory.put('a', at('ab|'), written(4, 'x'));
    expect(find(memory, 'ab|')?.written.id).toBe(4);
    expect(memory.size).toBe(3);
    memory.put('a', at('a|'), written(5, 'bcd'));
    expect(find(memory, 'ab|')?.written.id).toBe(4);
  });

  it('keeps what is used', () => {
    const memory = new Suggestions();
    for (let i = 0; i < 50; i++) memory.put('a', at(`${i}|`), written(i, 'x'));
    find(memory, '0|');
    memory.put('a', at('50|'), written(50, 'x'));
    expect(find(memory, '0|')).not.toBeNull();
    expect(find(memory, '1|')).toBeNull();
  });

  it('forgets the oldest, and soon what the model saw', () => {
    const memory = new Suggestions();
    for (let i = 0; i < 60; i++) memory.put('a', at(`${i}|`), written(i, 'x'));
    expect(memory.size).toBe(50);
    expect(find(memory, '9|')).toBeNull();
    expect(find(memory, '10|')?.written.facts?.prompt).toBeNull();
    expect(find(memory, '59|')?.written.facts?.prompt).not.toBeNull();
    for (let i = 0; i < 20; i++) memory.put('a', at(`${i}long|`), written(i, 'x'.repeat(40_000)));
    expect(memory.characters).toBeLessThanOrEqual(100_000);
  });
});
