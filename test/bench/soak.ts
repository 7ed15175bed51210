// npm run soak -- [--minutes 30] [--model GGUF] [--megabytes 24]: the recorded editing sessions of test/fixtures/sessions over and over, typed key by key with chat in
// between, through the real client and worker: every key ends what is written for the one before, pauses are used to read ahead and to write to the disk, and the
// cache is small enough that it always has to evict. Prints what the process and the caches hold, how late the client's own event loop was, and how long a
// cancelled request took to end.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { BLOCK } from '../../src/binding/addon.ts';
import { parseSession, PlayedDocuments } from '../../src/eval/recordedSession.ts';
import { readManifest } from '../../src/model/manifest.ts';
import { RuntimeClient } from '../../src/session/client.ts';
import type { LoadOptions } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';

const SESSIONS = resolve('test/fixtures/sessions');
const INSTRUCT = resolve('test/fixtures/models/tiny-instruct-q8_0.gguf');
/** Milliseconds from key to key, at most; the resolution of the event loop's clock. */
const KEY_MS = 160;
const RESOLUTION_MS = 5;
/** Keys from one look at the memory to the next. */
const LOOK_EVERY = 10;

export interface SoakOptions {
  minutes: number;
  /** Empty: the embedded one. */
  model?: string;
  /** Bytes that each model's cache may take. */
  cacheBytes: number;
  /** Hears a line every minute. */
  say?: (line: string) => void;
}

export interface SoakReport {
  keys: number;
  answers: number;
  /** Bytes of both models' caches together, at most; how far one of them was beyond its budget, in blocks (below 0: within); and what is left once all is forgotten. */
  cache: { most: number; beyond: number; atTheEnd: number; blocksAtTheEnd: number };
  /** Bytes of the process: the median of the second quarter of the time, and of the last. */
  resident: { early: number; late: number };
  /** Milliseconds. */
  eventLoop: { p50: number; p99: number };
  cancelled: { times: number; p95: number };
}

interface Running {
  cancel: CancelFlag;
  over: Promise<unknown>;
}

const percentile = (sorted: number[], share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
const median = (values: number[]): number => percentile(values.toSorted((a, b) => a - b), 0.5);
const wait = (ms: number): Promise<void> => new Promise((then) => setTimeout(then, ms));

/** Bytes that a full block takes at most. */
async function blockBytes(folder: string): Promise<number> {
  const { shape: { layers, kvHeads, keyLength, valueLength } } = await readManifest(folder);
  const exact = BLOCK * (keyLength + valueLength) * 2;
  const delta = 8 * keyLength + BLOCK * keyLength + 2 * keyLength + BLOCK * (valueLength + 2);
  return layers * kvHeads * (exact + delta) * 1.1;
}

export async function soak({ minutes, model = '', cacheBytes, say = () => {} }: SoakOptions): Promise<SoakReport> {
  const keptFolder = mkdtempSync(join(tmpdir(), 'deltallm-soak-'));
  const client = RuntimeClient.start(resolve('dist'), { keptFolder }, say);
  const load = (more: Partial<LoadOptions>) => client.call('load', { model, threads: 2, attention: 'delta', cacheBytes, background: false, kept: { limitBytes: 20e6 }, ...more });
  const loopDelay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const [cancelled, resident]: [number[], { at: number; bytes: number }[]] = [[], []];
  let [keys, answers, most, beyond] = [0, 0, 0, -Infinity];
  /** Bytes of a full block, at most, by the model's name. */
  const blocks = new Map<string, number>();
  let completion: Running | undefined;
  let answer: Running | undefined;

  const end = async (running: Running | undefined): Promise<void> => {
    if (!running) return;
    let isOver = false;
    void running.over.then(() => (isOver = true));
    await Promise.resolve();
    const began = performance.now();
    running.cancel.set();
    const wasOver = isOver;
    await running.over;
    if (!wasOver) cancelled.push(performance.now() - began);
  };
  const ask = (snapshot: object, suggestion: { text: string }): Running => {
    const cancel = new CancelFlag();
    const prompt = { snapshot: { ...(snapshot as ReturnType<() => PlayedDocuments['snapshot']>), mayBeKept: true }, promptTokens: 512, mostTokens: 4096 };
    return { cancel, over: client.call('generate', { prompt, max: 32, sampling: { temperature: 0 } }, () => {}, cancel).then(({ text }) => (suggestion.text = text)) };
  };
  const look = async (share: number): Promise<void> => {
    const caches = await client.call('census', {});
    most = Math.max(most, caches.reduce((sum, { bytes }) => sum + bytes, 0));
    for (const { model: name, bytes, budget } of caches) beyond = Math.max(beyond, (bytes - budget) / blocks.get(name)!);
    resident.push({ at: share, bytes: process.memoryUsage().rss });
  };

  try {
    for (const { name, folder } of [await load({}), await load({ role: 'chat', model: INSTRUCT })]) blocks.set(name, await blockBytes(folder));
    const began = performance.now();
    const share = (): number => (performance.now() - began) / (minutes * 60_000);
    loopDelay.enable();
    let told = 0;
    for (let round = 0; share() < 1; round++) {
      for (const name of readdirSync(SESSIONS).filter((file) => file.endsWith('.jsonl'))) {
        const documents = new PlayedDocuments();
        const suggestion = { text: '' };
        for (const action of parseSession(readFileSync(join(SESSIONS, name), 'utf8'), name)) {
          if (share() >= 1) break;
          if (action.do === 'open') documents.open(`${action.as}`, readFileSync(join(SESSIONS, action.file), 'utf8'));
          if (action.do === 'chat') {
            await end(answer);
            const cancel = new CancelFlag();
            const messages = [{ role: 'user' as const, content: action.ask }];
            answer = { cancel, over: client.call('generate', { prompt: { messages }, max: 200, sampling: { temperature: 0.7, seed: round }, conversation: 'chat', role: 'chat' }, () => {}, cancel) };
            answers++;
          }
          if (action.do === 'pause') {
            await completion?.over;
            const cancel = new CancelFlag();
            const kept = client.call('keep', {}, () => {}, cancel);
            await wait(500);
            await end({ cancel, over: kept });
          }
          for (const _ of documents.play(action, suggestion.text)) {
            if (share() >= 1) break;
            await end(completion);
            completion = ask(documents.snapshot, suggestion);
            await Promise.race([completion.over, wait(KEY_MS * ((keys * 7919) % 101) / 100)]);
            if (++keys % LOOK_EVERY === 0) await look(share());
          }
          const minute = Math.floor(share() * minutes);
          if (minute > told) say(`${(told = minute)} min: ${keys} keys, ${megabytes(most)} in the caches at most, ${megabytes(process.memoryUsage().rss)} resident`);
        }
      }
    }
    await end(completion);
    await end(answer);
    loopDelay.disable();
    await look(1);
    await client.call('clearCaches', {});
    // What was read ahead at that moment ends with its pass.
    let { cacheBytes: left, cacheBlocks } = await client.call('memory', {});
    for (let looks = 0; cacheBlocks > 0 && looks < 100; looks++) {
      await wait(100);
      ({ cacheBytes: left, cacheBlocks } = await client.call('memory', {}));
    }
    const quarter = (from: number, to: number): number => median(resident.filter(({ at }) => at >= from && at < to).map(({ bytes }) => bytes));
    const delay = (percent: number): number => Math.max(0, loopDelay.percentile(percent) / 1e6 - RESOLUTION_MS);
    return {
      keys, answers, cache: { most, beyond, atTheEnd: left, blocksAtTheEnd: cacheBlocks }, resident: { early: quarter(0.25, 0.5), late: quarter(0.75, Infinity) },
      eventLoop: { p50: delay(50), p99: delay(99) }, cancelled: { times: cancelled.length, p95: percentile(cancelled.toSorted((a, b) => a - b), 0.95) },
    };
  } finally {
    await client.close();
    rmSync(keptFolder, { recursive: true, force: true });
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export async function run(): Promise<void> {
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' }, model: { type: 'string', default: '' }, megabytes: { type: 'string', default: '24' } } });
  const { keys, answers, cache, resident, eventLoop, cancelled } = await soak({ minutes: Number(values.minutes), model: values.model, cacheBytes: Number(values.megabytes) * 1e6, say: (line) => console.log(line) });
  console.log(`${keys} keys and ${answers} questions in ${values.minutes} min`);
  console.log(`caches: ${megabytes(cache.most)} at most, of one model ${cache.beyond.toFixed(2)} blocks beyond its budget of ${values.megabytes} MB (may be 1); ${cache.blocksAtTheEnd} blocks once everything was forgotten`);
  console.log(`process: ${megabytes(resident.early)} in the second quarter, ${megabytes(resident.late)} in the last`);
  console.log(`event loop of the client: p50 ${eventLoop.p50.toFixed(1)} ms, p99 ${eventLoop.p99.toFixed(1)} ms late (target 10 ms)`);
  console.log(`cancel → idle: p95 ${cancelled.p95.toFixed(1)} ms of ${cancelled.times} (target: one pass)`);
  if (cache.beyond > 1 || cache.blocksAtTheEnd > 0) throw new Error('the caches held more than they may');
}
