// What is written ahead is what a cold request there gives, and leaves nothing behind but what the cache holds.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Engine } from '../../src/session/engine.ts';
import type { GenerateOptions, GenerateResult } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, TINY_Q8 } from '../support/engine.ts';

const source = readFileSync('src/lexer/lexer.ts', 'utf8').slice(0, 5000);
const at = (before: string) => ({ path: '/w/lexer.ts', uri: 'file:///w/lexer.ts', languageId: 'typescript', before, after: source.slice(3000) });
const ask = (engine: Engine, before: string, more: Partial<GenerateOptions> = {}): Promise<GenerateResult> =>
  engine.generate({ prompt: { snapshot: at(before), promptTokens: 1024 }, max: 16, sampling: { temperature: 0 }, ...more }, new CancelFlag());
const AHEAD: Partial<GenerateOptions> = { conversation: 'next', priority: 'background', speculative: true, approximate: false };

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(TINY_Q8);
});
afterAll(() => engine.close());

it('is the text of a cold request, and the next request finds it read', async () => {
  const before = source.slice(0, 3000);
  // Elsewhere first, and an edit far above: what is known then was not all read strictly.
  await ask(engine, before);
  const edited = before.replace('lexer', 'reader');
  const shown = await ask(engine, edited);
  const prompt = engine.lastPrompt('file:///w/lexer.ts');
  const taken = edited + shown.text;
  const ahead = await ask(engine, taken, AHEAD);
  expect(engine.lastPrompt('file:///w/lexer.ts')).toEqual(prompt);
  const warm = await ask(engine, taken, { approximate: false });
  expect(warm.tokens.computed).toBeLessThanOrEqual(warm.tokens.generated + 1);
  engine.cache.clear();
  const cold = await ask(engine, taken, { approximate: false });
  expect(cold.tokens.reused).toBe(0);
  for (const other of [ahead, warm]) expect([other.text, other.scores]).toEqual([cold.text, cold.scores]);
});
