// What whoever looks is told while the engine works: what it costs at the addon's boundary, and that the figures are those of the work.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../src/session/engine.ts';
import type { GenerateOptions } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { testAddon, TINY_Q8 } from '../support/engine.ts';

/** By name, how often the addon was called. */
const calls = new Map<string, number>();
const counted = new Proxy(testAddon(), {
  get(addon, name: string) {
    const own = addon[name as keyof typeof addon] as unknown;
    if (typeof own !== 'function') return own;
    return (...given: unknown[]) => {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      return (own as (...given: unknown[]) => unknown)(...given);
    };
  },
});
const before = Array.from({ length: 60 }, (_, i) => `export function item${i}(count: number): number {\n  return count * ${i};\n}\n`).join('\n');
const asked = (path: string, text = before): GenerateOptions => ({ prompt: { snapshot: { path, languageId: 'typescript', before: `${text}\nexport `, after: '' } }, max: 12, sampling: { temperature: 0 }, lookup: false });
const ENDS = /\r\n|\r|\n/;
const sum = (values: Iterable<number>) => Array.from(values).reduce((a, b) => a + b, 0);

let engine: Engine;
const open = async () => (engine = await Engine.load(counted, { model: TINY_Q8, threads: 2, attention: 'delta', cacheBytes: 2e9, background: false }));
const generate = (options: GenerateOptions, emit: () => void = () => {}) => engine.generate(options, new CancelFlag(), emit);
beforeAll(async () => void (await open()));
afterAll(() => engine.close());

describe('at the boundary of the addon', () => {
  it('nobody looks: no call more. Somebody does: one call a look, and the same text', async () => {
    const counts = async (look?: () => void) => {
      await engine.close();
      await open();
      calls.clear();
      const { text } = await generate(asked('a.ts'), look);
      return { text, own: Object.fromEntries([...calls].sort()) };
    };
    const plain = await counts();
    expect(plain.own.attend).toBeGreaterThan(20);
    expect(plain.own).not.toHaveProperty('storeActivity');
    let looks = 0;
    const watched = await counts(() => void (engine.live({ sample: true }), looks++));
    expect(looks).toBeGreaterThan(2);
    expect(watched).toEqual({ text: plain.text, own: { ...plain.own, storeActivity: looks } });
  });
});

describe('the figures', () => {
  it('are the work of the requests, reading and writing apart', async () => {
    await engine.close();
    await open();
    const result = await generate(asked('a.ts'));
    const { reading, writing, shape, elements, zeros } = engine.live({ sample: false });
    expect([reading.tokens, writing.tokens]).toEqual([result.tokens.prompt, result.tokens.generated - 1]);
    const all = [reading, writing];
    const dense = all.reduce((n, work) => n + sum(work.dense), 0);
    const required = all.reduce((n, work) => n + sum(work.required), 0);
    expect(1 - required / dense).toBeCloseTo(result.sparsity.attention, 12);
    expect(sum(zeros) / sum(elements)).toBeCloseTo(result.sparsity.key, 12);
    // By definition, a token that is read as number n of a text looks at n tokens.
    const { layers, heads, kvHeads, keyLength, valueLength } = shape;
    expect(sum(reading.dense)).toBe((layers * heads * (keyLength + valueLength) * reading.tokens * (reading.tokens + 1)) / 2);
    expect(reading.dense.length).toBe(layers * kvHeads);
    expect(sum(writing.dense)).toBeGreaterThan(0);
  });

  it('hold what a written row looked at, and what was written', async () => {
    engine.live({ sample: true });
    const result = await generate(asked('b.ts'));
    const { sample, shape: { layers, heads }, wrote } = engine.live({ sample: false });
    const blocks = sample!.blocks.length / layers;
    expect(sample!.position).toBe(result.tokens.prompt);
    expect(blocks).toBe(Math.floor(sample!.position / 64) + 1);
    for (let layer = 0; layer < layers; layer++) {
      const onSinks = sum(sample!.sinks.subarray(layer * heads, (layer + 1) * heads)) / heads;
      expect(onSinks + sum(sample!.blocks.subarray(layer * blocks, (layer + 1) * blocks))).toBeCloseTo(1, 5);
    }
    expect(wrote!.path).toBe('b.ts');
    expect(wrote!.text.startsWith(result.text)).toBe(true);
  });

  it('hold where the rows of a completion looked, by the lines of its document', async () => {
    const options = asked('d.ts', before.replaceAll('\n', '\r\n'));
    const snapshot = { ...('snapshot' in options.prompt ? options.prompt.snapshot : ({} as never)), uri: 'file:///d.ts', after: '\r\nexport const last = 1;\r\n' };
    engine.live({ sample: true });
    const result = await engine.generate({ ...options, prompt: { snapshot } }, new CancelFlag(), () => void engine.live({ sample: true }));
    const { looked, sample } = engine.live({ sample: false });
    const text = snapshot.before + snapshot.after;
    const lines = text.split(ENDS);
    expect(looked).toMatchObject({ path: 'd.ts', uri: 'file:///d.ts', text, cursor: snapshot.before.split(ENDS).length - 1 });
    expect(looked!.written.startsWith(result.text)).toBe(true);
    expect([looked!.lines.length, looked!.regions.length]).toEqual([lines.length, lines.length]);
    expect(looked!.rows).toBeGreaterThan(1);
    expect(sum(looked!.lines) + looked!.sinks + looked!.rest + looked!.own).toBeCloseTo(1, 4);
    expect(looked!.own).toBeGreaterThan(0);
    // What is in the prompt, and nothing else, has attention.
    const [first, last] = [looked!.regions.findIndex((region) => region > 0), looked!.regions.findLastIndex((region) => region > 0)];
    const spans = result.prompt!.spans.filter(({ dropped }) => !dropped);
    expect([first, last]).toEqual([text.slice(0, spans[0].start).split(ENDS).length - 1, text.slice(0, spans.at(-1)!.end).split(ENDS).length - 1]);
    looked!.lines.forEach((mass, line) => expect(mass > 0 && looked!.regions[line] === 0).toBe(false));
    expect(looked!.lines[looked!.cursor]).toBeGreaterThan(0);
    // The document is told once.
    expect(engine.live({ sample: false, known: looked!.request }).looked!.text).toBeNull();
    // A row that another kind of request writes is nobody's.
    engine.live({ sample: true });
    await engine.generate({ prompt: { text: 'const a = ' }, max: 6, sampling: { temperature: 0 }, lookup: false }, new CancelFlag());
    const after = engine.live({ sample: false });
    expect(after.sample!.position).not.toBe(sample!.position);
    expect(after.looked).toMatchObject({ request: looked!.request, rows: looked!.rows });
  });

  it('of time are parts of what reading and writing took', async () => {
    const { stages, ms } = await generate(asked('c.ts', before.replaceAll('count', 'many')));
    const { tokenize, queue, ...within } = stages;
    expect(queue).toBe(ms.queued);
    const parts = Object.values(within).reduce((a, b) => a + b, 0);
    for (const part of [tokenize, ...Object.values(within)]) expect(part).toBeGreaterThan(0);
    expect(parts).toBeLessThanOrEqual(ms.prefill + ms.decode + 1e-6);
  });
});

describe('the census', () => {
  it('holds every block once, by its document, and comes to what the allocator counts', async () => {
    await engine.close();
    await open();
    const results = [await generate(asked('a.ts')), await generate(asked('other.ts', before.replaceAll('item', 'thing')))];
    const first = engine.census();
    expect(first.groups.map(({ path }) => path).sort()).toEqual(['a.ts', 'other.ts']);
    expect(first.groups.every(({ reused }) => reused === 0)).toBe(true);
    results.push(await generate(asked('a.ts')));
    const { groups, underWay, blocks, bytes, budget, saved, computed, float16 } = engine.census();
    const total = (of: (group: (typeof groups)[number]) => number) => groups.reduce((n, group) => n + of(group), 0);
    const info = engine.addon.storeInfo(engine.cache.store);
    expect([blocks, bytes, budget]).toEqual([info.blocks, info.bytes, 2e9]);
    expect([total((group) => group.blocks), total((group) => group.bytes), underWay]).toEqual([info.blocks, info.bytes, { blocks: 0, bytes: 0 }]);
    expect(groups.find(({ path }) => path === 'a.ts')!.reused).toBeGreaterThan(3);
    expect(total(({ delta }) => delta)).toBeGreaterThan(0);
    expect(saved).toBe(results.reduce((n, { tokens }) => n + tokens.reused, 0));
    expect(computed).toBe(results.reduce((n, { tokens }) => n + tokens.computed, 0));
    expect(saved).toBeGreaterThan(300);
    const { layers, kvHeads, keyLength, valueLength } = engine.forward.manifest.shape;
    expect(float16).toBe(2 * total(({ tokens }) => tokens) * layers * kvHeads * (keyLength + valueLength));
  });

  it('tells what a request under way holds', async () => {
    const lease = engine.cache.lease(new Int32Array(0));
    lease.begin([1, 2, 3]);
    const { underWay, groups, blocks, bytes } = engine.census();
    expect(underWay.blocks).toBe(1);
    expect(groups.reduce((n, group) => n + group.blocks, 1)).toBe(blocks);
    expect(groups.reduce((n, group) => n + group.bytes, underWay.bytes)).toBe(bytes);
    lease.abort();
    lease.release();
  });
});
