// The tiny model that answers: what it says to questions that its training never held, and that it ends its turns.
import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/session/engine.ts';
import type { GenerateResult } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine } from '../support/engine.ts';
import { chatPrompt, heldOut, TINY_INSTRUCT, type Message } from '../support/instruct.ts';

/** Long enough for the longest answer of the held-out cases. */
const LONGEST = 600;

let engine: Engine;
let render: (messages: readonly Message[]) => string;
beforeAll(async () => {
  engine = await openEngine(TINY_INSTRUCT);
  render = await chatPrompt();
});
afterAll(() => engine?.close());

const tokensOf = (text: string): number[] => engine.tokenizer.encode(text, { special: true });
const goOn = (prompt: string, max = LONGEST): Promise<GenerateResult> =>
  engine.generate({ prompt: { tokens: tokensOf(prompt) }, max, sampling: { temperature: 0 } }, new CancelFlag());
const ask = (messages: readonly Message[], max?: number): Promise<GenerateResult> => goOn(render(messages), max);
const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });

describe('the file', () => {
  it('is small and says what it is', async () => {
    expect(statSync(TINY_INSTRUCT).size).toBeLessThan(6e6);
    expect(engine.describe()).toMatchObject({ name: 'tiny-instruct', context: 4096, vocabulary: 8192, fim: false });
  });

  it('has turns that begin and end with control tokens', () => {
    expect(render([{ role: 'system', content: 'S' }, user('U'), assistant('A'), user('V')])).toBe(
      '<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n<|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n');
    const [start, end] = tokensOf('<|im_start|><|im_end|>');
    expect([start, end].map((id) => engine.tokenizer.isControl(id))).toEqual([true, true]);
    expect(engine.tokenizer.special.eos).toContain(end);
    expect(engine.tokenizer.special).toMatchObject({ addBos: false, fim: null });
    expect(engine.tokenizer.encode('<|im_end|>').some((id) => engine.tokenizer.isControl(id))).toBe(false);
  });
});

describe('held-out questions', () => {
  /** Of four cases, so many at least are answered to the letter. */
  const right: Record<string, number> = {
    name: 3, 'name+': 3, 'parameters+': 3, 'returns+': 3, think: 3, greet: 2, remember: 2, repeat: 2, explain: 1, parameters: 1, returns: 1, comment: 1, fix: 1, count: 1, tests: 0,
  };
  /** What the right answer calls the function. */
  const named = (answer: string): string | undefined => /(?:is named|The function|Here is a test of|Here is) (\w+)/.exec(answer)?.[1];

  it.each(Object.keys(right))('%s: the answers end, name the function, and are right as often as they were when it was made', async (task) => {
    const cases = heldOut.filter((one) => one.task === task);
    expect(cases.length).toBe(4);
    const outcomes: { asked: string; wanted: string; text: string; right: boolean; names: boolean; ended: boolean }[] = [];
    for (const { messages, answer } of cases) {
      const { text, reason } = await ask(messages);
      outcomes.push({ asked: messages.at(-1)!.content, wanted: answer, text, right: text === answer, names: text.includes(named(answer) ?? ''), ended: reason === 'end' });
    }
    const count = (key: 'right' | 'names' | 'ended'): number => outcomes.filter((outcome) => outcome[key]).length;
    expect(count('right'), JSON.stringify(outcomes, null, 1)).toBeGreaterThanOrEqual(right[task]);
    expect(count('names'), JSON.stringify(outcomes, null, 1)).toBeGreaterThanOrEqual(3);
    // Counting far it may miss the number that it is to stop at.
    expect(count('ended'), JSON.stringify(outcomes, null, 1)).toBeGreaterThanOrEqual(task === 'count' ? 2 : 4);
  });

  it('are all there', () => {
    expect([...new Set(heldOut.map(({ task }) => task))].sort()).toEqual(Object.keys(right).sort());
  });
});

describe('a conversation', () => {
  const code = '```typescript\nexport function totalPrice(price: number, tax: number): number {\n  return price + tax;\n}\n```\n\n';
  const question = `${code}What is the name of the function?`;
  const name = 'The function is named totalPrice.';

  it('goes on from what was said before, and computes only what is new', async () => {
    const messages = [user(question)];
    const turns = [name, 'and its parameters?', 'It takes price and tax.', 'Which language is it?', 'It is written in TypeScript.'];
    for (let turn = 0; turn < turns.length; turn += 2) {
      const { text, tokens, reason } = await ask(messages);
      expect([text, reason]).toEqual([turns[turn], 'end']);
      if (turn > 0) {
        const asked = tokensOf(`<|im_end|>\n<|im_start|>user\n${turns[turn - 1]}<|im_end|>\n<|im_start|>assistant\n`).length;
        expect(tokens.prompt - tokens.reused).toBeLessThanOrEqual(asked + 1);
      }
      messages.push(assistant(text), user(turns[turn + 1] ?? ''));
    }
  });

  it('speaks of the code that came last', async () => {
    const other = '```py\ndef join_names(names, mark):\n    return mark.join(name for name in names)\n```\n\n';
    const { text } = await ask([user(question), assistant(name), user(`${other}What is the name of the function?`)]);
    expect(text).toBe('The function is named join_names.');
  });

  it('remembers a name', async () => {
    const hello = await ask([user('My name is Ada.')]);
    expect(hello.text).toBe('Hello, Ada.');
    expect((await ask([user('My name is Ada.'), assistant(hello.text), user('What is my name?')])).text).toBe('Your name is Ada.');
  });

  it('thinks where it is told to', async () => {
    expect((await ask([user('Think about lamp.')])).text).toBe('<think>\nThe question is about lamp.\n</think>\n\nI thought about lamp.');
  });

  it('has long answers that can be cut short anywhere and gone on with', async () => {
    const counting = [user('Count from 1 to 50')];
    const whole = await ask(counting);
    expect(whole.text).toBe(`${Array.from({ length: 50 }, (_, i) => i + 1).join(', ')}.`);
    expect(whole.tokens.generated).toBeGreaterThan(100);
    for (const max of [1, 40, 133]) {
      const begun = await ask(counting, max);
      expect(begun.reason).toBe('length');
      const rest = await goOn(render(counting) + begun.text);
      expect([begun.text + rest.text, rest.reason]).toEqual([whole.text, 'end']);
    }
  });

  it('gives the same with dense attention', async () => {
    const dense = await openEngine(TINY_INSTRUCT, { attention: 'dense' });
    try {
      const { text, reason } = await dense.generate({ prompt: { tokens: tokensOf(render([user(question)])) }, max: LONGEST, sampling: { temperature: 0 } }, new CancelFlag());
      expect([text, reason]).toEqual([name, 'end']);
    } finally {
      await dense.close();
    }
  });
});
