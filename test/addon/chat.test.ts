// Conversations on the engine: what a follow-up, another answer and going on compute, and that the answer is what a cold run gives.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../src/chat/answerSource.ts';
import type { Engine } from '../../src/session/engine.ts';
import type { GenerateOptions, GenerateResult } from '../../src/session/protocol.ts';
import { PassQueue } from '../../src/session/queue.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, TINY_INSTRUCT } from '../support/engine.ts';

const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });
/** A file that a question is about. */
const file = (functions: number): string => Array.from({ length: functions }, (_, i) => `export function part${i}(value: number): number {\n  return value + ${i};\n}\n`).join('');

const BLOCK = 64;

describe('a conversation', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine(TINY_INSTRUCT);
  });
  afterAll(() => engine.close());

  const ask = (messages: ChatMessage[], options: Partial<GenerateOptions> = {}, continues = false): Promise<GenerateResult> =>
    engine.generate({ prompt: { messages, continues }, conversation: 'a', max: 40, sampling: { temperature: 0 }, ...options }, new CancelFlag());
  const cold = (messages: ChatMessage[], options: Partial<GenerateOptions> = {}): Promise<GenerateResult> => {
    engine.cache.clear();
    return ask(messages, { conversation: 'cold', ...options });
  };

  it('of almost four thousand tokens costs a follow-up no more than what is new and the open block', async () => {
    engine.cache.clear();
    const first = [user(`${file(187)}\nWhat is the name of the last function?`)];
    const { text, tokens } = await ask(first);
    expect(tokens.prompt).toBeGreaterThan(3750);
    const followUp = [...first, assistant(text), user('And what does it return?')];
    const next = await ask(followUp);
    const added = next.tokens.prompt - tokens.prompt;
    expect(added).toBeLessThan(100);
    expect(next.tokens.computed - next.tokens.generated).toBeLessThanOrEqual(added + BLOCK);
    expect(next.tokens.reused).toBeGreaterThan(tokens.prompt - 2 * BLOCK);
    // The same ids, read by nobody before.
    engine.cache.clear();
    const again = await ask(followUp);
    expect(again.tokens.reused).toBe(0);
    expect([again.text, again.scores]).toEqual([next.text, next.scores]);
  });

  it('gives the same question another answer without reading it again, however long the first answer was', async () => {
    engine.cache.clear();
    const messages = [user(`${file(40)}\nCount from 1 to 300.`)];
    const long = await ask(messages, { max: 900, sampling: { temperature: 1.5, seed: 3, topK: 0, topP: 1, minP: 0 } });
    const { tokens } = await ask(messages, { sampling: { temperature: 0.8, seed: 4 } });
    expect(tokens.prompt - tokens.reused).toBeLessThanOrEqual(BLOCK);
    expect(long.tokens.generated).toBeGreaterThan(0);
  });

  it('goes on with a stopped answer where it stopped: together they are the whole', async () => {
    const messages = [user('Count from 1 to 40.')];
    const whole = await cold(messages, { max: 60 });
    const part = await cold(messages, { max: 25, conversation: 'b' });
    expect(part.reason).toBe('length');
    const rest = await ask([...messages, assistant(part.text)], { max: 35, conversation: 'b' }, true);
    expect(part.text + rest.text).toBe(whole.text);
    expect(rest.tokens.prompt).toBe(part.tokens.prompt + part.tokens.generated);
  });

  it('is read ahead by a request that writes nothing', async () => {
    engine.cache.clear();
    const messages = [user(`${file(20)}\nExplain part7.`)];
    const ahead = await ask(messages, { max: 0, priority: 'background' });
    expect(ahead).toMatchObject({ text: '', reason: 'length' });
    const { tokens } = await ask(messages);
    expect(tokens.prompt - tokens.reused).toBeLessThanOrEqual(BLOCK);
  });

  it('keeps the ids of its last answer while the next question is read ahead', async () => {
    engine.cache.clear();
    const first = [user(`${file(20)}\nCount from 1 to 50.`)];
    // An answer in other tokens than its text would be cut into.
    let [text, tokens] = ['', { prompt: 0, generated: 0 }];
    for (let seed = 1; engine.tokenizer.encode(text).length === tokens.generated; seed++) {
      ({ text, tokens } = await ask(first, { max: 60, sampling: { temperature: 1.5, seed, topK: 0, topP: 1, minP: 0 } }));
      expect(seed).toBeLessThan(40);
    }
    const next = (question: string) => [...first, assistant(text), user(question)];
    await ask(next('And'), { max: 0, priority: 'background' });
    const { tokens: again } = await ask(next('And then'), { max: 0, priority: 'background' });
    expect(again.prompt - again.reused).toBeLessThan(24);
    const { tokens: followUp } = await ask(next('And then what?'));
    expect(followUp.prompt).toBeGreaterThan(tokens.prompt + tokens.generated);
    expect(followUp.reused).toBeGreaterThanOrEqual(tokens.prompt + tokens.generated - BLOCK);
  });

  it('ends its turn, and no control token is in what it writes', async () => {
    const { text, reason } = await cold([user('Repeat: hello')], { max: 60 });
    expect(reason).toBe('end');
    expect(text).not.toContain('<|');
    expect(text).not.toBe('');
  });

  it('beside another one keeps its own', async () => {
    const [one, other] = [[user('Repeat: hello')], [user('Repeat: apple')]];
    const alone = [await cold(one), await cold(other)];
    const queue = new PassQueue();
    const beside = (messages: ChatMessage[], conversation: string) =>
      engine.generate({ prompt: { messages }, conversation, max: 40, sampling: { temperature: 0 } }, new CancelFlag(), () => {}, () => {}, queue.request('answer', new CancelFlag()));
    const together = await Promise.all([beside(one, 'one'), beside(other, 'other')]);
    expect(together.map(({ text }) => text)).toEqual(alone.map(({ text }) => text));
  });
});
