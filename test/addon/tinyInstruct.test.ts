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
  /** At least so many of the cases of a task are answered to the letter. */
  const least: Record<string, number> = {};

  it.each([...new Set(heldOut.map(({ task }) => task))])('%s: the answers end, and nearly all are right', async (task) => {
    const cases = heldOut.filter((one) => one.task === task);
    const wrong: { asked: string; wanted: string; got: string }[] = [];
    for (const { messages, answer } of cases) {
      const { text, reason } = await ask(messages);
      expect([messages, reason]).toEqual([messages, 'end']);
      if (text !== answer) wrong.push({ asked: messages.at(-1)!.content, wanted: answer, got: text });
    }
    expect(cases.length).toBeGreaterThanOrEqual(4);
    expect(wrong.slice(cases.length - (least[task] ?? cases.length))).toEqual([]);
  });
});

describe('a conversation', () => {
  const code = 'src/cart.ts, lines 3–5:\n```typescript\nexport function applyDiscount(price: number, rate: number): number {\n  return price * rate;\n}\n```\n\n';
  const explained = 'The function applyDiscount takes two parameters, price and rate. It returns price times rate.';

  it('goes on from what was said before, and computes only what is new', async () => {
    const first = await ask([user(`${code}Explain this function.`)]);
    expect(first.text).toBe(explained);
    const second = await ask([user(`${code}Explain this function.`), assistant(first.text), user('and its parameters?')]);
    expect(second.text).toBe('It takes price and rate.');
    const asked = tokensOf('<|im_end|>\n<|im_start|>user\nand its parameters?<|im_end|>\n<|im_start|>assistant\n').length;
    expect(second.tokens.prompt - second.tokens.reused).toBeLessThanOrEqual(asked + 1);
  });

  it('speaks of the code that came last', async () => {
    const other = '```py\ndef join_names(names, mark):\n    return mark.join(name for name in names)\n```\n\n';
    const { text } = await ask([user(`${code}Explain this function.`), assistant(explained), user(`${other}What is the name of the function?`)]);
    expect(text).toBe('The function is named join_names.');
  });

  it('has long answers that can be cut short anywhere and gone on with', async () => {
    const question = [user('Count from 1 to 50')];
    const whole = await ask(question);
    expect(whole.text).toBe(`${Array.from({ length: 50 }, (_, i) => i + 1).join(', ')}.`);
    expect(whole.tokens.generated).toBeGreaterThan(100);
    for (const max of [1, 40, 133]) {
      const begun = await ask(question, max);
      expect(begun.reason).toBe('length');
      const rest = await goOn(render(question) + begun.text);
      expect([begun.text + rest.text, rest.reason]).toEqual([whole.text, 'end']);
    }
  });

  it('gives the same with dense attention', async () => {
    const dense = await openEngine(TINY_INSTRUCT, { attention: 'dense' });
    try {
      const { text, reason } = await dense.generate({ prompt: { tokens: tokensOf(render([user(`${code}Explain this function.`)])) }, max: LONGEST, sampling: { temperature: 0 } }, new CancelFlag());
      expect([text, reason]).toEqual([explained, 'end']);
    } finally {
      await dense.close();
    }
  });
});
