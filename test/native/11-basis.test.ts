// Far keys in a basis of their own. The slow twin is src/attention/{basis,reference}.ts.
import { describe, expect, it } from 'vitest';
import { Basis, Importance, originOf } from '../../src/attention/basis.ts';
import { codeInBasis } from '../../src/attention/reference.ts';
import { addon, BLOCK, check, configOf, refuses, sameBits, Stage, withEveryKernelSet, worst, type Shape } from './stage.ts';

const shape: Shape = { basis: true, reference: 'mean', window: 0, kvHeads: 2, heads: 4, keyLength: 32, valueLength: 24, sinks: 0, step: 1 / 20, threshold: 0.8 };
const FAR = 1300;

/** A stage of `tokens` tokens that were stored without attention. */
function stored(more: Shape, tokens: number, seed = 1): Stage {
  const stage = new Stage({ ...shape, ...more }, seed);
  stage.cancel[0] = 1;
  stage.step(stage.random(tokens));
  stage.cancel[0] = 0;
  return stage;
}

describe.each([false, true])('coding, with importance %s', (importance) => {
  it('is what the reference codes, before and behind the first origin, clipped tokens too', () => {
    for (const [D, step] of [[16, 1 / 16], [32, 1 / 16], [80, 1 / 16], [32, 1 / 40]] as const) {
      const stage = stored({ importance, keyLength: D, step, kvHeads: 2 }, FAR);
      stage.encode();
      const [layer] = stage.config.layers;
      const { threshold, step: steps, basis, importance: factors } = layer.delta!;
      let [zeros, elements] = [0, 0];
      for (const [i, { block, count }] of stage.entries.entries()) {
        if (count < BLOCK) continue;
        for (const kvHead of [0, 1]) {
          const part = (table: Float32Array, size: number) => table.subarray(kvHead * size, (kvHead + 1) * size);
          const own = new Basis(Float64Array.from(part(basis!, D * D)), D, layer.inverseFrequencies);
          const values = addon.readValues(stage.store, block, 0, kvHead, 'exact');
          const weigher = factors && new Importance(part(factors, 2 * D + 2), D);
          const keys = addon.readKeys(stage.store, block, 0, kvHead, 'exact');
          const coded = codeInBasis(keys, i * BLOCK, own, { reference: 'mean', threshold: part(threshold, D), step: part(steps, D) },
            weigher && ((y) => Float64Array.from({ length: BLOCK }, (_, t) => weigher.weight(y, values, stage.config.valueLength, t))));
          expect(worst(addon.readKeys(stage.store, block, 0, kvHead, 'delta'), coded.decoded)).toBeLessThan(1e-9);
          zeros += coded.zeros;
          elements += coded.elements;
        }
      }
      const infos = stage.entries.map((_, i) => stage.info(i));
      expect(infos.reduce((n, { keyZeros }) => n + keyZeros, 0)).toBe(zeros);
      expect(infos.reduce((n, { keyElements }) => n + keyElements, 0)).toBe(elements);
      expect(zeros / elements).toBeGreaterThan(0.1);
      expect(zeros / elements).toBeLessThan(0.95);
      if (step < 1 / 30) expect(infos.reduce((n, { keyframes }) => n + keyframes, 0)).toBeGreaterThan(0);
      stage.destroy();
    }
  });
});

describe('attention', () => {
  it.each([16, 32, 64, 80, 128])('equals the reference on the decoded cache, keys of %i elements', (D) => {
    withEveryKernelSet((kernels) => {
      if (kernels === 'scalar' && D > 64) return;
      const stage = stored({ keyLength: D, sinks: 3, importance: true }, FAR);
      for (const tokens of [1, 70, 1]) check(stage, tokens);
      stage.destroy();
    });
  });

  it('reads blocks that were moved across origins, and exact ones beside them', () => {
    const source = stored({ sinks: 3, window: 1 }, FAR, 2);
    withEveryKernelSet(() => {
      for (const [pick, counts] of [[[17, 18, 19], [64, 64, 64]], [[19, 0, 16, 3], [10, 64, 33, 64]], [[0, 1, 15], [64, 64, 64]]]) {
        const stage = new Stage({ ...shape, sinks: 3, window: 1 }, 77, source.store);
        let placed = 0;
        pick.forEach((index, i) => {
          const { block } = source.entries[index];
          stage.entries.push({ block, count: counts[i], delta: placed - addon.blockInfo(source.store, block).base, borrowed: true });
          placed += counts[i];
        });
        for (const tokens of [1, 100, 1]) check(stage, tokens);
      }
    });
  });

  it('has the same bits after the exact form is gone, and in any number of threads', () => {
    const outs = [1, 3].map((threads) => {
      addon.setThreads(threads);
      const stage = stored({ sinks: 4 }, FAR, 3);
      const kept = stage.step(stage.random(2))[0];
      for (const { block, count } of stage.entries) if (count === BLOCK) addon.dropExact(stage.store, block);
      const rest = stage.step(stage.random(40))[0];
      stage.destroy();
      return [kept, rest];
    });
    addon.setThreads(1);
    expect(sameBits(outs[0][0], outs[1][0])).toBe(true);
    expect(sameBits(outs[0][1], outs[1][1])).toBe(true);
  });
});

describe('bytes', () => {
  const recipe = new Uint8Array(32).fill(3);

  it('come back as they were, and are foreign to a store that codes otherwise', () => {
    const stage = stored({ sinks: 3 }, 1100, 4);
    const plain = stored({ sinks: 3, basis: false }, 1100, 4);
    for (const [own, other] of [[stage, plain], [plain, stage]]) {
      const { block } = own.entries[16];
      addon.encodeBlock(own.store, block);
      const bytes = addon.serializeBlock(own.store, block, recipe, 0);
      expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(64, true)).toBe(own === stage ? 2 : 1); // reference
      const again = addon.parseBlock(own.store, bytes, recipe);
      expect(addon.readKeys(own.store, again, 0, 1, 'delta')).toEqual(addon.readKeys(own.store, block, 0, 1, 'delta'));
      refuses(() => addon.parseBlock(other.store, bytes, recipe), 'blockForeign');
    }
  });
});

describe('a configuration', () => {
  const changed = (change: (tables: NonNullable<ReturnType<typeof configOf>['layers'][0]['delta']>) => object, more: Shape = {}) => {
    const config = configOf({ ...shape, ...more });
    return { ...config, layers: config.layers.map((layer) => ({ ...layer, delta: { ...layer.delta!, ...change(layer.delta!) } })) } as typeof config;
  };

  it('is refused where its basis has no inverse, another size or not a number, or the reference is the previous token', () => {
    for (const config of [
      changed(({ basis }) => ({ basis: basis!.map(() => 1) })), changed(({ basis }) => ({ basis: basis!.map(() => 0) })), changed(({ basis }) => ({ basis: basis!.slice(1) })),
      changed(({ basis }) => ({ basis: basis!.map((x, i) => (i === 5 ? NaN : x)) })), changed(() => ({}), { reference: 'previous' }),
      changed(() => ({ importance: new Float32Array(3) })), changed(() => ({ basis: undefined }), { importance: true }),
    ]) refuses(() => addon.createStore(config), 'invalidArgument');
    const both = configOf({ ...shape, layers: 2 });
    const { basis: _, ...without } = both.layers[0].delta!;
    refuses(() => addon.createStore({ ...both, layers: [both.layers[0], { ...both.layers[1], delta: without }] }), 'invalidArgument');
  });

  it('turns keys back by whole origins', () => {
    expect([0, 63, 1023, 1024, 2047, 2048].map(originOf)).toEqual([0, 0, 0, 1024, 1024, 2048]);
  });
});
