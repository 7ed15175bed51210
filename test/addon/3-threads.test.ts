// The addon in worker threads: several at once, each with its own state, none leaving a thread behind.
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/binding/load.ts';
import { until } from '../support/until.ts';
import { itUnless, unlessOn } from '../support/where.ts';

const FILE = resolve('native/build/Release/deltallm.node');

/** Fills a store in a worker and answers one output; then waits for ever. */
const source = `
  const { parentPort } = require('node:worker_threads');
  const addon = require(${JSON.stringify(FILE)});
  addon.setThreads(3);
  const D = 64, heads = 4, kvHeads = 2, width = (heads + 2 * kvHeads) * D;
  const delta = { threshold: new Float32Array(kvHeads * D).fill(0.1), step: new Float32Array(kvHeads * D).fill(1 / 64) };
  const layer = { scale: 0.125, softcap: 0, slidingWindow: 0, ropeScale: 1, inverseFrequencies: Float64Array.from({ length: 32 }, (_, i) => 10000 ** (-i / 32)), delta };
  const store = addon.createStore({ mode: 'delta', layers: [layer], heads, kvHeads, keyLength: D, valueLength: D, sinks: 4, reference: 'previous', windowMin: 1, windowMax: 1, windowDivisor: 8 });
  const tokens = 640, blocks = Array.from({ length: 10 }, () => addon.allocateBlock(store));
  const qkv = Float32Array.from({ length: tokens * width }, (_, i) => Math.sin(i * 1.7) + Math.cos(i * i * 0.3));
  const out = new Float32Array(tokens * heads * D);
  addon.attend(store, 0, Int32Array.from(blocks.flatMap((b) => [b, 64, 0])), 0, tokens, qkv, out, new Int32Array(1), 0);
  parentPort.postMessage({ store, last: Array.from(out.slice(-D)) });
  setInterval(() => {}, 1000);
`;

interface Answer {
  store: number;
  last: number[];
}

function start(): { worker: Worker; answer: Promise<Answer> } {
  const worker = new Worker(source, { eval: true });
  const answer = new Promise<Answer>((done, fail) => {
    worker.once('message', done);
    worker.once('error', fail);
  });
  return { worker, answer };
}

/** A thread that was joined may still be listed for a moment. */
const systemThreads = () => readdirSync('/proc/self/task').length;

describe('worker threads', () => {
  it('load it at the same time and keep apart', async () => {
    const running = [start(), start(), start()];
    const answers = await Promise.all(running.map(({ answer }) => answer));
    for (const { store, last } of answers) {
      expect(store).toBe(1);
      expect(last).toEqual(answers[0].last);
    }
    await Promise.all(running.map(({ worker }) => worker.terminate()));
    expect(loadAddon(import.meta.dirname).cpu().usable).toContain('scalar');
  });

  itUnless(unlessOn('linux'), 'leave no thread when they are terminated', async () => {
    const warm = start();
    await warm.answer;
    await warm.worker.terminate();
    const before = systemThreads();
    for (let i = 0; i < 5; i++) {
      const { worker, answer } = start();
      await answer;
      expect(systemThreads()).toBeGreaterThan(before);
      await worker.terminate();
    }
    await until(() => expect(systemThreads()).toBeLessThanOrEqual(before));
  });

  itUnless(unlessOn('linux'), 'leave no weights when they are terminated', async () => {
    const MEGABYTES = 64;
    const weights = `
      const { parentPort } = require('node:worker_threads');
      const addon = require(${JSON.stringify(FILE)});
      addon.setThreads(2);
      const rows = ${MEGABYTES} * 16, columns = 16384;
      const id = addon.createWeights(0, rows, columns, 1), piece = new Uint8Array(16 * columns * 4).fill(1);
      for (let row = 0; row < rows; row += 16) addon.appendRows(id, piece);
      parentPort.postMessage(addon.weightsInfo(id).bytes);
      setInterval(() => {}, 1000);
    `;
    // Not of files: the system takes such pages away when it likes.
    const resident = () => Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024;
    const hold = async () => {
      const worker = new Worker(weights, { eval: true });
      const bytes = await new Promise((done, fail) => worker.once('message', done).once('error', fail));
      expect(bytes).toBe(MEGABYTES * 2 ** 20);
      const held = resident();
      await worker.terminate();
      return held;
    };
    await hold();
    const before = resident();
    for (let i = 0; i < 4; i++) expect(await hold()).toBeGreaterThan(before + MEGABYTES / 2);
    await until(() => expect(resident()).toBeLessThan(before + MEGABYTES));
  });

  it('resizing the helpers joins the old ones', async () => {
    const addon = loadAddon(import.meta.dirname);
    const before = process.platform === 'linux' ? systemThreads() : 0;
    // More than may still have been listed before.
    for (let round = 0; round < 10; round++) for (const threads of [2, 8, 3, 64, 1]) addon.setThreads(threads);
    if (process.platform === 'linux') await until(() => expect(systemThreads()).toBeLessThanOrEqual(before));
  });
});
