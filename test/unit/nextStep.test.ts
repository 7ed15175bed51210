// The text behind the one that is shown: there when that one is taken, what a cold request would have given, and gone with the first key that disagrees.
import { beforeEach, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { Completer } from '../../src/completion/completer.ts';
import type { Answer, CompletionRequest } from '../../src/completion/request.ts';
import type { Snapshot } from '../../src/prompt/snapshot.ts';
import type { GenerateOptions } from '../../src/session/protocol.ts';
import type { CancelFlag } from '../../src/shared/cancel.ts';
import { FakeClock, settled } from '../support/fakeClock.ts';
import { FakeSource } from '../support/fakeSource.ts';

const never = { isSet: false, onSet: () => () => {} };
/** What the model writes next, wherever the cursor is in it. */
const PARTS = ['alpha(1) +', ' beta(2) +', ' gamma(3) +', ' delta(4)'];
const START = 'import os\nresult = ';
const WHOLE = START + PARTS.join('');

let clock: FakeClock;
let source: FakeSource;
let aside: FakeSource;
let completer: Completer;
let ahead: { options: GenerateOptions; cancel: CancelFlag }[];
let on: boolean;

/** One part a request. */
const pieces = ({ before, after }: Snapshot): string[] => {
  const plain = before.replaceAll('\r', '');
  if (after !== '' || !WHOLE.startsWith(plain)) return ['other = 7'];
  const rest = WHOLE.slice(plain.length);
  const line = rest.slice(0, rest.indexOf('+') < 0 ? rest.length : rest.indexOf('+') + 1);
  return line.match(/[^]{1,4}/g) ?? [];
};

beforeEach(() => {
  clock = new FakeClock();
  on = true;
  ahead = [];
  source = new FakeSource(clock, (snapshot) => ({ pieces: pieces(snapshot) }));
  aside = new FakeSource(clock, (snapshot) => ({ pieces: pieces(snapshot) }));
  completer = new Completer(source, clock, {
    settings: () => ({ latencyMs: 600, maxTokens: 96, promptTokens: 4096, eagerness: 'high', nextAhead: on }),
    record: () => {}, longer: () => {}, late: () => {},
    writeAhead: (options, hear, cancel) => {
      if (source.alive) throw new Error('two generations alive');
      ahead.push({ options, cancel });
      return aside.generate(options, hear, cancel);
    },
  });
});

let version = 0;
const request = (before: string, more: Partial<CompletionRequest> = {}): CompletionRequest => ({ document: 'a.py', version: ++version, snapshot: { path: '/a.py', languageId: 'python', before, after: '' }, manual: false, ...more });
const ask = async (before: string, ms = 2000): Promise<Answer> => {
  const answer = completer.complete(request(before), never);
  await clock.pass(ms);
  return answer;
};
const textOf = (answer: Answer): string => ('show' in answer ? answer.show.text : `(${answer.none})`);
/** Asks, and waits until what follows is being written. */
const begun = async (): Promise<string> => {
  const answer = completer.complete(request(START), never);
  for (let i = 0; i < 300 && !aside.alive?.raw; i++) await clock.pass(10);
  return textOf(await answer);
};
const type = (before: string, inserted: string): string => {
  completer.edited('a.py', { offset: before.length, removed: 0, inserted });
  return before + inserted;
};

describe('the next text', () => {
  it('is there at once when the one before it is taken, and nothing is computed for it then', async () => {
    const first = textOf(await ask(START));
    expect(first).toBe('alpha(1) +');
    expect(ahead.length).toBe(1);
    expect(ahead[0].options).toMatchObject({ conversation: 'next', priority: 'background', speculative: true, approximate: false, prompt: { snapshot: { before: START + first } } });
    const next = textOf(await ask(type(START, first), 0));
    expect(next).toBe(' beta(2) +');
    expect(source.calls.length).toBe(1);
  });

  it('is one step ahead and no more: nothing happens after it', async () => {
    await ask(START);
    await clock.pass(600_000);
    expect([ahead.length, source.calls.length, clock.pending]).toEqual([1, 1, 0]);
  });

  it('goes on where the text is typed instead of taken, and ends with the first key that disagrees', async () => {
    await begun();
    expect([ahead.length, aside.last.isOver]).toEqual([1, false]);
    let before = type(START, 'a');
    await ask(before, 0);
    expect(ahead[0].cancel.isSet).toBe(false);
    before = type(before, 'x');
    expect(ahead[0].cancel.isSet).toBe(true);
    await ask(before);
    expect(aside.alive).toBeUndefined();
  });

  it('is taken over where it is still being written', async () => {
    const first = await begun();
    expect(aside.alive?.raw).not.toBe('');
    expect(ahead[0].cancel.isUrgent).toBe(false);
    expect(textOf(await ask(type(START, first)))).toBe(' beta(2) +');
    expect(ahead[0].cancel.isUrgent).toBe(true);
    expect(source.calls.length).toBe(1);
  });

  it('is the one behind Enter where a statement ends', async () => {
    const before = 'const first = second(2);\n  ';
    const typescript = (text: string) => request(text, { snapshot: { path: '/a.ts', languageId: 'typescript', before: text, after: '' } });
    const answer = completer.complete(typescript(before), never);
    source.script = aside.script = () => ({ pieces: ['other', '();'] });
    await clock.pass(3000);
    expect(textOf(await answer)).toBe('other();');
    expect(ahead.map(({ options }) => (options.prompt as { snapshot: Snapshot }).snapshot.before)).toEqual([`${before}other();\n  `]);
    const taken = type(type(before, 'other();'), '\n  ');
    const next = completer.complete(typescript(taken), never);
    expect(textOf(await next)).toBe('other();');
    expect(source.calls.length).toBe(1);
  });

  it('keeps the line ends of its document', async () => {
    aside.script = source.script = () => ({ pieces: ['if (ready) {\n', '  begin();\n', '  go(', ')'] });
    await ask('import os\r\nanswer = 42\r\n');
    expect(ahead.map(({ options }) => (options.prompt as { snapshot: Snapshot }).snapshot.before)).toEqual(['import os\r\nanswer = 42\r\nif (ready) {\r\n  begin();\r\n  go()']);
  });

  it('is not written when that is switched off, nor where an item of the list is selected', async () => {
    on = false;
    await ask(START);
    on = true;
    const answer = completer.complete(request(`${START}x`, { cursor: START.length }), never);
    await clock.pass(2000);
    await answer;
    expect(ahead).toEqual([]);
  });

  it('ends when the cursor leaves, and with the completer', async () => {
    await begun();
    completer.forget('a.py');
    expect(ahead[0].cancel.isSet).toBe(true);
    completer.dispose();
    await clock.pass(1000);
    expect(clock.pending).toBe(0);
  });

  it('changes no text: whatever is taken, typed and waited for, each answer is what it is without it', async () => {
    const steps = fc.array(fc.oneof(fc.constant('take' as const), fc.constant('wait' as const), fc.constantFrom('a', 'b', 'x', '\n', '(')), { minLength: 1, maxLength: 12 });
    await fc.assert(fc.asyncProperty(steps, fc.integer({ min: 0, max: 900 }), async (script, ms) => {
      const answers: string[][] = [];
      for (const isOn of [true, false]) {
        completer.forget();
        await clock.pass(5000);
        on = isOn;
        let before = START;
        const shown: string[] = [];
        let last = textOf(await ask(before, 3000));
        for (const step of script) {
          if (step === 'wait') await clock.pass(ms);
          else {
            before = type(before, step === 'take' ? (last.startsWith('(') ? '' : last) : step);
            last = textOf(await ask(before, 3000));
            shown.push(last);
          }
        }
        answers.push(shown);
      }
      expect(answers[0]).toEqual(answers[1]);
      await settled();
    }), { numRuns: 60 });
  });
});
