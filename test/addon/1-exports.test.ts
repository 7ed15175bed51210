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
    const good: unknown[] = [store, 0, table(), 0, 1, qkv, out, cancel];
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
