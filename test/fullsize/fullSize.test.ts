// The random file of the LLaMA-3.2-1B shape (16 layers, Q4_0, 699 MB) from its first use to decode, as in the extension host:
// under a shim that kills the process at a single allocation of 1 GiB, with a worker of 512 MB old generation, and memory watched.
import { buildSync } from 'esbuild';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allocationLimit, type AllocationLimit } from '../support/allocationLimit.ts';
import { listing } from '../support/cli.ts';
import { randomModel } from '../support/models.ts';
import { watch, type Ended } from '../support/watchedProcess.ts';
import { describeUnless, unlessOn } from '../support/where.ts';

const cli = resolve('dist/cli.js');
const MB = 1e6;
/** Beyond the file's own size and the cache: Node, activations, tokenizer, logits. */
const OVERHEAD = 300 * MB;
/** All that may lie on the disk. */
const MOST_KEPT = 20 * MB;
/** 16 384 tokens take minutes: asked for by DELTALLM_LONG=1. */
const LONG = process.env.DELTALLM_LONG === '1' ? 16_384 : 2048;
/** Allocated for so many tokens of the 1B shape (`cacheBytes` of the benchmark), and for the tokens of sample code that the first use reads with exact keys. */
const LONG_CACHE = (process.env.DELTALLM_LONG === '1' ? 250 : 60) * MB;
const SAMPLE_CACHE = 256 * 16 * 8 * 128 * 4;
const TRIES = 20;

describeUnless(unlessOn('linux'), 'a model of full size', () => {
  let limit: AllocationLimit;
  let model: string;
  let folder: string;
  let cache: string;

  beforeAll(() => {
    limit = allocationLimit();
    model = randomModel('llama32_1b');
    folder = mkdtempSync(join(tmpdir(), 'deltallm-fullsize-'));
    cache = join(folder, 'cache');
  });
  afterAll(() => {
    limit.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs the command line under the shim; it must end well, and its memory stay within file + cache + 300 MB. */
  async function check(what: string, cacheBytes: number, ...args: string[]): Promise<Ended> {
    const ended = await watch([cli, ...args], { ...limit.env, DELTALLM_CACHE: cache });
    const { resident, anonymous, fileBacked } = ended.peak;
    console.log(`${what}: peak ${(resident / MB).toFixed(0)} MB resident, ${(anonymous / MB).toFixed(0)} anonymous, ${(fileBacked / MB).toFixed(0)} file-backed; the file has ${(statSync(model).size / MB).toFixed(0)}`);
    expect(ended.stderr).toBe('');
    expect([ended.code, ended.signal]).toEqual([0, null]);
    expect(resident).toBeLessThanOrEqual(statSync(model).size + OVERHEAD + cacheBytes);
    return ended;
  }

  test('is measured within the memory bound, without an allocation of 1 GiB, and hardly anything is kept on the disk', async () => {
    const { stdout } = await check('the first use', SAMPLE_CACHE, 'import', model, '--json');
    const manifest = JSON.parse(stdout);
    expect(manifest.bitsPerWeight).toBeCloseTo(4.5, 1);
    expect(manifest.delta.tokens).toBe(256);
    expect(listing(cache).reduce((sum, name) => sum + statSync(join(cache, name)).size, 0)).toBeLessThan(MOST_KEPT);
  });

  test(`loads and reads a prompt of ${LONG} tokens within the memory bound and without an allocation of 1 GiB`, async () => {
    const { stdout } = await check(`prefill of ${LONG} tokens`, LONG_CACHE, 'bench', 'engine', '--model', model, '--contexts', String(LONG), '--tokens', '4', '--json');
    const { rows, longestCall } = JSON.parse(stdout);
    expect(rows[0].context).toBe(LONG);
    expect(rows[0].sparsity.key).toBeGreaterThan(0.5);
    console.log(`longest stage of one layer: ${longestCall.toFixed(0)} ms`);
  });

  test(`ends the worker in the middle of loading and prefill ${TRIES} times without an abort`, async () => {
    const client = join(folder, 'client.mjs');
    buildSync({ entryPoints: ['src/session/client.ts'], bundle: true, platform: 'node', format: 'esm', outfile: client, logLevel: 'error' });
    const ended = await watch([resolve('test/fullsize/drain.mjs'), client, resolve('dist'), model, String(TRIES), '5'], { DELTALLM_CACHE: cache, ORT_DISABLE_TELEMETRY: '1' });
    console.log(ended.stdout.trim());
    expect(ended.stderr).toBe('');
    expect([ended.code, ended.signal]).toEqual([0, null]);
    const phases = JSON.parse(ended.stdout);
    expect(phases.prefill.tries + (phases.loading?.tries ?? 0)).toBe(TRIES);
    expect(phases.prefill.reasons.cancelled).toBeGreaterThan(TRIES / 2);
  });

  test('neither native module can hand external memory to JavaScript', () => {
    for (const file of ['native/build/Release/deltallm.node', `node_modules/onnxruntime-node/bin/napi-v6/linux/${process.arch}/onnxruntime_binding.node`]) {
      const text = readFileSync(file, 'latin1');
      expect(text).not.toContain('napi_create_external_arraybuffer');
      expect(text).not.toContain('napi_create_external_buffer');
      expect(text).toContain('napi_create_');
    }
  });
});
