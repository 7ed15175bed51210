// Any way of typing: random scripts in a fake editor, checked after every event against rules that know nothing of the completer's own.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Completer } from '../../src/completion/completer.ts';
import type { RequestRecord, Suggestion } from '../../src/completion/request.ts';
import type { Snapshot } from '../../src/prompt/snapshot.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { FakeEditor } from '../support/fakeEditor.ts';
import { FakeSource, SURE, UNSURE, type Call, type Script } from '../support/fakeSource.ts';
import { randomBelow } from '../support/mutate.ts';

/** Longer than the longest pause before a generation and VS Code's own. */
const PAUSE = 300;
const DEBOUNCES = [0, 10, 50];
const STATEMENTS = ['foo(a, b);', 'bar("x");', 'return a[0];', 'if (x) {', '}', 'const c = { d: (1 + 2) };', '', 'a.b = "(";', '  deeper();', '// words', 'baz([1, 2], () => {', '});'];
const KEYS = [...'ab(){}[]";.= \n'];

const lf = (text: string): string => text.replaceAll('\r\n', '\n');
/** A piece may end between \r and \n. */
const written = ({ raw }: Call): string => raw.replaceAll('\r', '');
const compatible = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);

/** The same text for the same place, and another one elsewhere. */
function textFor({ before, after }: Snapshot, seed: number): Script {
  let hash = seed;
  for (const char of `${before.slice(-30)}|${after.slice(0, 10)}`) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  const below = randomBelow(hash);
  const indent = /[ \t]*/.exec(before.slice(before.lastIndexOf('\n') + 1))![0];
  const lines = Array.from({ length: below(6) }, () => STATEMENTS[below(STATEMENTS.length)]);
  const text = (below(3) === 0 ? '\n' : '') + lines.join((below(4) === 0 ? '\r\n' : '\n') + (below(3) === 0 ? '' : indent)) + (below(2) ? '\n' : '');
  const pieces: string[] = [];
  for (let i = 0; i < text.length; i += pieces.at(-1)!.length) pieces.push(text.slice(i, i + 1 + below(6)));
  return { pieces, confidence: below(6) === 0 ? UNSURE : SURE, prefill: [0, 30, 100, 700][below(4)], step: [5, 20, 90][below(3)] };
}

/** Where a call's text has the document elsewhere than it is: typed text that is not its beginning, or a change outside what was typed. */
function disagrees(call: Call, editor: FakeEditor): boolean {
  const { before, after } = call.snapshot;
  if (!editor.before.startsWith(before) || !editor.after.endsWith(after) || editor.text.length < before.length + after.length) return true;
  return !compatible(written(call), lf(editor.before.slice(before.length)));
}

/** Whether it goes on: the typed text agrees, and right of the cursor nothing was added. */
function agrees(call: Call, editor: FakeEditor): boolean {
  return !disagrees(call, editor) && editor.after === call.snapshot.after;
}

class World {
  readonly clock = new FakeClock();
  readonly source: FakeSource;
  readonly records: RequestRecord[] = [];
  readonly longer: Suggestion[] = [];
  readonly completer: Completer;
  readonly editors: FakeEditor[];
  active: FakeEditor;
  /** Of each call, the document that it was for. */
  readonly owners = new Map<Call, FakeEditor>();
  problems: string[] = [];
  /** The whole text with ghost text when that went, and when. */
  private gone: { text: string; at: number } | null = null;
  shownTimes = 0;
  keptTimes = 0;
  cancelledTimes = 0;

  constructor(
    private readonly seed: number,
    latencyMs: number,
    texts: readonly string[],
  ) {
    const below = randomBelow(seed);
    this.source = new FakeSource(this.clock, (snapshot) => {
      const script = this.write(snapshot);
      return below(40) === 0 ? { ...script, fail: new DeltaError('workerDied', 'x') } : script;
    });
    this.completer = new Completer(this.source, this.clock, {
      settings: () => ({ latencyMs, maxTokens: 96, promptTokens: 2048, eagerness: 'auto' }),
      record: (record) => void this.records.push(record),
      longer: (document, suggestion) => this.lengthened(document, suggestion),
      late: (document, suggestion) => this.lengthened(document, suggestion),
    });
    this.editors = texts.map((text, i) => this.edit(new FakeEditor(this.completer, this.clock, `file:///${i}.ts`, text, DEBOUNCES[below(3)])));
    this.active = this.editors[0];
    this.source.onStep = (call) => this.stepped(call);
  }

  private edit(editor: FakeEditor): FakeEditor {
    editor.cursor = editor.text.indexOf(' 2;') + 3 + editor.eol.length + 2;
    editor.cancelsLate = this.seed % 2 === 0;
    editor.onChange = () => this.changed(editor);
    editor.onGhost = (before, after, cause) => this.ghosts(editor, before, after, cause);
    return editor;
  }

  private owner(call: Call): FakeEditor {
    return this.editors.find(({ document }) => document === call.snapshot.path)!;
  }

  /** Right after the completer heard of a change. */
  private changed(editor: FakeEditor): void {
    this.gone = null;
    const call = this.source.alive;
    if (!call || this.owner(call) !== editor) return;
    const wasSet = this.wasSet === call;
    if (disagrees(call, editor)) {
      if (!call.cancel.isSet) this.problems.push(`a change disagrees with ${JSON.stringify(call.raw)} and nothing was cancelled: ${JSON.stringify(editor.before)}`);
      else if (!wasSet) this.cancelledTimes++;
    } else if (agrees(call, editor) && !wasSet && this.active === editor) {
      if (call.cancel.isSet) this.problems.push(`a change agrees with ${JSON.stringify(call.raw)} but it was cancelled: ${JSON.stringify(editor.before)}`);
      else this.keptTimes++;
    }
  }

  /** What the model would say. */
  write = (snapshot: Snapshot): Script => textFor(snapshot, this.seed);

  /** The call whose flag was set before the event that is looked at. */
  wasSet: Call | undefined;

  /** Right after the completer heard a piece. */
  private stepped(call: Call): void {
    const editor = this.owner(call);
    if (disagrees(call, editor) && this.told && !call.cancel.isSet) this.problems.push(`written on though ${JSON.stringify(call.raw)} disagrees with ${JSON.stringify(editor.before)}`);
    if (call.cancel.isSet) this.wasSet = call;
  }

  /** False between a move of the cursor, which nobody reports, and the request for the new place. */
  told = true;

  private lengthened(document: string, suggestion: Suggestion): void {
    if (this.longer.some(({ id }) => id === suggestion.id)) this.problems.push(`made longer twice: ${suggestion.id}`);
    this.longer.push(suggestion);
    if (document === this.active.document) this.active.ask();
  }

  private ghosts(editor: FakeEditor, before: string | null, after: string | null, cause: 'change' | 'answer'): void {
    const now = this.clock.now();
    if (after !== null) {
      this.shownTimes++;
      const text = editor.before + after + editor.after;
      if (this.gone && this.gone.text === text && now - this.gone.at < 200) this.problems.push(`flicker: ${JSON.stringify(after)}`);
      this.gone = null;
    }
    if (cause === 'answer' && before !== null && before.trim() !== '') {
      if (after === null) this.gone = { text: editor.before + before + editor.after, at: now };
      if (after === null || !after.startsWith(before)) this.problems.push(`what was shown went without a key: ${JSON.stringify(before)} → ${JSON.stringify(after)}`);
    }
  }

  /** Every answer makes, with its document, a beginning of a text that was written for a place from which the document was typed. */
  checkAnswers(): void {
    const calls = this.source.calls.map(({ snapshot, raw, result }) => ({
      path: snapshot.path, before: lf(snapshot.before), after: lf(snapshot.after), texts: [raw.replaceAll('\r', ''), result?.text.replaceAll('\r', '') ?? ''],
    }));
    for (const { asked } of this.editors) {
      for (const { request, answers } of asked) {
        expect(answers).toHaveLength(1);
        const [answer] = answers;
        if (!('show' in answer)) continue;
        expect(answer.show.text.trim()).not.toBe('');
        const { path } = request.snapshot;
        const whole = lf(request.snapshot.before) + answer.show.text + lf(request.snapshot.after);
        const isWritten = calls.some((call) => call.path === path && whole.length >= call.before.length + call.after.length
          && whole.startsWith(call.before) && whole.endsWith(call.after) && call.texts.some((text) => text.startsWith(whole.slice(call.before.length, whole.length - call.after.length))));
        expect(isWritten, `${JSON.stringify(answer)} for ${JSON.stringify(request.snapshot)}`).toBe(true);
      }
    }
  }

  /** After a pause with a source that has nothing to do, there is ghost text or a reason. */
  checkPause(): void {
    const last = this.active.asked.at(-1);
    if (this.source.alive || !last) return;
    expect(last.answers, 'an answer after a pause').toHaveLength(1);
    const [answer] = last.answers;
    if ('show' in answer || answer.none === 'cancelled') return;
    expect(answer.none).not.toBe('superseded');
    expect(this.records.some(({ reason }) => reason === answer.none)).toBe(true);
  }

  async end(): Promise<void> {
    await this.clock.pass(20_000);
    this.checkPause();
    const count = this.editors.reduce((sum, { asked }) => sum + asked.length, 0);
    expect(this.records).toHaveLength(count);
    expect(this.clock.pending).toBe(0);
    this.checkAnswers();
    this.completer.dispose();
    await this.clock.pass(0);
    expect(this.clock.pending).toBe(0);
    expect(this.editors.flatMap(({ asked }) => asked).filter(({ abandoned }) => abandoned.listening > 0)).toEqual([]);
    expect(this.problems).toEqual([]);
  }

  /** Before an event. */
  look(): void {
    this.wasSet = this.source.alive?.cancel.isSet ? this.source.alive : undefined;
  }

  /** One thing that a user does. */
  act(kind: number, below: (n: number) => number): void {
    const { active: editor } = this;
    this.look();
    switch (kind) {
      case 0: case 1: case 2: case 3: { // what is shown, or what is being written, as if he knew
        const call = this.source.alive;
        const typed = call && this.owner(call) === editor && !disagrees(call, editor) ? lf(editor.before.slice(call.snapshot.before.length)) : null;
        const next = editor.ghost?.[0] ?? (call && typed !== null && written(call).length > typed.length ? written(call)[typed.length] : KEYS[below(KEYS.length)]);
        return editor.type(next);
      }
      case 4: return editor.type(KEYS[below(KEYS.length)]);
      case 5: return editor.type('(');
      case 6: return editor.type('{');
      case 7: return editor.type('\n');
      case 8: case 9: return editor.backspace();
      case 10: return editor.accept(1 + below(12));
      case 11: return editor.accept(1000);
      case 12: { // mostly the end of a line
        const at = below(editor.text.length + 1);
        const end = editor.text.indexOf(editor.eol, at);
        return editor.click(end < 0 || below(4) === 0 ? at : end);
      }
      case 13: return editor.ask(below(2) === 0);
      case 14: return editor.replace(0, 0, '§', editor.cursor + 1);
      default: {
        const other = this.editors[below(this.editors.length)];
        if (other === editor) return;
        editor.leave();
        this.completer.forget(editor.document);
        this.active = other;
        this.gone = null;
        return other.ask();
      }
    }
  }
}

const PROGRAM = `function add(first, second) {
  const sum = first + second;
  if (sum > limit) {
    return report("too much", sum);
  }
  return [first, second, sum];
}

function report(reason, value) {
  console.log(reason, value);
  return { reason, value };
}
`;

const TEXTS = [
  'const first = 1;\nfunction second() {\n  const a = 2;\n  \n}\n\nfoo(a, b);\nx = \n',
  'const first = 1;\r\nfunction second() {\r\n  const a = 2;\r\n  \r\n}\r\n\r\nfoo(a, b);\r\nx = \r\n',
];

describe('any way of typing', () => {
  it('keeps one generation, one answer a request, one text a place', async () => {
    let shown = 0;
    let kept = 0;
    let cancelled = 0;
    let longer = 0;
    const origins = new Set<string | null>();
    const reasons = new Set<string | null>();
    const step = fc.record({ kind: fc.nat(15), seed: fc.nat(1e6), ms: fc.constantFrom(0, 0, 15, 40, 90, 150, PAUSE, 1000) });
    await fc.assert(
      fc.asyncProperty(fc.nat(1e6), fc.constantFrom(60, 400, 1500), fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), async (seed, latency, steps) => {
        const world = new World(seed, latency, TEXTS);
        for (const { kind, seed: stepSeed, ms } of steps) {
          world.act(kind, randomBelow(stepSeed));
          await world.clock.pass(ms);
          if (ms >= PAUSE) {
            await world.clock.pass(60);
            world.checkPause();
          }
        }
        await world.end();
        shown += world.shownTimes;
        kept += world.keptTimes;
        cancelled += world.cancelledTimes;
        longer += world.longer.length;
        for (const { origin, reason } of world.records) {
          origins.add(origin);
          reasons.add(reason);
        }
      }),
      { seed: 3, numRuns: 500 },
    );
    // It was about something.
    expect(Math.min(shown, kept, cancelled)).toBeGreaterThan(200);
    expect(longer).toBeGreaterThan(5);
    for (const origin of ['generation', 'reattached', 'typedThrough', 'cache']) expect(origins).toContain(origin);
    for (const reason of ['superseded', 'cancelled', 'lowConfidence', 'empty', 'unavailable']) expect(reasons).toContain(reason);
  });

  it('fast, 200 keys of a program that the model knows by halves', async () => {
    const sums = [0, 0, 0];
    for (let seed = 1; seed <= 8; seed++) {
      const below = randomBelow(seed);
      const world = new World(seed, 300, ['// A program.\n\n']);
      const { active: editor, clock } = world;
      const slowest = [60, 200][seed % 2];
      editor.cursor = editor.text.length;
      const start = editor.cursor;
      world.write = ({ before }) => {
        const known = PROGRAM.indexOf(before.slice(start).slice(-12));
        const rest = known < 0 ? 'unknown();\n' : PROGRAM.slice(known + Math.min(12, before.length - start), known + 120);
        const text = below(3) === 0 ? `${rest.slice(0, below(20))}wrong();\n` : rest;
        return { pieces: text.match(/[^]{1,4}/g) ?? [], prefill: 250, step: 30 };
      };
      for (let at = 0, keys = 0; keys < 200; keys++) {
        world.look();
        if (below(15) === 0) {
          editor.type('q');
          await clock.pass(20 + below(60));
          world.look();
          editor.backspace();
        } else {
          editor.type(PROGRAM[at++]);
          // The editor has indented by itself, sometimes too far.
          for (let indent = PROGRAM[at - 1] === '\n' ? / *$/.exec(editor.before)![0].length : 0; indent > 0; indent--) {
            if (PROGRAM[at] === ' ') at++;
            else editor.backspace();
          }
        }
        await clock.pass(20 + below(slowest));
        if (keys % 20 === 19) {
          await clock.pass(PAUSE + 60);
          world.checkPause();
        }
      }
      await world.end();
      for (const [i, count] of [world.shownTimes, world.keptTimes, world.cancelledTimes].entries()) sums[i] += count;
    }
    const [shown, kept, cancelled] = sums;
    expect(shown).toBeGreaterThan(500);
    expect(kept).toBeGreaterThan(50);
    expect(cancelled).toBeGreaterThan(5);
  });
});
