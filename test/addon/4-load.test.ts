// Finding the addon: what is tried, what is said when it is not there, and what the environment can force.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ADDON_VERSION } from '../../src/binding/addon.ts';
import { loadAddon } from '../../src/binding/load.ts';

const FILE = resolve('native/build/Release/deltallm.node');
let folder: string;

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'deltallm-load-'))));
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  delete process.env.DELTALLM_ADDON;
  delete process.env.DELTALLM_KERNELS;
});

/** Loading from that base must fail with a DeltaError of this code whose message holds the text. */
function check(base: string, code: string, text: string): void {
  let thrown: unknown;
  try {
    loadAddon(base);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ name: 'DeltaError', code });
  expect((thrown as Error).message).toContain(text);
}

describe('loadAddon', () => {
  it.each(['.', 'dist', `dist/prebuilds/${process.platform}-${process.arch}`, 'native/build/Release'])('finds it in %s of a package', (where) => {
    mkdirSync(join(folder, where), { recursive: true });
    mkdirSync(join(folder, 'dist'), { recursive: true });
    copyFileSync(FILE, join(folder, where, 'deltallm.node'));
    expect(loadAddon(join(folder, 'dist')).version).toBe(ADDON_VERSION);
  });

  it('says what was tried when there is none', () => check(folder, 'addonMissing', join(folder, 'deltallm.node')));

  it('never loads one that lies outside the package', () => {
    mkdirSync(join(folder, 'package/dist'), { recursive: true });
    writeFileSync(join(folder, 'package/package.json'), '{}');
    copyFileSync(FILE, join(folder, 'deltallm.node'));
    check(join(folder, 'package/dist'), 'addonMissing', join(folder, 'package', 'deltallm.node'));
  });

  it('says why a file cannot be loaded', () => {
    writeFileSync(join(folder, 'deltallm.node'), 'not a library');
    check(folder, 'addonMissing', 'deltallm.node (');
  });

  it('refuses another version', () => {
    const old = join(folder, 'old.cjs');
    writeFileSync(old, 'module.exports = { version: 0 };');
    process.env.DELTALLM_ADDON = old;
    check(folder, 'addonVersion', 'version 0');
  });

  it('takes DELTALLM_ADDON and nothing else', () => {
    process.env.DELTALLM_ADDON = FILE;
    expect(loadAddon(folder).version).toBe(ADDON_VERSION);
    process.env.DELTALLM_ADDON = join(folder, 'missing.node');
    check(join(folder, 'x'), 'addonMissing', 'missing.node (no such file)');
  });

  it('takes DELTALLM_KERNELS, and refuses unknown names', () => {
    process.env.DELTALLM_ADDON = FILE;
    process.env.DELTALLM_KERNELS = 'scalar';
    const addon = loadAddon(join(folder, 'a'));
    expect(addon.cpu().selected).toBe('scalar');
    addon.selectKernels('auto');
    process.env.DELTALLM_KERNELS = 'sse9';
    check(join(folder, 'b'), 'kernelSetUnknown', 'scalar');
  });
});
