// Recorded sessions against the real cache: what is read strictly is what a cold run reads, to the bit, whatever was edited, moved and undone before; and what a key costs.
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MOVES } from '../../src/cache/known.ts';
import type { KvCache } from '../../src/cache/store.ts';
import { parseSession } from '../../src/eval/recordedSession.ts';
import { replay, summarise, type ReplayStep } from '../../src/eval/replay.ts';
import { storeFor } from '../../src/model/stores.ts';
import type { Engine } from '../../src/session/engine.ts';
import { step } from '../../src/session/session.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { run } from '../support/cli.ts';
import { openEngine, TINY_Q8 } from '../support/engine.ts';

const FOLDER = 'test/fixtures/sessions';
const sessions = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl'));
const actions = (name: string) => parseSession(readFileSync(`${FOLDER}/${name}`, 'utf8'), name);
const read = (file: string) => readFile(`${FOLDER}/${file}`, 'utf8');

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(TINY_Q8);
});
afterAll(() => engine.close());

/** The logits behind a prompt, read strictly. */
async function strictly(cache: KvCache, prompt: Int32Array): Promise<Float32Array> {
  const lease = cache.lease(prompt, { most: prompt.length - 1 });
  try {
    let row: Float32Array | undefined;
    for (const [at, end] of engine.forward.chunks(lease.length, prompt.length)) row = await step(engine.forward, lease, prompt.subarray(at, end), 'last', new CancelFlag());
    expect(lease.approximate).toBe(false);
    return row!.slice();
  } finally {
    lease.release();
  }
}

describe.each(sessions)('%s', (name) => {
  it('reads strictly what a cold run reads, and forgets what it should', async () => {
    engine.cache.clear();
    const cold = storeFor('delta', engine.addon, engine.forward.manifest, engine.tables);
    let heard = 0;
    const steps = await replay(engine, actions(name), read, {
      promptTokens: 512, mostTokens: 1024, max: 3, moves: MOVES,
      heard: async (said, prompt) => {
        expect(said.strict + said.approximate + said.moved + said.computed).toBe(said.prompt);
        if (heard++ % 16 > 0) return;
        cold.clear();
        expect(await strictly(engine.cache, prompt)).toEqual(await strictly(cold, prompt));
      },
    });
    cold.close();
    expect(steps.length).toBeGreaterThan(10);
    for (const node of engine.cache.tree.nodes()) expect([node.pins, node.exactPins]).toEqual([0, 0]);
    engine.cache.clear();
    expect(engine.addon.storeInfo(engine.cache.store)).toMatchObject({ blocks: 0, bytes: 0 });
  });
});

it('typing forward computes what was typed', async () => {
  engine.cache.clear();
  const steps = await replay(engine, actions('typingAtTheEnd.jsonl'), read, { promptTokens: 512, mostTokens: 2048, max: 3, moves: MOVES });
  const typed = steps.filter(({ do: what, key }) => what === 'type' && key > 0);
  expect(typed.length).toBeGreaterThan(100);
  expect(Math.max(...typed.map(({ computed }) => computed))).toBeLessThanOrEqual(4);
  expect(summarise(steps)).toMatchObject({ steps: steps.length, approximate: 0, moved: 0 });
});

it('a function that moved is not read again where it stands now', async () => {
  const moved = async (moves: typeof MOVES | undefined) => {
    engine.cache.clear();
    const steps: ReplayStep[] = [];
    await replay(engine, actions('functionMoved.jsonl'), read, { promptTokens: 512, mostTokens: 2048, max: 3, moves, heard: (said) => void steps.push(said) });
    return summarise(steps);
  };
  const [still, moving] = [await moved(undefined), await moved(MOVES)];
  expect(still.moved).toBe(0);
  expect(moving.moved).toBeGreaterThan(500);
  expect(moving.computed).toBeLessThan(still.computed);
});

it('the command prints a line a step and a summary, or one line of JSON', async () => {
  const words = ['replay', '--model', TINY_Q8, '--session', `${FOLDER}/undoAndRedo.jsonl`, '--most-tokens', '512'];
  const cache = resolve(process.env.DELTALLM_CACHE!);
  const text = await run(words, { cache });
  expect(text.code).toBe(0);
  expect(String(text.stdout)).toMatch(/^what +prompt +strict +approximate +moved +computed +KV MB +ms\n/);
  const json = JSON.parse(String((await run([...words, '--json', '--drift'], { cache })).stdout));
  expect(json.summary.steps).toBe(json.steps.length);
  expect(String(text.stdout).trimEnd().split('\n').length).toBe(json.steps.length + 2);
  expect((await run(['replay', '--session', 'README.md'])).stderr).toMatch(/README\.md cannot be read \(line 1: it is no JSON\)/);
});
