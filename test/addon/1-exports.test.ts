// The export table against its mirror, and bad arguments: every one is an Error with a code, none is a crash.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ADDON_VERSION } from '../../src/binding/addon.ts';
import { loadAddon, nativeCode } from '../../src/binding/load.ts';

const addon = loadAddon(import.meta.dirname);

/** Names and parameter counts of interface Addon, read from the mirror's own text. */
function mirror(): Record<string, number> {
  const text = readFileSync('src/binding/addon.ts', 'utf8');
  const body = text.slice(text.indexOf('export interface Addon {'), text.indexOf('\n}', text.indexOf('export interface Addon {')));
  const methods: Record<string, number> = {};
  for (const [, name, parameters] of body.matchAll(/^ {2}(\w+)\(([^)]*)\):/gm)) methods[name] = parameters.trim() === '' ? 0 : parameters.split(',').length;
  return methods;
}

it('exports what the mirror says: names and arity', () => {
  const found = Object.fromEntries(Object.entries(addon).filter(([, value]) => typeof value === 'function').map(([name, value]) => [name, (value as () => void).length]));
  expect(found).toEqual(mirror());
  expect(Object.keys(addon).filter((name) => typeof (addon as unknown as Record<string, unknown>)[name] !== 'function')).toEqual(['version']);
});

it('has the version of the mirror', () => expect(addon.version).toBe(ADDON_VERSION));

describe('kernel sets', () => {
  it('scalar is always there, and last', () => {
    const { compiled, usable, selected } = addon.cpu();
    expect(compiled.at(-1)).toBe('scalar');
    expect(usable.at(-1)).toBe('scalar');
    expect(usable).toContain(selected);
    for (const name of usable) expect(compiled).toContain(name);
  });

  it('can be forced by name; an unknown name is refused and changes nothing', () => {
    addon.selectKernels('scalar');
    expect(addon.cpu().selected).toBe('scalar');
    for (const name of ['', 'sse9', 'SCALAR', 'x'.repeat(1000)])
      expect(() => addon.selectKernels(name)).toThrow(expect.objectContaining({ code: 'kernelSetUnknown' }));
    expect(addon.cpu().selected).toBe('scalar');
    addon.selectKernels('auto');
    expect(addon.cpu().selected).toBe(addon.cpu().usable[0]);
  });
});

const config = () => ({
  mode: 'delta', heads: 2, kvHeads: 1, keyLength: 4, valueLength: 4, sinks: 1, reference: 'previous', windowMin: 0, windowMax: 1, windowDivisor: 8,
  layers: [
    {
      scale: 0.5, softcap: 0, slidingWindow: 0, ropeScale: 1, inverseFrequencies: new Float64Array([1, 0.1]),
      delta: { threshold: new Float32Array(4), step: new Float32Array(4).fill(0.1) },
    },
  ],
});

/** The call must throw an Error that carries this code. */
function check(call: () => unknown, code: string): void {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect(nativeCode(thrown), String(call)).toBe(code);
}

describe('a store configuration', () => {
  const wrong: [string, (c: ReturnType<typeof config>) => void][] = [
    ['mode', (c) => (c.mode = 'fast')],
    ['reference', (c) => (c.reference = 'next')],
    ['no heads', (c) => (c.heads = 0)],
    ['heads not a multiple', (c) => ((c.heads = 3), (c.kvHeads = 2))],
    ['fraction', (c) => (c.heads = 2.5)],
    ['NaN heads', (c) => (c.heads = NaN)],
    ['long keys', (c) => (c.keyLength = 257)],
    ['long values', (c) => (c.valueLength = 1e9)],
    ['negative sinks', (c) => (c.sinks = -1)],
    ['window', (c) => (c.windowMax = -1)],
    ['window order', (c) => (c.windowMin = 2)],
    ['window divisor', (c) => (c.windowDivisor = 0)],
    ['NaN divisor', (c) => (c.windowDivisor = NaN)],
    ['no layers', (c) => (c.layers = [])],
    ['layers not a list', (c) => (c.layers = {} as never)],
    ['hole in layers', (c) => (c.layers = [undefined] as never)],
    ['NaN scale', (c) => (c.layers[0].scale = NaN)],
    ['infinite scale', (c) => (c.layers[0].scale = Infinity)],
    ['negative softcap', (c) => (c.layers[0].softcap = -1)],
    ['negative sliding window', (c) => (c.layers[0].slidingWindow = -1)],
    ['NaN rope scale', (c) => (c.layers[0].ropeScale = NaN)],
    ['too many frequencies', (c) => (c.layers[0].inverseFrequencies = new Float64Array(3))],
    ['NaN frequency', (c) => (c.layers[0].inverseFrequencies[1] = NaN)],
    ['float32 frequencies', (c) => (c.layers[0].inverseFrequencies = new Float32Array(2) as never)],
    ['no tables', (c) => delete (c.layers[0] as { delta?: unknown }).delta],
    ['short table', (c) => (c.layers[0].delta.step = new Float32Array(3).fill(1))],
    ['zero step', (c) => (c.layers[0].delta.step[2] = 0)],
    ['NaN step', (c) => (c.layers[0].delta.step[2] = NaN)],
    ['denormal step', (c) => (c.layers[0].delta.step[2] = 1e-40)],
    ['negative threshold', (c) => (c.layers[0].delta.threshold[0] = -1)],
    ['NaN threshold', (c) => (c.layers[0].delta.threshold[0] = NaN)],
  ];
  it.each(wrong)('is refused: %s', (_, change) => {
    const c = config();
    change(c);
    check(() => addon.createStore(c as never), 'invalidArgument');
  });

  it('passes on what a getter throws', () => {
    const c = Object.defineProperty(config(), 'heads', {
      get() {
        throw new RangeError('mine');
      },
    });
    expect(() => addon.createStore(c as never)).toThrow('mine');
  });
});

describe('arguments', () => {
  const store = addon.createStore(config() as never);
  const block = addon.allocateBlock(store);
  const table = (handle = block, count = 1, delta = 0) => Int32Array.of(handle, count, delta);
  const qkv = new Float32Array(16);
  const out = new Float32Array(8);
  const cancel = new Int32Array(1);
  const attend = (...change: unknown[]) => {
    const good: unknown[] = [store, 0, table(), 0, 1, qkv, out, cancel, 0];
    change.forEach((value, i) => value !== undefined && (good[i] = value));
    return () => (addon.attend as (...a: unknown[]) => unknown)(...good);
  };

  it('of every function: none, wrong kinds, wrong ranges', () => {
    const junk: unknown[] = [undefined, null, NaN, -1, 1.5, 1e300, 'x', {}, [], new Float64Array(3), Symbol('s'), 10n, () => 1];
    for (const [name, value] of Object.entries(addon)) {
      if (typeof value !== 'function' || name === 'cpu') continue;
      check(() => (value as () => unknown)(), 'invalidArgument');
      for (const bad of junk) {
        if (name === 'selectKernels' && typeof bad === 'string') continue;
        check(() => (value as (...a: unknown[]) => unknown)(bad, bad, bad, bad, bad, bad, bad, bad), 'invalidArgument');
        if (value.length > 1) check(() => (value as (...a: unknown[]) => unknown)(store, bad, bad, bad, bad, bad, bad, bad), 'invalidArgument');
      }
    }
  });

  it('of attend', () => {
    for (const call of [
      attend(store + 1), attend(undefined, 1), attend(undefined, undefined, new Int32Array(0)), attend(undefined, undefined, new Int32Array(4)),
      attend(undefined, undefined, table(0)), attend(undefined, undefined, table(-5)), attend(undefined, undefined, table(block + 1)), attend(undefined, undefined, table(block, 2)),
      attend(undefined, undefined, undefined, -1), attend(undefined, undefined, undefined, 1), attend(undefined, undefined, undefined, undefined, 0),
      attend(undefined, undefined, undefined, 2 ** 20, 1), attend(undefined, undefined, undefined, undefined, undefined, new Float32Array(15)),
      attend(undefined, undefined, undefined, undefined, undefined, new Float64Array(16)), attend(undefined, undefined, undefined, undefined, undefined, undefined, new Float32Array(9)),
      attend(undefined, undefined, undefined, undefined, undefined, undefined, undefined, new Int32Array(0)),
    ])
      check(call, 'invalidArgument');
    expect(addon.blockInfo(store, block).count).toBe(0);
    expect(attend()()).toMatchObject({ cancelled: 0 });
    check(attend(), 'invalidArgument'); // the token is there already
  });

  it('of threads', () => {
    for (const threads of [0, 65, 1.5, NaN]) check(() => addon.setThreads(threads), 'invalidArgument');
  });

  it('of kept memory', () => {
    for (const megabytes of [-1, 1025, 1.5, NaN, '64' as never]) check(() => addon.keepFreedMemory(megabytes), 'invalidArgument');
  });

  it('of a destroyed store', () => {
    const gone = addon.createStore(config() as never);
    addon.destroyStore(gone);
    check(() => addon.destroyStore(gone), 'invalidArgument');
    check(() => addon.storeInfo(gone), 'invalidArgument');
    check(() => addon.allocateBlock(gone), 'invalidArgument');
  });

  it('that ask for too much memory', () => {
    const big = { ...config(), kvHeads: 1024, heads: 1024, keyLength: 256, valueLength: 256 };
    big.layers = Array.from({ length: 512 }, () => ({ ...big.layers[0], delta: undefined as never }));
    const huge = addon.createStore({ ...big, mode: 'exact' } as never); // 64 GiB a block
    const held: number[] = [];
    let code: string | undefined;
    for (let i = 0; i < 3000 && !code; i++)
      try {
        held.push(addon.allocateBlock(huge)); // address space only: pages are untouched
      } catch (thrown) {
        code = nativeCode(thrown);
      }
    addon.destroyStore(huge);
    expect(code).toBe('outOfMemory');
  });
});

describe('weights and products', () => {
  const [rows, columns] = [20, 64];
  const bytes = new Uint8Array((rows * columns * 18) / 32);
  const weights = addon.createWeights(2, rows, columns, 1);
  addon.appendRows(weights, bytes);
  const [x, y] = [new Float32Array(3 * columns), new Float32Array(3 * rows)];

  it('refuse types, sizes and factors that cannot be', () => {
    for (const type of [-1, 4, 9, 16, 31, 38, 40, 255, 256, 2.5, NaN, '2' as never]) check(() => addon.createWeights(type, rows, columns, 1), 'invalidArgument');
    for (const n of [0, -1, 1.5, 2 ** 23, NaN]) check(() => addon.createWeights(2, n, columns, 1), 'invalidArgument');
    for (const n of [0, 16, 33, 2 ** 19, NaN]) check(() => addon.createWeights(2, rows, n, 1), 'invalidArgument');
    check(() => addon.createWeights(12, rows, 128, 1), 'invalidArgument'); // half a block
    for (const factor of [NaN, Infinity, 1e31]) check(() => addon.createWeights(2, rows, columns, factor), 'invalidArgument');
  });

  it('take whole rows, in order, and no more than there are', () => {
    const empty = addon.createWeights(2, rows, columns, 1);
    for (const length of [0, 1, 35, 36, 15 * 36, 17 * 36, 19 * 36, 21 * 36]) check(() => addon.appendRows(empty, new Uint8Array(length)), 'invalidArgument');
    check(() => addon.product(empty, x, 3, y), 'invalidArgument');
    expect(addon.weightsInfo(empty).present).toBe(0);
    addon.appendRows(empty, bytes.subarray(0, 16 * 36));
    addon.appendRows(empty, bytes.subarray(16 * 36));
    expect(() => addon.product(empty, x, 3, y)).not.toThrow();
    addon.destroyWeights(empty);
    for (const call of [() => addon.product(empty, x, 3, y), () => addon.destroyWeights(empty), () => addon.weightsInfo(empty), () => addon.appendRows(empty, bytes)]) check(call, 'invalidArgument');
  });

  it('refuse rows that do not fit', () => {
    for (const n of [0, -1, 2, 4, 1.5, 2 ** 17]) check(() => addon.product(weights, x, n, y), 'invalidArgument');
    check(() => addon.product(weights, x.subarray(1), 3, y), 'invalidArgument');
    check(() => addon.product(weights, x, 3, y.subarray(1)), 'invalidArgument');
    check(() => addon.decodeRows(2, columns, 1, bytes, new Float32Array(rows * columns - 1)), 'invalidArgument');
    check(() => addon.decodeRows(2, 33, 1, bytes, new Float32Array(rows * columns)), 'invalidArgument');
    check(() => addon.decodeRows(2, columns, 1, bytes.subarray(1), new Float32Array(rows * columns)), 'invalidArgument');
    check(() => addon.bestLogits(new Float32Array(0), new Int32Array(1)), 'invalidArgument');
    check(() => addon.bestLogits(new Float32Array(3), new Int32Array(0)), 'invalidArgument');
    check(() => addon.bestLogits(new Float32Array(3), new Int32Array(4)), 'invalidArgument');
  });

  it('that ask for too much memory', () => {
    const held: number[] = [];
    let code: string | undefined;
    for (let i = 0; i < 100 && !code; i++)
      try {
        held.push(addon.createWeights(0, 2 ** 22, 2 ** 18, 1)); // 4 TiB: address space only
      } catch (thrown) {
        code = nativeCode(thrown);
      }
    for (const id of held) addon.destroyWeights(id);
    expect(code).toBe('outOfMemory');
  });

  const segment = () => ({
    widths: Int32Array.of(columns, rows, columns, columns), inputs: 1, outputs: 1,
    steps: [
      { kind: 'norm', from: 0, to: 2, scale: new Float32Array(columns), epsilon: 1e-5 },
      { kind: 'gate', from: 2, other: 0, to: 3, activation: 'silu' },
      { kind: 'add', from: 3, other: 0, to: 3 },
      { kind: 'product', from: 3, to: 1, column: 0, weights, bias: new Float32Array(rows) },
    ] as Record<string, unknown>[],
  });
  const wrong: [string, (s: ReturnType<typeof segment>) => void][] = [
    ['one slot', (s) => (s.widths = Int32Array.of(4))],
    ['33 slots', (s) => (s.widths = new Int32Array(33).fill(4))],
    ['a slot without width', (s) => (s.widths[3] = 0)],
    ['widths as floats', (s) => (s.widths = Float32Array.from(s.widths) as never)],
    ['no inputs', (s) => (s.inputs = 0)],
    ['more ports than slots', (s) => (s.outputs = 4)],
    ['no steps', (s) => (s.steps = [])],
    ['65 steps', (s) => (s.steps = Array.from({ length: 65 }, () => s.steps[2]))],
    ['a hole in the steps', (s) => (s.steps = [undefined as never])],
    ['a step of no kind', (s) => (s.steps[0].kind = 'sub')],
    ['writing an input', (s) => (s.steps[1].to = 0)],
    ['a slot that is not there', (s) => (s.steps[1].from = 4)],
    ['a negative slot', (s) => (s.steps[1].other = -1)],
    ['slots of different width', (s) => (s.steps[2].to = 1)],
    ['a second operand of another width', (s) => (s.steps[2].other = 1)],
    ['a short scale', (s) => (s.steps[0].scale = new Float32Array(columns - 1))],
    ['NaN epsilon', (s) => (s.steps[0].epsilon = NaN)],
    ['an unknown activation', (s) => (s.steps[1].activation = 'relu')],
    ['a matrix that is not there', (s) => (s.steps[3].weights = weights + 100)],
    ['a matrix of other columns', (s) => (s.steps[3].from = 1)],
    ['a product behind the end', (s) => (s.steps[3].column = 1)],
    ['a short bias', (s) => (s.steps[3].bias = new Float32Array(rows - 1))],
    ['a product over its input', (s) => Object.assign(s.steps[3], { from: 3, to: 3 })],
  ];
  it.each(wrong)('refuse a segment with %s', (_, change) => {
    const config = segment();
    change(config);
    check(() => addon.createSegment(config as never), 'invalidArgument');
  });

  it('run a segment on rows that fit', () => {
    const id = addon.createSegment(segment() as never);
    const run = (n: unknown, tensors: unknown) => () => addon.runSegment(id, n as number, tensors as Float32Array[]);
    expect(run(3, [x, y])).not.toThrow();
    for (const call of [run(0, [x, y]), run(4, [x, y]), run(1.5, [x, y]), run(3, [x]), run(3, [x, y, y]), run(3, [y, x]), run(3, [x, new Float64Array(60)]), run(3, {}), run(3, undefined)]) check(call, 'invalidArgument');
    addon.destroySegment(id);
    check(run(3, [x, y]), 'invalidArgument');
    check(() => addon.destroySegment(id), 'invalidArgument');
  });
});
