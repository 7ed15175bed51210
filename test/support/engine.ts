// An engine in the test's own process, on a model that is measured once; what was measured is kept under .cache/ (or DELTALLM_CACHE).
import { join, resolve } from 'node:path';
import { loadAddon } from '../../src/binding/load.ts';
import { Engine } from '../../src/session/engine.ts';
import { loadModel, type LoadModelOptions } from '../../src/model/loadModel.ts';
import type { Manifest } from '../../src/model/manifest.ts';
import type { LoadOptions } from '../../src/session/protocol.ts';

process.env.ORT_DISABLE_TELEMETRY = '1';
process.env.DELTALLM_CACHE ??= resolve('.cache');

export const TINY_F16 = resolve('test/fixtures/models/starter-tiny-f16.gguf');
export const TINY_Q8 = resolve('test/fixtures/models/starter-tiny-q8_0.gguf');

/** Trained to answer: test/fixtures/models/recipe. */
export const TINY_INSTRUCT = resolve('test/fixtures/models/tiny-instruct-q8_0.gguf');

export const testAddon = () => loadAddon(join(resolve('.'), 'dist'));

export function openEngine(model: string, options: Partial<LoadOptions> = {}, notice?: (text: string) => void): Promise<Engine> {
  return Engine.load(testAddon(), { model, threads: 2, attention: 'delta', cacheBytes: 2e9, background: false, ...options }, undefined, { notice });
}

/** Measures a model into a folder of its own, as `deltallm import --out` does. */
export async function measuredInto(out: string, model: string, options: Partial<LoadModelOptions> = {}): Promise<Manifest> {
  const addon = testAddon();
  addon.setThreads(1);
  const { forward } = await loadModel(model, { addon, out, ...options });
  await forward.release();
  return forward.manifest;
}
