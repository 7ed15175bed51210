// The completer between a fake editor and a fake source, in fake time: one test a behaviour.
import { describe, expect, it } from 'vitest';
import { Completer, type CompleterSettings } from '../../src/completion/completer.ts';
import type { RequestRecord, Suggestion } from '../../src/completion/request.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { FakeClock, settled } from '../support/fakeClock.ts';
import { FakeEditor } from '../support/fakeEditor.ts';
import { FakeSource, SURE, UNSURE, type Script } from '../support/fakeSource.ts';

/** Above everything that a test types: an empty document is not worth a request. */
const HEAD = '// Somewhere in a document.\n\n';
/** Longer than any pause. */
const LONG = 10_000;

function open(text: string, script: Script | ((before: string) => Script), settings: Partial<CompleterSettings> = {}) {
  const clock = new FakeClock();
  const source = new FakeSource(clock, ({ before }) => (typeof script === 'function' ? script(before) : script));
  const records: RequestRecord[] = [];
  const longer: Suggestion[] = [];
  const late: Suggestion[] = [];
  const askedAgain = (list: Suggestion[]) => (document: string, suggestion: Suggestion): void => {
    expect(document).toBe('a');
    list.push(suggestion);
    editor.ask();
  };
  const completer = new Completer(source, clock, {
    settings: () => ({ latencyMs: 800, maxTokens: 96, promptTokens: 2048, eagerness: 'auto', ...settings }),
    record: (record) => void records.push(record),
    longer: askedAgain(longer),
    late: askedAgain(late),
  });
  const editor = new FakeEditor(completer, clock, 'a', HEAD + text.replace('|', ''));
  editor.cursor = HEAD.length + text.indexOf('|');
  const type = (keys: string) => [...keys].forEach((key) => editor.type(key));
  /** Types a key for which a generation begins, and lets it come to its first step. */
  const until = async (isSo: () => boolean) => {
    for (let n = 0; !isSo(); n++) {
      if (n === 1000) throw new Error('it never came');
      await clock.pass(10);
    }
  };
  const begin = async (key: string) => {
    editor.type(key);
    await until(() => source.alive !== undefined);
    return source.last;
  };
  return { clock, source, records, longer, late, completer, editor, type, until, begin };
}

describe('a generation', () => {
  it('begins after a pause, gives its text, and is described in the record', async () => {
    const { editor, clock, source, records } = open('const a |;', { pieces: ['b', ' + c', ';'], prefill: 40, step: 20 });
    editor.type('=');
    await settled();
    expect(source.calls).toHaveLength(0);
    await clock.pass(LONG);
    expect(editor.ghost).toBe('b + c');
    expect(source.calls).toHaveLength(1);
    expect(source.last.options).toMatchObject({ prompt: { snapshot: { before: `${HEAD}const a =`, after: ';' }, promptTokens: expect.any(Number) as number }, max: expect.any(Number) as number, sampling: { temperature: 0 } });
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      path: 'a', languageId: 'typescript', manual: false, answer: 'returned', reason: null, origin: 'generation', text: 'b + c',
      confidence: { value: SURE }, tokens: { prompt: 100, reused: 60, generated: 3 }, ms: { waiting: 0, prefill: 40, decode: 60 }, prompt: { text: `${HEAD}const a =<cursor>;` },
    });
    const { pause, total } = records[0].ms;
    expect(total).toBeGreaterThanOrEqual(pause + 80);
    expect(clock.pending).toBe(0);
    expect(editor.asked[0].abandoned.listening).toBe(0);
  });

  it('begins at once when the user asks, and shows what no gate would let through', async () => {
    const { editor, clock, source, records } = open('a = |', { pieces: ['b'], confidence: UNSURE });
    editor.ask(true);
    await clock.pass(0);
    expect(source.calls).toHaveLength(1);
    await clock.pass(LONG);
    expect(editor.ghost).toBe('b');
    expect(records[0]).toMatchObject({ manual: true, confidence: { value: UNSURE, threshold: -Infinity }, ms: { pause: 0 } });
  });

  it.each([
    ['lowConfidence', { pieces: ['b;'], confidence: UNSURE }],
    ['empty', { pieces: [] }],
    ['empty', { pieces: [';'] }],
    ['repetition', { pieces: ['<|file_separator|>'] }],
    ['noFim', { pieces: [], fail: new DeltaError('noFim', 'm') }],
    ['unavailable', { pieces: ['b'], fail: new DeltaError('workerDied', 'x') }],
  ] as const)('that gives nothing to show answers %s', async (reason, script) => {
    const { editor, clock, records } = open('a =|;', script);
    editor.type(' ');
    await clock.pass(LONG);
    expect(editor.asked[0].answers).toEqual([{ none: reason }]);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({ answer: 'suppressed', reason, text: reason === 'lowConfidence' ? 'b' : reason === 'repetition' ? '<|file_separator|>' : '' });
    expect(clock.pending).toBe(0);
  });

  it('is not begun where it is pointless, unless the user asks', async () => {
    const { editor, clock, source, records } = open('|', { pieces: ['b'] });
    editor.replace(0, editor.text.length, '', 0);
    await clock.pass(LONG);
    expect(source.calls).toHaveLength(0);
    expect(records[0]).toMatchObject({ answer: 'suppressed', reason: 'emptyDocument', tokens: null });
    editor.ask(true);
    await clock.pass(LONG);
    expect(source.calls).toHaveLength(1);
  });

  it('keeps the size of the prompt where the speed moves a little', async () => {
    const { editor, clock, source } = open('a =|\nb =', { pieces: ['b'] });
    const sizes: unknown[] = [];
    for (const [prefill, offset] of [[1000, 3], [1400, 8], [4000, 3]]) {
      source.speed = { prefill, decode: 50 };
      editor.replace(HEAD.length + offset, 0, ' ', HEAD.length + offset + 1);
      await clock.pass(LONG);
      sizes.push((source.last.options.prompt as { promptTokens: number }).promptTokens);
    }
    expect(sizes).toEqual([1024, 1024, 2048]);
  });

  it('has \\n line ends whatever the model writes', async () => {
    const { editor, clock, source } = open('f() {|', { pieces: ['x'] });
    const generate = source.generate.bind(source);
    source.generate = async (...call) => ({ ...(await generate(...call)), text: '\r\n  a();\r\n}' });
    editor.ask();
    await clock.pass(LONG);
    expect(editor.ghost).toBe('\n  a();\n}');
  });

  it('that is cancelled by the source itself leaves nobody waiting', async () => {
    const { editor, clock, source } = open('a =|', { pieces: ['b'] });
    const generate = source.generate.bind(source);
    source.generate = async (...call) => ({ ...(await generate(...call)), reason: 'cancelled' });
    editor.type(' ');
    await clock.pass(LONG);
    expect(editor.asked[0].answers).toEqual([{ none: 'unavailable' }]);
  });

  it('that cannot even begin is a failure like any other', async () => {
    const { editor, clock, source } = open('a =|', { pieces: ['b'] });
    source.generate = () => {
      throw new Error('at once');
    };
    editor.type(' ');
    await clock.pass(LONG);
    expect(editor.asked[0].answers).toEqual([{ none: 'unavailable' }]);
  });
});

describe('what is shown', () => {
  it('stays while it is typed through and taken back', async () => {
    const { editor, clock, source, type, records } = open('a =|', { pieces: ['foo(', 'bar', ')', ';'] });
    type(' ');
    await clock.pass(LONG);
    expect(editor.ghost).toBe('foo(bar);');
    for (const [key, ghost] of [['f', 'oo(bar);'], ['o', 'o(bar);'], ['o', '(bar);'], ['(', 'bar'], ['b', 'ar'], ['a', 'r']] as const) {
      editor.type(key);
      await clock.pass(0);
      expect(editor.ghost).toBe(ghost);
    }
    expect(editor.text).toBe(`${HEAD}a = foo(ba)`);
    for (const ghost of ['ar', 'bar', '(bar);', 'o(bar);', 'oo(bar);', 'foo(bar);', ' foo(bar);']) {
      editor.backspace();
      await clock.pass(0);
      expect(editor.ghost).toBe(ghost);
    }
    expect(source.calls).toHaveLength(1);
    expect(records.slice(1).every(({ origin, answer, tokens, prompt }) => origin === 'typedThrough' && answer === 'returned' && tokens && prompt)).toBe(true);
  });

  it('is not stretched over text that was there before', async () => {
    const { editor, clock, source, type } = open('ab|', { pieces: ['cd'] });
    type('=');
    await clock.pass(LONG);
    expect(editor.ghost).toBe('cd');
    editor.backspace();
    await clock.pass(0);
    expect(editor.ghost).toBe('=cd');
    editor.backspace();
    await clock.pass(0);
    expect(editor.ghost).toBeNull();
    await clock.pass(LONG);
    expect(source.calls).toHaveLength(2);
  });

  it('goes on after accepting a word or a line', async () => {
    const { editor, clock, source } = open('f() {|', { pieces: ['\n  a();', '\n  b();', '\n}', '\n'] });
    editor.ask();
    await clock.pass(LONG);
    expect(editor.ghost).toBe('\n  a();\n  b();\n}');
    editor.accept('\n  a();'.length);
    await clock.pass(0);
    expect(editor.ghost).toBe('\n  b();\n}');
    editor.accept('\n  b();\n}'.length);
    await clock.pass(0);
    expect(editor.ghost).toBeNull();
    expect(source.calls).toHaveLength(1);
  });

  it('has no line ends of its own: Enter in a document with \\r\\n types through', async () => {
    const { editor, clock, source, type } = open('x\r\nf() {|\r\n', { pieces: ['\n  a();', '\n  b();', '\n}', '\n'] });
    type(' ');
    editor.backspace();
    await clock.pass(LONG);
    expect(editor.ghost).toBe('\n  a();\n  b();\n}');
    type('\n');
    await clock.pass(0);
    expect(editor.ghost).toBe('a();\n  b();\n}');
    type('a');
    editor.accept(4);
    await clock.pass(0);
    expect(editor.ghost).toBe('  b();\n}');
    expect(source.calls).toHaveLength(1);
  });

  it('comes back when a wrong key is taken back', async () => {
    const { editor, clock, type } = open('a =|', { pieces: ['foo;'] });
    type(' ');
    await clock.pass(LONG);
    type('x');
    expect(editor.ghost).toBeNull();
    await clock.pass(0);
    editor.backspace();
    await clock.pass(0);
    expect(editor.ghost).toBe('foo;');
  });

  it('in another document stays there', async () => {
    const { editor, clock, source, completer, type } = open('a =|', { pieces: ['foo;'] });
    type(' ');
    await clock.pass(LONG);
    const other = new FakeEditor(completer, clock, 'b', `${HEAD}a = `);
    other.cursor = other.text.length;
    other.ask();
    await clock.pass(LONG);
    expect(other.ghost).toBe('foo;');
    type('f');
    await clock.pass(0);
    expect(editor.ghost).toBe('oo;');
    expect(source.calls).toHaveLength(2);
    completer.forget();
    editor.ask();
    await clock.pass(LONG);
    expect(source.calls).toHaveLength(3);
  });
});

describe('a running generation', () => {
  it('is kept by keys before its first token, when the text agrees with them', async () => {
    const { editor, clock, source, type, begin, records } = open('a =|', { pieces: ['foo', '(bar)', ';'], prefill: 400 });
    const { cancel } = await begin(' ');
    for (const key of 'foo(b') {
      type(key);
      await clock.pass(30);
    }
    await clock.pass(LONG);
    expect(source.calls).toHaveLength(1);
    expect(cancel.isSet).toBe(false);
    expect(editor.ghost).toBe('ar');
    expect(records.filter(({ answer }) => answer === 'returned')).toHaveLength(1);
    expect(records.at(-1)).toMatchObject({ origin: 'reattached', text: 'ar', tokens: { generated: 3 }, prompt: { text: `${HEAD}a = <cursor>` } });
  });

  it('is cancelled by the first token that disagrees with what was typed, and the request goes to the next', async () => {
    const { editor, clock, source, type, begin } = open('a =|', (before) => ({ pieces: before.endsWith('x') ? ['yz;'] : ['foo', ' + ', 'bar'], prefill: 400 }));
    const { cancel } = await begin(' ');
    type('x');
    await clock.pass(390);
    expect(cancel.isSet).toBe(false);
    await clock.pass(LONG);
    expect(cancel.isSet).toBe(true);
    expect(source.calls.map(({ raw }) => raw)).toEqual(['foo', 'yz;']);
    expect(editor.ghost).toBe('yz;');
    expect(editor.asked.at(-1)!.answers).toHaveLength(1);
  });

  it('is cancelled at once by a key that disagrees, and the next begins when it has ended', async () => {
    const { editor, clock, source, type, begin, records } = open('a =|', { pieces: ['foo', ' + ', 'bar', ';'], step: 500, prefill: 10 });
    const first = await begin(' ');
    await clock.pass(20);
    expect(first.raw).toBe('foo');
    type('x');
    expect(first.cancel.isSet).toBe(true);
    await clock.pass(400);
    expect(source.calls).toHaveLength(1);
    expect(first.isOver).toBe(false);
    await clock.pass(LONG);
    expect(source.calls).toHaveLength(2);
    expect(first.raw).toBe('foo');
    expect(editor.ghost).toBe('foo + bar;');
    expect(records.at(-1)!.ms.waiting).toBeGreaterThan(0);
  });

  it.each([
    ['deletes', (editor: FakeEditor) => editor.backspace()],
    ['types elsewhere', (editor: FakeEditor) => editor.replace(0, 0, 'x', 1)],
    ['replaces', (editor: FakeEditor) => editor.replace(0, editor.text.length, 'x', 1)],
    ['clicks elsewhere', (editor: FakeEditor) => editor.click(1)],
  ])('is cancelled when the user %s', async (_, act) => {
    const { editor, begin } = open('a =|', { pieces: ['foo', 'bar'] });
    const { cancel } = await begin(' ');
    act(editor);
    expect(cancel.isSet).toBe(true);
  });

  it('is cancelled when the cursor is elsewhere, without a word from the editor', async () => {
    const { editor, begin, records } = open('a =|', { pieces: ['foo', 'bar'] });
    const { cancel } = await begin(' ');
    editor.cursor = 1;
    void editor.request();
    await settled();
    expect(cancel.isSet).toBe(true);
    expect(records[0]).toMatchObject({ answer: 'superseded' });
  });

  it('outlives a key that is taken back, and keys that the editor closes', async () => {
    const { editor, clock, source, type, begin } = open('a = b|', { pieces: ['({', ' c', ' })', ';'], prefill: 300 });
    await begin(' ');
    type('y');
    editor.backspace();
    type('(');
    type('{');
    expect(editor.text).toBe(`${HEAD}a = b ({})`);
    await clock.pass(LONG);
    expect(editor.ghost).toBe(' c ');
    expect(source.calls).toHaveLength(1);
  });

  it.each([
    ['that it wrote', 'g();\n|\n', ['if (x) ', '{', '\n  a();', '\n  b();', '\n}', '\n'], 'if (x) {\n', 'g();\nif (x) {\n  \n}\n'],
    ['that stood there', 'if (x) {|}', ['\n  a();', '\n  b();', '\n}', '\n'], '\n', 'if (x) {\n  \n}'],
  ])('outlives Enter between brackets %s', async (_, text, pieces, keys, typed) => {
    const { editor, clock, source, type, until } = open(text, { pieces, prefill: 300 });
    editor.ask();
    await until(() => source.alive !== undefined);
    type(keys);
    expect(editor.text).toBe(HEAD + typed);
    await clock.pass(LONG);
    expect(editor.ghost).toBe('a();\n  b();');
    expect(source.calls).toHaveLength(1);
  });

  it('that nobody waits for any more goes on, is offered when it is ready, and is remembered', async () => {
    const { editor, clock, source, type, begin, records, late } = open('a =|', { pieces: ['foo;'] });
    const { cancel } = await begin(' ');
    editor.leave();
    await clock.pass(LONG);
    expect(cancel.isSet).toBe(false);
    expect(late).toMatchObject([{ text: 'foo;', final: true }]);
    expect(records).toMatchObject([{ answer: 'superseded', reason: 'cancelled' }, { answer: 'returned', origin: 'cache', text: 'foo;' }]);
    type('f');
    await clock.pass(0);
    expect(editor.ghost).toBe('oo;');
    expect(records[2]).toMatchObject({ origin: 'typedThrough', text: 'oo;' });
    expect(source.calls).toHaveLength(1);
  });

  it('answers every request that it still fits', async () => {
    const { editor, clock, source, begin } = open('a =|', { pieces: ['foo;'], prefill: 300 });
    await begin(' ');
    const first = editor.asked[0];
    const second = { ...first.request, snapshot: { ...first.request.snapshot, before: `${HEAD}a = f` } };
    const answer = editor['completer'].complete(second, { isSet: false, onSet: () => () => {} });
    await clock.pass(LONG);
    expect(first.answers).toMatchObject([{ show: { text: 'foo;' } }]);
    expect(await answer).toMatchObject({ show: { text: 'oo;' } });
    expect(source.calls).toHaveLength(1);
  });

  it('is not stopped by an older request that it no longer fits', async () => {
    const { editor, clock, source, begin } = open('a =|', { pieces: ['foo', ';'], prefill: 300 });
    const { cancel } = await begin(' ');
    const request = (typed: string) =>
      editor['completer'].complete({ ...editor.asked[0].request, snapshot: { ...editor.asked[0].request.snapshot, before: `${HEAD}a = ${typed}` } }, { isSet: false, onSet: () => () => {} });
    const answers = [request('x'), request('f')];
    await clock.pass(LONG);
    expect(cancel.isSet).toBe(false);
    expect(await answers[0]).toEqual({ none: 'superseded' });
    expect(await answers[1]).toMatchObject({ show: { text: 'oo;' } });
    expect(source.calls).toHaveLength(1);
  });

  it('that was typed to its end leaves the place to the next', async () => {
    const { editor, clock, source, type, begin } = open('a =|', (before) => ({ pieces: before.endsWith('foo') ? ['();'] : ['foo'], prefill: 300 }));
    await begin(' ');
    type('foo');
    await clock.pass(LONG);
    expect(source.calls).toHaveLength(2);
    expect(editor.ghost).toBe('();');
  });

  it('knows what IntelliSense has selected, though it does not stand in the document', async () => {
    const { editor, clock, source, completer, until } = open('x = con|', { pieces: ['.log', '(a)', ';'], prefill: 300 });
    const ask = (typed: string) => {
      const snapshot = { path: 'a', languageId: 'typescript', before: `${HEAD}x = console`, after: '' };
      return completer.complete({ document: 'a', version: editor.version, snapshot, cursor: HEAD.length + 4 + typed.length, manual: false }, { isSet: false, onSet: () => () => {} });
    };
    void ask('con');
    await until(() => source.alive !== undefined);
    completer.edited('a', { offset: HEAD.length + 7, removed: 0, inserted: 's' });
    expect(source.last.cancel.isSet).toBe(false);
    const answer = ask('cons');
    completer.edited('a', { offset: HEAD.length + 8, removed: 0, inserted: 'o' });
    // The list is closed: what was selected belongs to the text now.
    const plain = completer.complete({ document: 'a', version: 3, snapshot: { path: 'a', languageId: 'typescript', before: `${HEAD}x = conso`, after: '' }, manual: false }, { isSet: false, onSet: () => () => {} });
    await clock.pass(LONG);
    expect(await answer).toMatchObject({ show: { text: '.log(a);' } });
    expect(await plain).toMatchObject({ show: { text: 'le.log(a);' } });
    expect(source.calls).toHaveLength(1);
    completer.edited('a', { offset: HEAD.length + 9, removed: 0, inserted: 'x' });
  });
});

describe('one at a time', () => {
  it('the newest request gets the next generation, older ones are superseded', async () => {
    const { editor, clock, source, type, begin, records } = open('a =|', { pieces: ['foo', 'bar'], step: 2000, prefill: 10 });
    const first = await begin(' ');
    await clock.pass(50);
    type('x');
    await clock.pass(1000);
    type('y');
    await clock.pass(LONG);
    expect(source.calls.map(({ snapshot }) => snapshot.before)).toEqual([`${HEAD}a = `, `${HEAD}a = xy`]);
    expect(first.cancel.isSet).toBe(true);
    expect(records.map(({ answer }) => answer)).toEqual(['superseded', 'superseded', 'returned']);
    expect(editor.asked.map(({ answers }) => answers.length)).toEqual([1, 1, 1]);
  });

  it('a request that comes while another pauses takes its place', async () => {
    const { editor, clock, source, records } = open('a = |', { pieces: ['foo'] });
    const never = { isSet: false, onSet: () => () => {} };
    const request = (before: string) => editor['completer'].complete({ document: 'a', version: 1, snapshot: { path: 'a', languageId: 'typescript', before: HEAD + before, after: '' }, manual: false }, never);
    const first = request('a = ');
    const second = request('a =');
    expect(await first).toEqual({ none: 'superseded' });
    await clock.pass(LONG);
    expect(await second).toMatchObject({ show: { text: 'foo' } });
    expect(source.calls).toHaveLength(1);
    expect(records.map(({ reason }) => reason)).toEqual(['superseded', null]);
  });

  it('a request that is abandoned in its pause begins nothing', async () => {
    const { editor, clock, source, type } = open('a =|', { pieces: ['foo'] });
    type(' ');
    await clock.pass(0);
    editor.leave();
    await clock.pass(LONG);
    expect(source.calls).toHaveLength(0);
    expect(editor.asked[0].answers).toEqual([{ none: 'cancelled' }]);
    expect(clock.pending).toBe(0);
  });

  it('a request that is abandoned while it waits for the former generation to end begins nothing', async () => {
    const { editor, clock, source, type, begin } = open('a =|', { pieces: ['foo', 'bar'], step: 2000, prefill: 10 });
    await begin(' ');
    await clock.pass(50);
    type('x');
    await clock.pass(1000);
    editor.leave();
    await clock.pass(LONG);
    expect(source.calls).toHaveLength(1);
    expect(editor.asked[1].answers).toEqual([{ none: 'cancelled' }]);
  });

  it('a request that is abandoned before it is made is not looked at', async () => {
    const { completer, begin } = open('a =|', { pieces: ['foo', 'bar'] });
    const { cancel } = await begin(' ');
    const answer = completer.complete({ document: 'b', version: 1, snapshot: { path: 'b', languageId: 'c', before: 'x', after: '' }, manual: false }, { isSet: true, onSet: () => () => {} });
    expect(await answer).toEqual({ none: 'cancelled' });
    expect(cancel.isSet).toBe(false);
  });
});

describe('past the latency budget', () => {
  const body = { pieces: ['\n  a', '();', '\n', '  b();', '\n', '}', '\n'], step: 300, prefill: 300 };

  it('whole lines are shown, and made longer once', async () => {
    const { editor, clock, longer, records, source, until } = open('f() {|', body);
    editor.ask();
    await until(() => editor.ghost !== null);
    expect(editor.ghost).toBe('\n  a();');
    expect(editor.asked[0].answers).toMatchObject([{ show: { final: false } }]);
    expect(records).toHaveLength(0);
    expect(longer).toHaveLength(0);
    await clock.pass(LONG);
    expect(longer).toEqual([{ id: 1, text: '\n  a();\n  b();\n}', final: true }]);
    expect(editor.ghost).toBe('\n  a();\n  b();\n}');
    expect(source.calls).toHaveLength(1);
    expect(records).toMatchObject([
      { origin: 'generation', text: '\n  a();', tokens: { generated: 7 } },
      { origin: 'typedThrough', text: '\n  a();\n  b();\n}', tokens: { generated: 7 } },
    ]);
  });

  it('they are typed through while they grow', async () => {
    const { editor, clock, source, longer, type, until } = open('f() {|', body);
    editor.ask();
    await until(() => editor.ghost !== null);
    type('\n');
    await clock.pass(0);
    expect(editor.ghost).toBe('a();');
    type('a');
    await clock.pass(650);
    type('(');
    await clock.pass(0);
    expect(editor.ghost).toBeNull();
    type(')');
    await clock.pass(0);
    expect(editor.text + editor.ghost).toBe(HEAD + 'f() {\n  a();\n  b();');
    await clock.pass(LONG);
    expect(longer).toEqual([{ id: 1, text: ';\n  b();\n}', final: true }]);
    expect(editor.text + editor.ghost).toBe(HEAD + 'f() {\n  a();\n  b();\n}');
    expect(source.calls).toHaveLength(1);
  });

  it('a request that waits for more gets it without being asked again', async () => {
    const { editor, clock, longer, until, source } = open('f() {|', { ...body, step: 150, prefill: 700 });
    editor.ask();
    await until(() => editor.ghost !== null);
    editor.accept(100);
    expect(editor.text).toBe(`${HEAD}f() {\n  a();`);
    await clock.pass(LONG);
    expect(editor.ghost).toBe('\n  b();\n}');
    expect(longer).toHaveLength(0);
    expect(source.calls).toHaveLength(1);
  });

  it('nothing is half a line: one waits for the first', async () => {
    const { editor, clock } = open('f() {|', { pieces: ['\n', '  a', '(b', ', c', ');', '\n', '}', '\n'], step: 1000 });
    editor.ask();
    const seen = new Set<string | null>();
    editor.onGhost = (_, ghost) => void seen.add(ghost);
    await clock.pass(LONG * 2);
    expect([...seen]).toEqual(['\n  a(b, c);', '\n  a(b, c);\n}']);
  });

  it('within the budget one waits for the end', async () => {
    const { editor, clock, longer } = open('f() {|', { ...body, step: 20, prefill: 20 });
    const seen: (string | null)[] = [];
    editor.onGhost = (_, ghost) => void seen.push(ghost);
    editor.ask();
    await clock.pass(LONG);
    expect(seen).toEqual(['\n  a();\n  b();\n}']);
    expect(longer).toHaveLength(0);
  });

  it('a single line is shown when a rule has ended it', async () => {
    const { editor, clock, longer } = open('a = |', { pieces: ['b', ' + c;', '\nrest', 'more'], step: 600 });
    editor.ask();
    await clock.pass(LONG);
    expect(editor.asked[0].answers).toMatchObject([{ show: { text: 'b + c;' } }]);
    expect(longer).toHaveLength(0);
  });

  it('lines without confidence are not shown early, nor made longer', async () => {
    const { editor, clock, longer, records } = open('f() {|', { ...body, confidence: UNSURE });
    editor.ask();
    await clock.pass(LONG);
    expect(editor.asked[0].answers).toEqual([{ none: 'lowConfidence' }]);
    expect(longer).toHaveLength(0);
    expect(records).toHaveLength(1);
  });

  it('a text is judged once, however many tokens come behind its complete lines', async () => {
    const { editor, clock, source } = open('f() {|', { ...body, pieces: ['\n  a();\n', '  b', ...Array.from({ length: 12 }, () => 'b'), '();', '\n', '}', '\n'], confidence: UNSURE });
    let judged = 0;
    Object.defineProperty(source, 'confidence', { get: () => (judged++, null) });
    editor.ask();
    await clock.pass(LONG);
    expect(editor.asked[0].answers).toEqual([{ none: 'lowConfidence' }]);
    // As it grows by lines, and as it is in the end.
    expect(judged).toBeGreaterThan(1);
    expect(judged).toBeLessThanOrEqual(4);
  });

  it('what was shown stays when the generation fails or is cancelled', async () => {
    const { editor, clock, longer, records, type } = open('f() {|', { ...body, fail: new DeltaError('workerDied', 'x') });
    editor.ask();
    await clock.pass(LONG);
    expect(editor.ghost).toBe('\n  a();');
    expect(longer).toHaveLength(0);
    expect(records).toMatchObject([{ answer: 'returned', tokens: null, prompt: null }]);
    type('\n');
    await clock.pass(0);
    expect(editor.ghost).toBe('a();');
  });
});

describe('what is remembered', () => {
  it('answers at once where the cursor has been, also that there is nothing', async () => {
    const { editor, clock, source, records } = open('a = |\nb = ', (before) => ({ pieces: before.endsWith('b = ') ? ['c'] : ['d'], confidence: before.endsWith('b = ') ? UNSURE : SURE }));
    editor.ask();
    await clock.pass(LONG);
    editor.click(HEAD.length + 9);
    await clock.pass(LONG);
    expect(editor.ghost).toBeNull();
    editor.click(HEAD.length + 4);
    await clock.pass(0);
    expect(editor.ghost).toBe('d');
    editor.click(HEAD.length + 9);
    await clock.pass(0);
    expect(editor.asked.at(-1)!.answers).toEqual([{ none: 'lowConfidence' }]);
    expect(records.at(-1)).toMatchObject({ origin: 'cache', confidence: { value: UNSURE } });
    expect(source.calls).toHaveLength(2);
    editor.ask(true);
    await clock.pass(0);
    expect(editor.ghost).toBe('c');
    expect(source.calls).toHaveLength(2);
  });

  it('without confidence is asked again when a part of it was typed', async () => {
    const { editor, clock, source, type } = open('a =|', (before) => ({ pieces: before.endsWith('f') ? ['oo;'] : ['foo;'], confidence: before.endsWith('f') ? SURE : UNSURE }));
    type(' ');
    await clock.pass(LONG);
    type('f');
    await clock.pass(LONG);
    expect(source.calls).toHaveLength(2);
    expect(editor.ghost).toBe('oo;');
  });
});

describe('what the user types of an unsure text', () => {
  const halfSure = { pieces: ['foo', '.b', 'ar;'], confidence: [UNSURE, SURE], step: 100 };

  it('shows the rest, of which the model is sure, while it is written', async () => {
    const { editor, clock, source, records, begin, type } = open('a =|', halfSure);
    await begin(' ');
    type('foo');
    await clock.pass(LONG);
    expect(editor.ghost).toBe('.bar;');
    expect(source.calls).toHaveLength(1);
    expect(records.at(-1)).toMatchObject({ answer: 'returned', origin: 'reattached', confidence: { value: SURE } });
  });

  it('shows the rest afterwards, without another generation', async () => {
    const { editor, clock, source, records, type } = open('a =|', halfSure);
    type(' ');
    await clock.pass(LONG);
    expect(editor.ghost).toBeNull();
    type('foo');
    await clock.pass(0);
    expect(editor.ghost).toBe('.bar;');
    expect(records.at(-1)).toMatchObject({ origin: 'cache', confidence: { value: SURE } });
    type('.b');
    await clock.pass(0);
    expect(editor.ghost).toBe('ar;');
    expect(source.calls).toHaveLength(1);
  });

  it('shows nothing of it where the model is unsure of the rest too', async () => {
    const { editor, clock, records, begin, type } = open('a =|', { ...halfSure, confidence: [SURE, UNSURE] });
    await begin(' ');
    type('foo');
    await clock.pass(LONG);
    expect(editor.ghost).toBeNull();
    expect(records.some(({ reason }) => reason === 'lowConfidence')).toBe(true);
  });

  it('is offered when nobody waited for its end', async () => {
    const { editor, clock, source, late, begin, type } = open('a =|', halfSure);
    await begin(' ');
    type('foo');
    editor.leave();
    await clock.pass(LONG);
    expect(late).toHaveLength(1);
    expect(editor.ghost).toBe('.bar;');
    expect(source.calls).toHaveLength(1);
  });
});

describe('the end', () => {
  it('cancels, answers, and leaves no timer', async () => {
    const { editor, clock, source, completer, begin, records, type, until } = open('f() {|', { pieces: ['\n  a();', '\n', '  b();', '\n', '}'], step: 500 });
    const { cancel } = await begin(' ');
    await until(() => editor.ghost !== null);
    type('x');
    await clock.pass(10);
    completer.dispose();
    expect(cancel.isSet).toBe(true);
    await clock.pass(0);
    expect(editor.asked.every(({ answers, abandoned }) => answers.length === 1 && abandoned.listening === 0)).toBe(true);
    expect(records).toHaveLength(editor.asked.length);
    await clock.pass(LONG);
    expect(clock.pending).toBe(0);
    expect(source.calls).toHaveLength(1);
    type('y');
    await clock.pass(LONG);
    expect(editor.asked.at(-1)!.answers).toEqual([{ none: 'cancelled' }]);
    expect(source.calls).toHaveLength(1);
  });

  it('of a document takes its requests with it', async () => {
    const { editor, clock, source, completer, begin, type } = open('a =|', { pieces: ['foo', 'bar'], step: 500 });
    const { cancel } = await begin(' ');
    completer.forget('b');
    expect(cancel.isSet).toBe(false);
    completer.forget('a');
    expect(cancel.isSet).toBe(true);
    await settled();
    expect(editor.asked[0].answers).toEqual([{ none: 'cancelled' }]);
    type('x');
    await clock.pass(1);
    completer.forget('a');
    await clock.pass(LONG);
    expect(editor.asked[1].answers).toEqual([{ none: 'cancelled' }]);
    expect(source.calls).toHaveLength(1);
  });
});
