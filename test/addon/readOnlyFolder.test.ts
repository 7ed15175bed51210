// The package's model lies where the user may not write: loading, generating and measuring write nothing there, nor anywhere else.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ConfidenceCurve, GenerateResult, LoadedModel } from '../../src/session/protocol.ts';
import { measuredInto, TINY_Q8 } from '../support/engine.ts';
import { describeUnless } from '../support/where.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-readonly-'));
const model = join(folder, 'model');
const home = join(folder, 'home');
const script = join(folder, 'use.mjs');

/** For root every folder is writable: the work is done as nobody. */
const unprivileged = process.platform !== 'win32' && process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const canRun = process.platform !== 'win32' && spawnSync(process.execPath, ['-e', `require('fs').readFileSync(${JSON.stringify(resolve('dist/worker.js'))})`], unprivileged).status === 0;

/** Path, kind, size and times of everything below. */
const facts = (root: string): string[] => ['', ...(readdirSync(root, { recursive: true }) as string[])].sort().map((path) => {
  const { mode, size, mtimeMs, ctimeMs } = lstatSync(join(root, path));
  return [path, mode, size, mtimeMs, ctimeMs].join(' ');
});

/** Makes calls of the worker, one after the other, as the extension does, and prints their results. */
const USE = `
import { Worker } from 'node:worker_threads';
process.env.ORT_DISABLE_TELEMETRY = '1';
const [worker, calls] = process.argv.slice(2);
const thread = new Worker(worker);
const results = [];
const names = JSON.parse(calls);
const next = () => {
  if (names.length === 0) return thread.postMessage({ call: 'close' });
  const [call, options] = names.shift();
  thread.postMessage({ id: results.length, call, options, cancel: new Int32Array(new SharedArrayBuffer(12)) });
};
thread.on('message', (reply) => {
  if (reply.event !== 'done' && reply.event !== 'failed') return;
  results.push(reply.event === 'done' ? reply.result : { failed: reply.code, args: reply.args });
  next();
});
thread.on('exit', () => process.stdout.write(JSON.stringify(results)));
next();
`;

beforeAll(async () => {
  await measuredInto(model, TINY_Q8);
  mkdirSync(home);
  writeFileSync(script, USE);
  if (canRun) execFileSync('chmod', ['-R', 'a+rX,a-w', folder]);
});
afterAll(() => {
  for (const path of [folder, model, home]) chmodSync(path, 0o755);
  rmSync(folder, { recursive: true, force: true });
});

describeUnless(canRun ? undefined : 'no other user can run the worker here', 'a model folder that cannot be written', () => {
  // A process that is nicer than the worker wants to be may not rise to it.
  it.each([['delta', 0], ['compact', 15], ['dense', 0]] as const)('loads, completes and is measured in mode %s at niceness %i, and nothing is written anywhere', (attention, niceness) => {
    const before = facts(folder);
    const calls = [
      ['load', { model, threads: 1, attention, cacheBytes: 1e9, background: true }],
      ['generate', { prompt: { snapshot: { path: '/a.ts', languageId: 'typescript', before: 'export function add(a: number, b: number) {\n  return ', after: ';\n}\n' } }, max: 8, sampling: { temperature: 0 } }],
      ['confidence', { tokens: 512 }],
    ];
    const env = { PATH: process.env.PATH, HOME: home, TMPDIR: home, XDG_CACHE_HOME: home, ORT_DISABLE_TELEMETRY: '1' };
    const { stdout, stderr, status } = spawnSync('nice', ['-n', `${niceness}`, process.execPath, script, resolve('dist/worker.js'), JSON.stringify(calls)], { ...unprivileged, cwd: '/', env, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [loaded, generated, curve] = JSON.parse(stdout) as [LoadedModel, GenerateResult, ConfidenceCurve];
    expect(loaded).toMatchObject({ name: 'Starter Tiny', folder: model, confidence: null });
    expect(generated.tokens.generated).toBeGreaterThan(0);
    expect(curve.samples).toBeGreaterThan(0);
    expect(facts(folder)).toEqual(before);
  });
});
