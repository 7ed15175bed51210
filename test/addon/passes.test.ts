// Requests of several conversations on one engine, pass by pass: each gets what it gets alone, to the bit.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/session/engine.ts';
import type { GenerateOptions, GenerateResult } from '../../src/session/protocol.ts';
import { PassQueue, PRIORITIES } from '../../src/session/queue.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, TINY_Q8 } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(TINY_Q8);
});
afterAll(() => engine.close());

const lines = Array.from({ length: 60 }, (_, i) => `export function part${i}(value: number): number {\n  return value + ${i};\n}\n`).join('');

/** A request whose conversation is its own. */
const request = fc.record({ at: fc.integer({ min: 40, max: lines.length }), max: fc.integer({ min: 1, max: 24 }), kind: fc.constantFrom('text', 'cursor'), temperature: fc.constantFrom(0, 0.9), lookup: fc.boolean() });
type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;

function optionsOf({ at, max, kind, temperature, lookup }: Request): GenerateOptions {
  const sampling = { temperature, seed: at };
  if (kind === 'text') return { prompt: { text: lines.slice(0, at) }, max, sampling, lookup };
  return { prompt: { snapshot: { path: `/part${at}.ts`, languageId: 'typescript', before: lines.slice(0, at), after: lines.slice(at, at + 200) } }, max, sampling, lookup };
}

/** What must be the same: everything but what was known before and how long it took. */
const essence = ({ text, reason, rule, scores, tokens: { prompt, generated } }: GenerateResult) => ({ text, reason, rule, scores, prompt, generated });

describe('requests beside each other', () => {
  it('get what they get alone, to the bit, whatever their priorities and whoever else is cancelled', () => fc.assert(fc.asyncProperty(
    fc.array(fc.record({ request, priority: fc.constantFrom(...PRIORITIES), cancelledAfter: fc.option(fc.integer({ min: 0, max: 40 }), { freq: 3 }) }), { minLength: 2, maxLength: 4 }),
    async (plans) => {
      const alone: GenerateResult[] = [];
      for (const plan of plans) {
        engine.cache.clear();
        alone.push(await engine.generate(optionsOf(plan.request), new CancelFlag()));
      }
      engine.cache.clear();
      const queue = new PassQueue();
      const together = await Promise.all(plans.map(({ request, priority, cancelledAfter }, i) => {
        const cancel = new CancelFlag();
        if (cancelledAfter !== null) void (async () => {
          for (let n = 0; n < cancelledAfter; n++) await new Promise(setImmediate);
          cancel.set();
        })();
        return engine.generate({ ...optionsOf(request), conversation: `conversation ${i}` }, cancel, () => {}, () => {}, queue.request(priority, cancel));
      }));
      plans.forEach(({ cancelledAfter }, i) => {
        const [{ text, scores }, whole] = [together[i], alone[i]];
        if (cancelledAfter === null) expect(essence(together[i])).toEqual(essence(whole));
        else if (together[i].reason === 'cancelled' && 'text' in optionsOf(plans[i].request).prompt) expect([whole.text.startsWith(text.replace(/\ufffd+$/, '')), whole.scores.slice(0, scores.length)]).toEqual([true, scores]);
      });
      expect(engine.cache.tree.oldestLeaf(({ pins }) => pins > 0)).toBeUndefined();
    },
  ), { numRuns: 12 }));
});

describe('an edit far above the cursor', () => {
  const before = lines.slice(0, 4200);
  const at = (text: string): GenerateOptions => ({ prompt: { snapshot: { path: '/far.ts', languageId: 'typescript', before: text, after: '' } }, max: 4, sampling: { temperature: 0 }, locality: false });
  const read = async (text: string, moves?: Engine['moves']) => {
    engine.moves = moves;
    const { tokens, approximate, scores, reuse } = await engine.generate(at(text), new CancelFlag());
    return { unread: tokens.prompt - tokens.reused, approximate, scores, moved: reuse.moved };
  };

  it('is read once; what is typed behind it costs what is typed, and a strict reading makes it exact again', async () => {
    engine.cache.clear();
    await read(before);
    const edited = before.replace('part20(value', 'part20(other');
    const first = await read(edited);
    expect(first).toMatchObject({ approximate: true });
    expect(first.unread).toBeGreaterThan(500);
    for (const typed of ['e', 'ex', 'exp']) expect((await read(edited + typed)).unread).toBeLessThanOrEqual(64);
    expect(engine.hasAhead).toBe(true);
    await engine.readAhead(new CancelFlag(), (pass) => pass());
    expect(engine.hasAhead).toBe(false);
    const strict = await read(`${edited}expo`);
    expect(strict.approximate).toBe(false);
    expect(strict.unread).toBeLessThanOrEqual(64);
    engine.cache.clear();
    expect((await read(`${edited}expo`)).scores).toEqual(strict.scores);
  });

  it('with blocks that move is not read at all, and what comes of it is what the text says', async () => {
    engine.cache.clear();
    const cold = await read(`${before}ex`);
    const edited = before.replace('part20(value', 'part20(another').replace('part30', 'anotherPart30');
    const first = await read(edited, { fresh: 64 });
    expect(first.approximate).toBe(true);
    expect(first.moved).toBeGreaterThan(500);
    expect(first.unread).toBeLessThanOrEqual(5 * 64);
    // The text is what it was, to the model's eyes: sure of the same tokens, more or less.
    const moved = await read(`${edited}ex`, { fresh: 64 });
    expect(moved.unread).toBeLessThanOrEqual(64);
    moved.scores.forEach(({ sum }, i) => expect(Math.abs(sum - cold.scores[i].sum)).toBeLessThan(0.5));
    await engine.readAhead(new CancelFlag(), (pass) => pass());
    const strict = await read(`${edited}exp`, { fresh: 64 });
    expect(strict).toMatchObject({ approximate: false, moved: 0 });
    engine.cache.clear();
    expect((await read(`${edited}exp`)).scores).toEqual(strict.scores);
  });
});

describe('a place in a long file', () => {
  const options = (before: string, after: string, mostTokens = 1024): GenerateOptions => ({ prompt: { snapshot: { path: '/long.ts', languageId: 'typescript', before, after }, promptTokens: 256, mostTokens }, max: 4, sampling: { temperature: 0 } });
  const ask = async (before: string, after: string, mostTokens?: number) => {
    const { tokens } = await engine.generate(options(before, after, mostTokens), new CancelFlag());
    return { prompt: tokens.prompt, unread: tokens.prompt - tokens.reused };
  };
  const readOn = async () => {
    let readings = 0;
    for (let more = engine.hasAhead; more; readings++) more = await engine.readAhead(new CancelFlag(), (pass) => pass());
    return readings;
  };
  const long = lines + lines.replaceAll('part', 'piece');
  const [before, after] = [long.slice(0, 5000), long.slice(5000)];

  it('is read as far as there is time, then on while nobody waits, and every key after that sees all of it', async () => {
    engine.cache.clear();
    const first = await ask(before, after);
    expect(first.prompt).toBeLessThanOrEqual(256);
    expect(await readOn()).toBe(2); // 512, then 1 024
    for (const typed of ['c', 'co', 'con', 'const a = ']) {
      const { prompt, unread } = await ask(before + typed, after);
      expect(prompt).toBeGreaterThan(700);
      expect(unread).toBeLessThanOrEqual(64);
    }
    expect(await readOn()).toBe(0);
    // Where the cursor is somewhere else, nothing is known, and only as much is read as there is time for.
    expect((await ask(before.slice(0, 3000), before.slice(3000) + after)).prompt).toBeLessThanOrEqual(256);
  });

  it('stays known when the editor closes what was opened, and is read with the closers as soon as nobody waits', async () => {
    engine.cache.clear();
    await ask(`${before}const a = f`, after);
    await readOn();
    for (const [typed, closed] of [['const a = f(', ')'], ["const a = f('", "')"], ['const a = f(() => {\n  ', '\n})']]) {
      const { prompt, unread } = await ask(before + typed, closed + after);
      expect(prompt).toBeGreaterThan(700);
      expect(unread).toBeLessThanOrEqual(64);
    }
    expect(await readOn()).toBeGreaterThan(0);
    const { tokens, prompt } = await engine.generate(options(`${before}const a = f(() => {\n  `, `\n})${after}`), new CancelFlag());
    expect(prompt!.spans.filter(({ name, dropped }) => name === 'suffix' && !dropped)[0].start).toBe(before.length + 'const a = f(() => {\n  '.length);
    expect(tokens.prompt - tokens.reused).toBeLessThanOrEqual(64);
  });
});
