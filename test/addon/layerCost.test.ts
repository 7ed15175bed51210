// What delta-coded keys cost a layer: native figures against the slow twin, and the KL of a layer alone.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeKeys, hybridAttention } from '../../src/attention/reference.ts';
import { rotate } from '../../src/attention/rope.ts';
import { calibrate } from '../../src/model/measure/calibrate.ts';
import { layerErrors } from '../../src/model/measure/layerCost.ts';
import { flowWidths, inverseFrequencies } from '../../src/model/manifest.ts';
import type { Engine } from '../../src/session/engine.ts';
import { windowBlocks } from '../../src/cache/window.ts';
import { openEngine, TINY_F16 } from '../support/engine.ts';

const TOKENS = 448;
const LAYER = 2;
let engine: Engine;
let ids: number[];
beforeAll(async () => {
  engine = await openEngine(TINY_F16, { attention: 'dense', threads: 1 });
  ids = engine.tokenizer.encode(readFileSync('models/calibration/1-inventory.ts', 'utf8'));
  while (ids.length < 1024) ids.push(...ids);
});
afterAll(() => engine.close());

describe('the error of one layer', () => {
  it('is what double precision finds on the same queries, keys and values', async () => {
    const { manifest, chunk } = engine.forward;
    const { heads, kvHeads, keyLength: D, valueLength: Dv } = manifest.shape;
    const width = flowWidths(manifest.shape).qkv;
    const qkv = new Float32Array(TOKENS * width);
    const lease = engine.cache.lease(new Int32Array(0));
    for (let at = 0; at < TOKENS; at += chunk) {
      lease.begin(ids.slice(at, at + chunk));
      await engine.forward.run(ids.slice(at, at + chunk), { attend: (layer, rows, row, out) => {
        if (layer === LAYER) qkv.set(row, at * width);
        lease.attend(layer, rows, row, out);
      } }, 'none');
      lease.commit();
    }
    lease.release();
    const tables = engine.tables.delta[LAYER];
    const [native, none] = layerErrors(engine.addon, manifest, 0, qkv, [tables, { ...tables, threshold: new Float32Array(kvHeads * D) }], chunk);

    const region = { sinks: manifest.delta.sinks, windowBlocks: (b: number) => windowBlocks(manifest.delta, b) };
    const frequencies = inverseFrequencies(manifest.rope);
    const take = (from: number, length: number, turned: boolean) => {
      const rows = Float64Array.from({ length: TOKENS * length }, (_, i) => qkv[Math.floor(i / length) * width + from + (i % length)]);
      if (turned) for (let t = 0; t < TOKENS; t++) rotate(rows, t * length, t, frequencies);
      return rows;
    };
    let [error, energy, zeros, elements] = [0, 0, 0, 0];
    for (let g = 0; g < kvHeads; g++) {
      const keys = take((heads + g) * D, D, true);
      const values = take((heads + kvHeads) * D + g * Dv, Dv, false);
      const part = (table: Float32Array) => table.subarray(g * D, (g + 1) * D);
      const coded = codeKeys(keys, D, { reference: manifest.delta.reference, threshold: part(tables.threshold), step: part(tables.step) });
      zeros += coded.zeros;
      elements += coded.elements;
      for (let h = (g * heads) / kvHeads; h < ((g + 1) * heads) / kvHeads; h++) {
        const query = take(h * D, D, true);
        const exact = hybridAttention(query, keys, keys, values, D, Dv, 1 / Math.sqrt(D), region);
        hybridAttention(query, keys, coded.decoded, values, D, Dv, 1 / Math.sqrt(D), region).forEach((x, i) => {
          error += (x - exact[i]) ** 2;
          energy += exact[i] ** 2;
        });
      }
    }
    // Native values are int8 and near keys float16, which the twin leaves exact.
    expect(Math.abs(native.error / (error / energy) - 1)).toBeLessThan(0.02);
    expect(Math.abs(native.sparsity - zeros / elements)).toBeLessThan(1e-3);
    expect(none.error).toBeLessThan(0.05 * native.error);
  });
});

describe('calibration', () => {
  it('shares the wanted zeros out unevenly, more where less is lost, and the same way each time', async () => {
    const sample = ids.slice(0, 1024);
    const once = await calibrate(engine.forward, engine.addon, sample, [0.6, 0.7]);
    for (const [i, wanted] of [0.6, 0.7].entries()) {
      const { keySparsity } = once.calibrations[i];
      expect(Math.abs(keySparsity.reduce((a, b) => a + b, 0) / keySparsity.length - wanted)).toBeLessThan(0.01);
      expect(Math.max(...keySparsity) - Math.min(...keySparsity)).toBeGreaterThan(0.1);
      for (const share of keySparsity) expect(Math.abs(share - wanted)).toBeLessThan(0.26);
    }
    expect((await calibrate(engine.forward, engine.addon, sample, [0.6, 0.7])).calibrations).toEqual(once.calibrations);
  });

  it('is even where the sample is too short for far keys', async () => {
    const { calibrations: [{ keySparsity }] } = await calibrate(engine.forward, engine.addon, ids.slice(0, 130), [0.6]);
    for (const share of keySparsity) expect(Math.abs(share - 0.6)).toBeLessThan(0.01);
  });
});
