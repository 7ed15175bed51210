import { closeSync, copyFileSync, ftruncateSync, mkdtempSync, openSync, renameSync, rmSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { partsOf } from '../../src/model/format/splitFile.ts';
import { identityOf } from '../../src/model/identity.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-identity-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file of zeros but for some bytes, which takes no room. */
function sparse(name: string, size: number, bytes: Record<number, Uint8Array>): string {
  const path = join(folder, name);
  const file = openSync(path, 'w');
  ftruncateSync(file, size);
  for (const [at, piece] of Object.entries(bytes)) writeSync(file, piece, 0, piece.length, Number(at));
  closeSync(file);
  return path;
}

const of = async (path: string, conversion = 'a') => identityOf(await partsOf(path), conversion);

test('a copy, another name and another time make no other model; another conversion does', async () => {
  const path = join(folder, 'a.gguf');
  writeFileSync(path, 'GGUF and so on');
  const identity = await of(path);
  expect(identity).toMatch(/^[0-9a-f]{12}$/);
  copyFileSync(path, join(folder, 'b.gguf'));
  renameSync(path, join(folder, 'c.gguf'));
  utimesSync(join(folder, 'c.gguf'), 1, 1);
  expect([await of(join(folder, 'b.gguf')), await of(join(folder, 'c.gguf'))]).toEqual([identity, identity]);
  expect(await of(join(folder, 'b.gguf'), 'b')).not.toBe(identity);
});

test('any byte of a small file counts', async () => {
  const bytes = Buffer.alloc(3 << 20, 7);
  const seen = new Set<string>();
  for (const at of [-1, 0, 1 << 20, (2 << 20) + 77, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    if (at >= 0) changed[at] ^= 1;
    writeFileSync(join(folder, 'small.gguf'), changed);
    seen.add(await of(join(folder, 'small.gguf')));
  }
  expect(seen.size).toBe(5);
});

test('of a large file the size, both ends, and any stretch as long as a matrix count', async () => {
  const size = 200 << 20;
  const matrix = Buffer.alloc(512 << 10, 1);
  const identities = [
    await of(sparse('whole.gguf', size, {})), await of(sparse('longer.gguf', size + 32, {})), await of(sparse('head.gguf', size, { 1000: Buffer.from('x') })), await of(sparse('tail.gguf', size, { [size - 1]: Buffer.from('x') })),
    ...await Promise.all([2 << 20, 77_777_777, 150 << 20].map((at) => of(sparse(`at-${at}.gguf`, size, { [at]: matrix })))),
  ];
  expect(new Set(identities).size).toBe(identities.length);
  expect(await of(sparse('again.gguf', size, {}))).toBe(identities[0]);
});

test('all parts of a model in several files count', async () => {
  const part = (no: number, text: string) => writeFileSync(join(folder, `split-0000${no}-of-00002.gguf`), text);
  part(1, 'one');
  part(2, 'two');
  const first = join(folder, 'split-00001-of-00002.gguf');
  const identity = await of(first);
  part(2, 'TWO');
  expect(await of(first)).not.toBe(identity);
});

test('a file that cannot be read is said to be', async () => {
  await expect(of(join(folder, 'none.gguf'))).rejects.toMatchObject({ code: 'fileMissing' });
  await expect(of(folder)).rejects.toMatchObject({ code: 'fileUnreadable' });
});
