// The mathematics of a basis: small matrices, the algebra of a basis, and what its measurement promises.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Basis, Importance, originOf } from '../../src/attention/basis.ts';
import { eigen, inverseOf, product, solvePositive, transposed } from '../../src/attention/matrix.ts';
import { codeInBasis, codeKeys } from '../../src/attention/reference.ts';
import { rotate } from '../../src/attention/rope.ts';
import { basisOf, BasisTables, LayerSums } from '../../src/model/measure/basis.ts';
import { random } from '../../src/shared/random.ts';

const D = 8;
const frequencies = Float64Array.from({ length: D / 2 }, (_, i) => 1000 ** ((-2 * i) / D));
const normals = (count: number, seed: number) => {
  const draw = random(seed);
  return Float64Array.from({ length: count }, () => 2 * (draw() + draw() + draw() - 1.5));
};
const matrix = (n: number, seed: number) => normals(n * n, seed).map((x, at) => x / Math.sqrt(n) + (at % (n + 1) === 0 ? 1.5 : 0));
const moments = (n: number, seed: number) => product(matrix(n, seed), transposed(matrix(n, seed), n), n);
const identity = (n: number) => Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? 1 : 0));
const near = (a: ArrayLike<number>, b: ArrayLike<number>, within = 1e-8) => expect(Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i])))).toBeLessThan(within);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, x, i) => sum + x * b[i], 0);

describe('matrices', () => {
  it('are inverted, and a singular one is not', () => {
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 1, max: 20 }), (seed, n) => {
      const inverse = inverseOf(matrix(n, seed), n);
      if (inverse && inverse.every((x) => Math.abs(x) < 1e3)) near(product(matrix(n, seed), inverse, n), identity(n));
    }));
    expect(inverseOf([1, 2, 2, 4], 2)).toBeUndefined();
    expect(inverseOf([NaN, 2, 2, 4], 2)).toBeUndefined();
    near(inverseOf([0, 2, 4, 0], 2)!, [0, 0.25, 0.5, 0]);
  });

  it('fall into eigenvalues and orthogonal eigenvectors', () => {
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 1, max: 20 }), (seed, n) => {
      const { values, vectors } = eigen(moments(n, seed), n);
      near(product(transposed(vectors, n), vectors, n), identity(n));
      near(product(product(vectors, identity(n).map((x, at) => x * values[at % n]), n), transposed(vectors, n), n), moments(n, seed), 1e-7);
      for (let i = 1; i < n; i++) expect(values[i]).toBeLessThanOrEqual(values[i - 1]);
    }));
  });

  it('give the solution of a positive system', () => {
    const x = normals(12, 3);
    const right = Float64Array.from({ length: 12 }, (_, i) => dot(moments(12, 4).subarray(12 * i, 12 * i + 12), x));
    near(solvePositive(moments(12, 4), right, 12), x);
  });
});

describe('a basis', () => {
  const basis = new Basis(matrix(D, 5), D, frequencies);

  it('loses nothing, and leaves every score as it is', () => {
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 0, max: 1e5 }), fc.integer({ min: 0, max: 1e5 }), (seed, base, position) => {
      const key = normals(D, seed);
      const query = normals(D, seed + 1);
      rotate(query, 0, position, frequencies);
      const turned = query.slice();
      rotate(turned, 0, -originOf(base), frequencies);
      const coordinates = basis.toBasis(key, originOf(base));
      near(basis.fromBasis(coordinates, originOf(base)), key);
      expect(dot(basis.query(turned), coordinates)).toBeCloseTo(dot(query, key), 6);
    }));
  });

  it('of no inverse is refused', () => {
    expect(() => new Basis(new Float64Array(D * D), D, frequencies)).toThrow(RangeError);
  });

  it('codes within max(θ, s/2) of its own coordinates, and clipped tokens whole', () => {
    const keys = normals(128 * D, 6);
    keys.fill(60, 5 * D, 6 * D);
    const coded = codeInBasis(keys, 960, basis, { reference: 'mean', threshold: new Float64Array(D).fill(0.7), step: new Float64Array(D).fill(0.1) });
    expect(coded.keyframes).toBeGreaterThan(0);
    for (const [at, origin] of [[0, 0], [64, 1024]]) {
      const part = (rows: Float64Array) => rows.subarray(at * D, (at + 64) * D);
      near(basis.toBasis(part(coded.decoded), origin), basis.toBasis(part(keys), origin), 0.7 + 1e-9);
    }
  });

  it('codes alike what lies whole origins apart', () => {
    const keys = normals(64 * D, 7);
    const coding = { reference: 'mean', threshold: new Float64Array(D).fill(0.7), step: new Float64Array(D).fill(0.03) } as const;
    const here = codeInBasis(keys, 192, basis, coding);
    const moved = keys.slice();
    for (let t = 0; t < 64; t++) rotate(moved, t * D, 5 * 1024, frequencies);
    const there = codeInBasis(moved, 192 + 5 * 1024, basis, coding);
    for (let t = 0; t < 64; t++) rotate(there.decoded, t * D, -5 * 1024, frequencies);
    near(there.decoded, here.decoded);
    expect(there.zeros).toBe(here.zeros);
  });

  it('leaves less out of tokens that weigh more', () => {
    const table = new Float64Array(2 * D + 2);
    table[2 * D] = 1; // ln‖v‖ alone
    const importance = new Importance(table, D);
    const y = normals(2 * D, 8);
    expect(importance.weight(y, [3, 4, 0.3, 0.4], 2, 0)).toBeCloseTo(5, 9);
    expect(importance.weight(y, [3, 4, 0.3, 0.4], 2, 1)).toBeCloseTo(0.5, 9);
    expect(importance.weight(y, [3000, 4000], 2, 0)).toBeCloseTo(Math.exp(2), 9);
    expect(importance.weight(y, [0, 0], 2, 0)).toBeCloseTo(Math.exp(-2), 9);
    const keys = normals(64 * D, 9);
    const coding = { reference: 'mean', threshold: new Float64Array(D).fill(1) } as const;
    const zeros = [0.5, 1, 2].map((weight) => codeKeys(keys, D, { ...coding, weights: new Float64Array(64).fill(weight) }).zeros);
    expect(zeros[0]).toBeGreaterThan(zeros[1]);
    expect(zeros[1]).toBeGreaterThan(zeros[2]);
  });
});

describe('the measured basis', () => {
  it('whitens the queries, but for its ridge, and parts the keys', () => {
    const [keys, plain, weighted] = [moments(D, 11), moments(D, 12), moments(D, 13)];
    const a = basisOf({ keys, keyCount: 1, plain, weighted }, D);
    const covariance = product(product(a, keys, D), transposed(a, D), D);
    for (let i = 0; i < D; i++) for (let j = 0; j < D; j++) if (i !== j) expect(Math.abs(covariance[i * D + j])).toBeLessThan(1e-8 * covariance[0]);
    const trace = (m: Float64Array) => Array.from({ length: D }, (_, i) => m[i * D + i]).reduce((x, y) => x + y, 0);
    const mixed = plain.map((x, at) => D * ((0.3 * x) / trace(plain) + (0.7 * weighted[at]) / trace(weighted)) + (at % (D + 1) === 0 ? 0.02 : 0));
    const inverse = inverseOf(a, D)!;
    near(product(product(transposed(inverse, D), mixed, D), inverse, D), identity(D));
  });

  /** Keys that vary in all channels, queries that ask for two of them. */
  function layer(): LayerSums {
    const shape = { layers: 1, hidden: 6, heads: 2, kvHeads: 1, keyLength: D, valueLength: 4, feedForward: 1, vocabulary: 2, context: 4096 };
    const sums = new LayerSums({ shape, scale: 0.3, sinks: 4, inverseFrequencies: new Float64Array(0), output: Float32Array.from(normals(6 * 2 * 4, 14)) });
    for (const seed of [20, 30]) {
      const tokens = 512;
      const queries = Float32Array.from(normals(tokens * 2 * D, seed)).map((x, at) => (at % D < 2 ? 4 * x : 0.05 * x));
      sums.add({ keys: Float32Array.from(normals(tokens * D, seed + 1)), queries, values: Float32Array.from(normals(tokens * 4, seed + 2)) });
    }
    return sums;
  }

  it('keeps what queries ask for: at equal zeros scores are several times nearer than in the keys as they are', () => {
    const bases = layer().solve();
    const tables = new BasisTables(bases, { kvHeads: 1, keyLength: D, valueLength: 4 }, 0).solve(0.6);
    expect(tables.sparsity).toBeCloseTo(0.6, 1);
    const basis = new Basis(Float64Array.from(tables.basis!), D, new Float64Array(0));
    const keys = normals(640 * D, 40);
    const inBasis = codeInBasis(keys, 0, basis, { reference: 'mean', ...tables });
    let [low, high] = [0, 10];
    for (let i = 0; i < 30; i++) {
      const middle = (low + high) / 2;
      if (codeKeys(keys, D, { reference: 'mean', threshold: new Float64Array(D).fill(middle) }).zeros < inBasis.zeros) low = middle;
      else high = middle;
    }
    const asTheyAre = codeKeys(keys, D, { reference: 'mean', threshold: new Float64Array(D).fill(high) });
    const error = (decoded: Float64Array) => {
      let sum = 0;
      for (let t = 0; t < 640; t++) for (let j = 0; j < 2; j++) sum += (decoded[t * D + j] - keys[t * D + j]) ** 2;
      return sum;
    };
    expect(error(inBasis.decoded)).toBeLessThan(0.25 * error(asTheyAre.decoded));
  });

  it('is the same every time, and reaches the zeros that are asked for', () => {
    const [first, second] = [layer().solve(), layer().solve()];
    expect(second.basis).toEqual(first.basis);
    expect(second.importance).toEqual(first.importance);
    for (const power of [0, 0.1]) {
      const tables = new BasisTables(first, { kvHeads: 1, keyLength: D, valueLength: 4 }, power);
      for (const zeros of [0.4, 0.6, 0.8]) expect(tables.solve(zeros).sparsity).toBeCloseTo(zeros, 1);
      expect(tables.solve(0.6).importance === undefined).toBe(power === 0);
    }
  });

  it('gives each head the zeros that are asked of it, and to none of a head its keys in whole steps', () => {
    const [{ basis, importance, heads }] = [layer().solve()];
    const twice = <T extends Float32Array>(one: T): T => Float32Array.from([...one, ...one]) as T;
    const halved = { coordinates: heads[0].coordinates.map((y) => y / 2), values: heads[0].values };
    const tables = new BasisTables({ basis: twice(basis), importance: twice(importance), heads: [heads[0], halved] }, { kvHeads: 2, keyLength: D, valueLength: 4 }, 0);
    const one = new BasisTables({ basis, importance, heads }, { kvHeads: 1, keyLength: D, valueLength: 4 }, 0);
    // One θ for both leaves out more of the smaller one.
    const same = tables.solve(0.6);
    expect(new Set(same.threshold).size).toBe(1);
    expect(same.sparsity).toBeCloseTo(0.6, 1);
    const own = tables.solve([0.4, 0.8]);
    expect(own.sparsity).toBeCloseTo(0.6, 1);
    expect([...own.threshold.subarray(0, D)]).toEqual([...one.solve(0.4).threshold]);
    expect([...own.threshold.subarray(D)]).toEqual([...one.solve(0.8).threshold.map((x) => x / 2)]);
    expect([...tables.solve([0, 0.5]).threshold.subarray(0, D)]).toEqual([...new Float32Array(D)]);
  });
});
