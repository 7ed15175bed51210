// The random file of the LLaMA-3.2-1B shape (16 layers, Q4_0, 699 MB) through import, load, prefill and decode, as in the extension host:
// under a shim that kills the process at a single allocation of 1 GiB, with a worker of 512 MB old generation, and memory watched.
import { buildSync } from 'esbuild';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allocationLimit, type AllocationLimit } from '../support/allocationLimit.ts';
import { randomModel } from '../support/models.ts';
import { watch, type Ended } from '../support/watchedProcess.ts';

const cli = resolve('dist/cli.js');
const MB = 1e6;
/** Beyond the file's own size: runtime, activations, scales in float32, tokenizer, cache. */
const OVERHEAD = 800 * MB;
/** 16 384 tokens take minutes: asked for by DELTALLM_LONG=1. */
const LONG = process.env.DELTALLM_LONG === '1' ? 16_384 : 1500;
/** Allocated for 16 384 tokens of the 1B shape (`cacheBytes` of the benchmark). */
const LONG_CACHE = process.env.DELTALLM_LONG === '1' ? 250 * MB : 0;
const TRIES = 20;

describe.skipIf(process.platform !== 'linux')('a model of full size', () => {
  let limit: AllocationLimit;
  let model: string;
  let folder: string;
  let cache: string;
  let laneBytes = 0;

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

  /** Runs the command line under the shim; it must end well, and its memory stay within file + 0.8 GB (and a long context's cache, which has a budget of its own). */
  async function check(what: string, cacheBytes: number, ...args: string[]): Promise<Ended> {
    const ended = await watch([cli, ...args], { ...limit.env, DELTALLM_CACHE: cache });
    const { resident, anonymous, fileBacked } = ended.peak;
    console.log(`${what}: peak ${(resident / MB).toFixed(0)} MB resident, ${(anonymous / MB).toFixed(0)} anonymous, ${(fileBacked / MB).toFixed(0)} file-backed; the file has ${(statSync(model).size / MB).toFixed(0)}`);
    expect(ended.stderr).toBe('');
    expect([ended.code, ended.signal]).toEqual([0, null]);
    expect(resident).toBeLessThanOrEqual(statSync(model).size + OVERHEAD + cacheBytes);
    return ended;
  }

  test('imports within the memory bound and without an allocation of 1 GiB', async () => {
    const { stdout } = await check('import', 0, 'import', model, '--json');
    const manifest = JSON.parse(stdout);
    // ONNX Runtime's product of 4-bit weights rounds a single row otherwise where there is no AVX-512.
    expect(manifest.rowInvariant).toBe(readFileSync('/proc/cpuinfo', 'utf8').includes(' avx512f'));
    expect(manifest.segments).toHaveLength(17);
    expect(manifest.bitsPerWeight).toBeCloseTo(5, 1);
    // A byte for each weight of the layers but what lies behind the last attention.
    expect(manifest.lane.bytes).toBe(16 * 2048 * 3072 + 15 * (2048 * 2048 + 3 * 2048 * 8192));
    expect(manifest.lane.rowInvariant).toBe(true);
    laneBytes = manifest.lane.bytes;
  });

  test(`loads and reads a prompt of ${LONG} tokens within the memory bound and without an allocation of 1 GiB`, async () => {
    const { stdout } = await check(`prefill of ${LONG} tokens`, LONG_CACHE, 'bench', 'engine', '--model', model, '--contexts', String(LONG), '--tokens', '4', '--json');
    const { rows, longestCall } = JSON.parse(stdout);
    expect(rows[0].context).toBe(LONG);
    expect(rows[0].sparsity.key).toBeGreaterThan(0.5);
    console.log(`longest single call of ONNX Runtime: ${longestCall.toFixed(0)} ms`);
  });

  test('reads on the prefill lane with the weights of the lane in memory once more', async () => {
    const { stdout } = await check('prefill on the lane', laneBytes, 'bench', 'engine', '--model', model, '--contexts', '512', '--tokens', '4', '--lane', 'auto', '--json');
    const { lane, longestCall } = JSON.parse(stdout);
    expect(lane.state).toBe('used');
    console.log(`longest single call of ONNX Runtime: ${longestCall.toFixed(0)} ms`);
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
