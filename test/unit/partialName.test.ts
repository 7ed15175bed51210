import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAbandoned, partialName, shortened } from '../../src/shared/partialName.ts';
import { itUnless, unlessOn } from '../support/where.ts';

const HOUR = 3_600_000;

test('no two names are alike, and each fits a file system', () => {
  const names = Array.from({ length: 100 }, () => partialName('日'.repeat(85)));
  expect(new Set(names).size).toBe(100);
  for (const name of names) expect(Buffer.byteLength(name)).toBeLessThan(200);
});

test('what a living process makes is never abandoned, however old', () => {
  expect(isAbandoned(partialName('model'), 0, Date.now() + 1000 * HOUR)).toBe(false);
});

test('what a dead process left is, at once', () => {
  const own = partialName('model');
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  expect(isAbandoned(own.replace(`-${process.pid}-`, `-${pid}-`), Date.now())).toBe(true);
});

itUnless(unlessOn('linux'), 'and so is what an earlier process of the same number left', () => {
  expect(isAbandoned(partialName('model').replace(/-\d+-([0-9a-f]{8})$/, '-7-$1'), Date.now())).toBe(true);
});

test('of a process elsewhere only the time tells', () => {
  for (const name of [partialName('model').replace(/partial-[0-9a-f]{8}/, 'partial-00000000'), 'model.partial-12345', `model.partial-${process.pid}`]) {
    expect(isAbandoned(name, Date.now() - HOUR / 2)).toBe(false);
    expect(isAbandoned(name, Date.now() - 2 * HOUR)).toBe(true);
  }
});

test('any other name is nobody\'s leftover', () => {
  for (const name of ['model', 'model.partial', 'partial-1', 'model.partial-', 'a.partial-1 2', '']) expect(isAbandoned(name, 0)).toBe(false);
});

test('a name is shortened in whole characters', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 40 }), (name, bytes) => {
    const short = shortened(name, bytes);
    expect(Buffer.byteLength(short)).toBeLessThanOrEqual(bytes);
    expect(name.startsWith(short)).toBe(true);
    if (Buffer.byteLength(name) <= bytes) expect(short).toBe(name);
  }));
});
