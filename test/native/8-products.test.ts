// Products of every tensor type with every kernel set: against double precision on independently decoded weights, and bit for bit among each other.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BLOCK_TYPES, decode, rounded, type BlockType } from '../support/tensorBlocks.ts';
import { addon, random, withEveryKernelSet } from './stage.ts';

const ROWS = [1, 2, 3, 4, 7, 8, 16, 39, 64, 128];
const types = BLOCK_TYPES.map((type) => [type.name, type] as const);

/** Random rows of a file; the float16 numbers of a block lie between ±2⁻⁷, whatever the other bits. */
function someRows(type: BlockType, rows: number, columns: number, seed: number): Uint8Array {
  const uniform = random(seed);
  const bytes = Uint8Array.from({ length: ((rows * columns) / type.block) * type.bytes }, () => uniform() * 256);
  for (let at = 0; at < bytes.length; at += type.bytes) for (const half of type.halves) bytes[at + half + 1] = (bytes[at + half + 1] & 0x83) | (4 << 2);
  if (type.name === 'F32' || type.name === 'BF16') for (let at = type.bytes - 1; at < bytes.length; at += type.bytes) bytes[at] = (bytes[at] & 0x80) | 0x3e;
  if (type.name === 'F16') for (let at = 1; at < bytes.length; at += 2) bytes[at] = (bytes[at] & 0x83) | 0x2c;
  return bytes;
}

function someX(length: number, seed: number): Float32Array {
  const uniform = random(seed);
  return Float32Array.from({ length }, (_, i) => (uniform() * 2 - 1) * (i % 11 === 0 ? 5 : 1));
}

function weightsOf(type: BlockType, rows: number, columns: number, bytes: Uint8Array, factor = 1): number {
  const weights = addon.createWeights(type.id, rows, columns, factor);
  addon.appendRows(weights, bytes);
  return weights;
}

function product(weights: number, x: Float32Array, rows: number): Float32Array {
  const y = new Float32Array(rows * addon.weightsInfo(weights).rows).fill(NaN);
  addon.product(weights, x, rows, y);
  return y;
}

const sameBits = (a: Float32Array, b: Float32Array) => Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));

/** The largest distance of y from double precision, as a part of the largest value. */
function distance(type: BlockType, bytes: Uint8Array, outputs: number, x: Float32Array, y: Float32Array, factor = 1): number {
  const weights = decode(type, bytes), columns = weights.length / outputs;
  let worst = 0, largest = 0;
  for (let m = 0; m * columns < x.length; m++) {
    const read = rounded(type, x.subarray(m * columns, (m + 1) * columns));
    for (let n = 0; n < outputs; n++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += weights[n * columns + k] * read[k];
      largest = Math.max(largest, Math.abs(factor * sum));
      worst = Math.max(worst, Math.abs(factor * sum - y[m * outputs + n]));
    }
  }
  return worst / largest;
}

describe.each(types)('a product with %s', (_, type) => {
  const outputs = 53, columns = 512, most = Math.max(...ROWS);
  const factor = type.rounding < 0 ? 0.7 : 1;
  const bytes = someRows(type, outputs, columns, type.id);
  const x = someX(most * columns, 1000 + type.id);

  it('equals double precision, with the same bits by every kernel set', () => {
    const found: Float32Array[] = [];
    withEveryKernelSet((set) => {
      const weights = weightsOf(type, outputs, columns, bytes, factor);
      const y = product(weights, x, most);
      expect(distance(type, bytes, outputs, x, y, Math.fround(factor)), set).toBeLessThanOrEqual(1e-6);
      found.push(y);
      addon.destroyWeights(weights);
    });
    expect(found.length).toBeGreaterThan(0);
    for (const y of found) expect(sameBits(y, found[0])).toBe(true);
  });

  it('has the same bits for a row alone and among others, with one thread and several', () => {
    const weights = weightsOf(type, outputs, columns, bytes, factor);
    const all = product(weights, x, most);
    withEveryKernelSet((set) => {
      for (const threads of [1, 3]) {
        addon.setThreads(threads);
        for (const rows of ROWS) {
          const first = most - rows;
          expect(sameBits(product(weights, x.subarray(first * columns), rows), all.subarray(first * outputs)), `${set}, ${rows} rows, ${threads} threads`).toBe(true);
        }
      }
      addon.setThreads(1);
    });
    addon.destroyWeights(weights);
  });

  it('takes the rows of a file piece by piece', () => {
    const whole = weightsOf(type, outputs, columns, bytes, factor);
    const pieces = addon.createWeights(type.id, outputs, columns, factor);
    const row = bytes.length / outputs;
    addon.appendRows(pieces, bytes.subarray(0, 32 * row));
    expect(addon.weightsInfo(pieces)).toMatchObject({ type: type.id, rows: outputs, columns, present: 32 });
    expect(() => product(pieces, x, most)).toThrow(expect.objectContaining({ code: 'invalidArgument' }));
    expect(() => addon.appendRows(pieces, bytes.subarray(32 * row, 33 * row))).toThrow(expect.objectContaining({ code: 'invalidArgument' })); // neither 16 nor the last
    addon.appendRows(pieces, bytes.subarray(32 * row));
    expect(() => addon.appendRows(pieces, bytes.subarray(32 * row))).toThrow(expect.objectContaining({ code: 'invalidArgument' }));
    expect(sameBits(product(pieces, x, most), product(whole, x, most))).toBe(true);
    addon.destroyWeights(whole);
    addon.destroyWeights(pieces);
  });

  it('of fewer columns than the kernels take at once', () => {
    const narrow = type.block === 1 ? 71 : type.block;
    const few = someRows(type, 3, narrow, 7);
    const weights = weightsOf(type, 3, narrow, few);
    const some = someX(2 * narrow, 8);
    withEveryKernelSet((set) => expect(distance(type, few, 3, some, product(weights, some, 2)), set).toBeLessThanOrEqual(1e-6));
    addon.destroyWeights(weights);
  });

  it('decodes its rows as floats', () => {
    const to = new Float32Array(outputs * columns);
    addon.decodeRows(type.id, columns, 1, bytes, to);
    const expected = decode(type, bytes);
    const worst = to.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]) / Math.max(1e-3, Math.abs(expected[i]))), 0);
    expect(worst).toBeLessThan(1e-6);
    addon.decodeRows(type.id, columns, 0.5, bytes, to);
    expect(to[7]).toBeCloseTo(0.5 * expected[7], 6);
  });

  it('counts its bytes: those of the file, and little more', () => {
    const weights = addon.createWeights(type.id, 16 * 8, 2048, 1);
    const inFile = ((16 * 8 * 2048) / type.block) * type.bytes;
    // Where sub-scales were packed into 4 or 6 bits, and three digits into five bits, they are bytes and 2 bits now.
    const growth: Record<string, number> = { Q2_K: 1.2, Q3_K: 1.04, Q4_K: 1.03, Q5_K: 1.03, IQ4_XS: 1.02, TQ1_0: 1.23, I2_S: 1.04 };
    const { bytes: allocated } = addon.weightsInfo(weights);
    expect(allocated).toBeGreaterThanOrEqual(inFile);
    expect(allocated).toBeLessThanOrEqual(inFile * (growth[type.name] ?? 1));
    addon.destroyWeights(weights);
  });
});

describe('hostile numbers', () => {
  const columns = 512, outputs = 19;

  it.each(types)('in %s: activations that are not finite spoil their own row, tiny ones are zeros', (_, type) => {
    const bytes = someRows(type, outputs, columns, 3);
    const weights = weightsOf(type, outputs, columns, bytes);
    const x = someX(4 * columns, 4);
    const clean = product(weights, x, 4);
    x[columns + 9] = NaN;
    x[2 * columns + 300] = -Infinity;
    x.fill(1e-36, 3 * columns, 4 * columns);
    withEveryKernelSet((set) => {
      const y = product(weights, x, 4);
      expect(sameBits(y.subarray(0, outputs), clean.subarray(0, outputs)), set).toBe(true);
      for (const value of y.subarray(outputs, 3 * outputs)) expect(Number.isFinite(value), set).toBe(false);
      for (const value of y.subarray(3 * outputs)) expect(Math.abs(value), set).toBeLessThan(1e-30);
      if (type.rounding !== 0) for (const value of y.subarray(3 * outputs)) expect(value, set).toBe(0);
    });
    addon.destroyWeights(weights);
  });

  it.each(types.filter(([, type]) => type.halves.length > 0))('in %s: a scale that is not finite spoils its own output, a denormal one is exact', (_, type) => {
    const bytes = someRows(type, outputs, columns, 5);
    const x = someX(3 * columns, 6);
    const before = weightsOf(type, outputs, columns, bytes);
    const clean = product(before, x, 3);
    const hostile = [0x7c00, 0xfc00, 0x7e00, 0x0001, 0x83ff];
    const row = bytes.length / outputs, view = new DataView(bytes.buffer);
    hostile.forEach((bits, i) => view.setUint16(i * row + type.halves[i % type.halves.length], bits, true));
    const after = weightsOf(type, outputs, columns, bytes);
    withEveryKernelSet((set) => {
      const y = product(after, x, 3);
      for (let m = 0; m < 3; m++) {
        for (let n = 0; n < 3; n++) expect(Number.isFinite(y[m * outputs + n]), `${set}, output ${n}`).toBe(false);
        expect(sameBits(y.subarray(m * outputs + 5, (m + 1) * outputs), clean.subarray(m * outputs + 5, (m + 1) * outputs)), set).toBe(true);
      }
      const denormal = distance(type, bytes.subarray(3 * row, 5 * row), 2, x, Float32Array.from([0, 1, 2].flatMap((m) => [y[m * outputs + 3], y[m * outputs + 4]])));
      expect(denormal, set).toBeLessThanOrEqual(1e-6);
    });
    addon.destroyWeights(before);
    addon.destroyWeights(after);
  });
});

describe('without Node', () => {
  const root = join(import.meta.dirname, '..', '..');
  const folder = mkdtempSync(join(tmpdir(), 'deltallm-products-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const works = (command: string) => spawnSync(command, ['--version']).status === 0;

  /** Compiles productSet.cc with one set and runs it: its last line and exit code. */
  function run(compiler: string, set: string, emulator: string[], flags: string[] = [], defines: string[] = []): { status: number | null; last: string } {
    const native = join(root, 'native');
    const always = ['-std=gnu++17', '-O2', '-ffp-contract=off', '-fno-math-errno', '-fno-rtti', '-fno-exceptions', `-I${native}`];
    const compile = (...args: string[]) => {
      const built = spawnSync(compiler, [...always, ...args], { encoding: 'utf8' });
      expect(built.status, built.stderr).toBe(0);
    };
    const kernels = join(folder, `${set}.o`), output = join(folder, set);
    compile(...flags, '-c', join(native, 'kernels', `products_${set}.cc`), '-o', kernels);
    const shared = readdirSync(join(native, 'products')).filter((name) => name.endsWith('.cc')).map((name) => join(native, 'products', name));
    const sources = [join(root, 'test', 'native', 'productSet.cc'), ...shared, join(native, 'attention', 'threads.cc'), join(native, 'kv', 'memory.cc')];
    compile('-static', '-pthread', `-DSET=dl_products_${set}`, ...defines, ...sources, kernels, '-o', output);
    const [program, ...args] = [...emulator, output];
    const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' });
    return { status, last: stdout.trimEnd().split('\n').at(-1)! };
  }

  /** What the scalar set prints for all checks, without its name. */
  const scalar = works('g++') ? run('g++', 'scalar', []) : undefined;

  it('the scalar set equals double precision, and a weight that is off by 10⁻⁵ is noticed', (context) => {
    context.skip(!scalar, 'g++ is not installed');
    expect(scalar).toEqual({ status: 0, last: expect.stringMatching(/^scalar: [1-9]\d{3} checks, 0 failed, bits [0-9a-f]{8}$/) });
    expect(run('g++', 'scalar', [], [], ['-DWRONG_ROUNDING']).status).not.toBe(0);
  });

  for (const [set, emulator, flags] of [['neondot', ['qemu-aarch64'], ['-march=armv8.2-a+dotprod']], ['neon', ['qemu-aarch64', '-cpu', 'cortex-a72'], []]] as [string, string[], string[]][])
    it(`${set}, run by qemu-user, has the bits of the scalar set`, (context) => {
      context.skip(!scalar || !works('aarch64-linux-gnu-g++') || !works('qemu-aarch64'), 'the arm64 kernels cannot be tried here: g++-aarch64-linux-gnu or qemu-user is not installed');
      expect(run('aarch64-linux-gnu-g++', set, emulator, flags)).toEqual({ status: 0, last: scalar!.last.replace('scalar', set) });
    });
});
