// The manifest of a model folder: whatever stands in it, it is usable or refused in one sentence.
import { describe, expect, it } from 'vitest';
import { FOLDER_FORMAT, inverseFrequencies, parseManifest, type Manifest } from '../../src/model/manifest.ts';
import { storeConfig } from '../../src/model/stores.ts';
import { flowWidths } from '../../src/model/manifest.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { mutate, randomBelow } from '../support/mutate.ts';

const manifest: Manifest = {
  format: FOLDER_FORMAT, name: 'Test', architecture: 'llama', source: { file: 'm.gguf', bytes: 1000, identity: 'ab'.repeat(6) }, parameters: 100_000,
  shape: { layers: 2, hidden: 64, heads: 4, kvHeads: 2, keyLength: 16, valueLength: 16, feedForward: 192, vocabulary: 512, context: 2048 },
  normEpsilon: 1e-5, attentionScale: 0.25, rope: { base: 10_000, rotated: 16, linear: 1, factors: [1, 1, 1, 2, 4, 8, 8, 8] },
  bitsPerWeight: 9,
  delta: { reference: 'previous', law: 'uniform', sinks: 4, windowMin: 2, windowMax: 4, windowDivisor: 16, keySparsity: [0.6, 0.6], compactSparsity: [0.7, 0.7], tokens: 2048 },
  method: 6, files: { 'delta.f32': { bytes: 100, sha1: 'ab'.repeat(20) } },
};
const parse = (value: unknown) => parseManifest(typeof value === 'string' ? value : JSON.stringify(value), '/models/x');

/** Parses and calculates with it; the code of the refusal, or 'read'. */
function outcome(text: string): string {
  try {
    const read = parse(text);
    const { layers } = storeConfig(read);
    const { qkv } = flowWidths(read.shape);
    if (layers.length !== read.shape.layers || !Number.isSafeInteger(qkv) || !inverseFrequencies(read.rope).every((f) => f >= 0 && f < Infinity)) throw new Error(`unusable numbers in ${text}`);
    return 'read';
  } catch (error) {
    if (!(error instanceof DeltaError)) throw error;
    expect(error.message).toMatch(/^[^\n]{1,200}$/);
    return error.code;
  }
}

/** Paths of every value below. */
const paths = (value: unknown, path: (string | number)[] = []): (string | number)[][] =>
  typeof value === 'object' && value !== null ? [path, ...Object.entries(value).flatMap(([key, below]) => paths(below, [...path, key]))] : [path];

const replaced = (path: (string | number)[], by: unknown): unknown => {
  const copy = structuredClone({ top: manifest }) as Record<string | number, unknown>;
  let at: Record<string | number, unknown> = copy;
  const whole = ['top', ...path];
  for (const key of whole.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  if (by === undefined) delete at[whole.at(-1)!];
  else at[whole.at(-1)!] = by;
  return copy.top;
};

describe('the manifest', () => {
  it('is read when it is whole', () => expect(parse(manifest)).toEqual(manifest));

  it.each([
    ['format', FOLDER_FORMAT - 1], ['format', FOLDER_FORMAT + 1], ['shape.layers', 0], ['shape.layers', 3], ['shape.hidden', 64.5], ['shape.heads', 3], ['shape.kvHeads', 0], ['shape.vocabulary', '512'], ['shape.context', 1e300],
    ['rope.rotated', 15], ['rope.rotated', 32], ['rope.base', 0], ['rope.linear', -1], ['rope.factors', [1]], ['source.file', ''], ['source.identity', 7],
    ['delta.reference', 'other'], ['delta.windowDivisor', 0], ['delta.windowMin', 9],
    ['normEpsilon', null], ['attentionScale', 0], ['attentionScale', '1'], ['name', 7], ['method', 'x'], ['files', null], ['files', 3], ['files', { '../x': { bytes: 1, sha1: '' } }], ['files', { 'delta.f32': 5 }],
  ])('is refused with %s = %j', (path, value) => {
    const damaged = JSON.stringify(replaced(path.split('.'), value));
    expect(() => parse(damaged)).toThrowError(expect.objectContaining({ code: 'modelFolderInvalid' }) as Error);
  });

  it('is usable or refused with any value replaced by any other', () => {
    const values = [undefined, null, true, 0, 1, -1, 0.5, 2 ** 31, 2 ** 53, 1e308, '', 'x', '../x', 'a\u0000b', [], [null], {}, { length: 3 }];
    for (const path of paths(manifest)) for (const value of values) outcome(JSON.stringify(replaced(path, value)) ?? '');
  });

  it('is usable or refused with its text damaged, 4000 times', () => {
    const below = randomBelow(7);
    const bytes = Buffer.from(JSON.stringify(manifest));
    const seen: Record<string, number> = {};
    for (let i = 0; i < 4000; i++) {
      const code = outcome(mutate(bytes, [], below).toString());
      seen[code] = (seen[code] ?? 0) + 1;
    }
    expect(Object.keys(seen).sort()).toEqual(['modelFolderInvalid', 'read']);
  });
});
