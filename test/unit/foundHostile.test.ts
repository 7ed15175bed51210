// Folders and files that are damaged, endless, closed or meant to do harm: the search ends, finds the good ones beside them, and throws nothing.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Folders } from '../../src/model/found/folders.ts';
import { offerFrom } from '../../src/model/found/readOffer.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { digestOf, homes, modelFile, PLENTY, putHub, putModel, putOllama, putText, search } from '../support/modelHomes.ts';
import { mutate, randomBelow } from '../support/mutate.ts';
import { writeGguf } from '../support/writeGguf.ts';

const { folder: base, home: newHome } = homes();
const STUDIO = '.lmstudio/models/a/b';

/** Beside whatever is put into a home, the good model must be found, and only it. */
async function check(spoil: (folder: string, home: string) => void, names = ['Good']): Promise<void> {
  const home = newHome();
  const folder = join(home, STUDIO);
  putModel(join(folder, 'good.gguf'), { name: 'Good' });
  spoil(folder, home);
  expect((await search(home)).models.map(({ name }) => name)).toEqual(names);
}

describe('a good model is found beside', () => {
  it('a named pipe', () => check((folder, home) => {
    execFileSync('mkfifo', [join(folder, 'pipe.gguf'), join(home, '.lmstudio-home-pointer')]);
    symlinkSync('pipe.gguf', join(folder, 'to-pipe.gguf'));
  }));
  it('a device', () => check((folder) => symlinkSync('/dev/zero', join(folder, 'zero.gguf'))));
  it('a folder that is called like a file', () => check((folder) => putModel(join(folder, 'folder.gguf/inner.gguf'), { name: 'Inner' }), ['Good', 'Inner']));
  it('empty files and other ones', () => check((folder) => {
    for (const [name, text] of [['empty.gguf', ''], ['short.gguf', 'GG'], ['text.gguf', 'hello']]) writeFileSync(join(folder, name), text);
  }));
  it('links that lead nowhere, to themselves, or up', () => check((folder) => {
    symlinkSync('nowhere', join(folder, 'nowhere.gguf'));
    symlinkSync('self.gguf', join(folder, 'self.gguf'));
    symlinkSync('..', join(folder, 'up'));
    symlinkSync('.', join(folder, 'here'));
    mkdirSync(join(folder, 'x'));
    symlinkSync('../y', join(folder, 'x/y'));
    symlinkSync('x', join(folder, 'y'));
  }));
  it('a file whose name breaks lines and turns directions', () => check((_, home) => putModel(join(home, '.cache/llama.cpp/a\nb\u202efugg.gguf'), { name: '' }), ['Good', 'a b fugg']));
  it('a file where a folder should be', () => check((_, home) => {
    for (const path of ['.ollama', '.cache/huggingface', '.config/Jan', '.local/share/nomic.ai']) putText(join(home, path), '');
  }));
  it('folders without end', async () => {
    const home = newHome();
    putModel(join(home, STUDIO, 'good.gguf'), { name: 'Good' });
    putModel(join(home, STUDIO, 'x/'.repeat(40), 'deep.gguf'), { name: 'Deep' });
    expect(await search(home)).toMatchObject({ models: [{ name: 'Good' }], cut: true });
  });
});

it('ten thousand files keep nobody waiting for those of another program, and it is said that they are too many', async () => {
  const home = newHome();
  const folder = join(home, STUDIO);
  putModel(join(folder, '0.gguf'), { name: 'First' });
  for (let i = 0; i < 10_000; i++) writeFileSync(join(folder, `file ${i}.gguf`), '');
  putModel(join(home, '.cache/llama.cpp/a.gguf'), { name: 'Other' });
  let read = 0;
  const { models, cut } = await search(home, { progress: () => void read++ });
  expect(models.map(({ name }) => name).sort()).toEqual(['First', 'Other']);
  expect(cut).toBe(true);
  expect(read).toBeLessThanOrEqual(501);
});

it('no more names are looked at than may be, whatever the folders they lie in', async () => {
  const home = newHome();
  for (const name of ['a/1', 'a/2', 'b/3', 'b/4', 'c/5']) putText(join(home, name), '');
  const names = async (left: number) => {
    const folders = new Folders(undefined, left);
    const seen: string[] = [];
    for await (const { name } of folders.files(home)) seen.push(name);
    return [seen.join(''), folders.cut];
  };
  expect([await names(8), await names(7), await names(5)]).toEqual([['12345', false], ['1234', true], ['12', true]]);
});

describe('what this user may not read', () => {
  const isRoot = process.getuid?.() === 0;
  const NOBODY = 65_534;
  afterEach(() => void (isRoot && process.seteuid!(0)));

  /** Searches as somebody who may not read `closed`. */
  async function searchClosed(home: string, closed: string) {
    for (let path = home; path.startsWith(base); path = dirname(path)) chmodSync(path, 0o755);
    chmodSync(closed, isRoot ? 0o700 : 0);
    if (isRoot) process.seteuid!(NOBODY);
    try {
      return await search(home);
    } finally {
      if (isRoot) process.seteuid!(0);
      chmodSync(closed, 0o755);
    }
  }

  it.each(['.ollama/models', '.ollama', '.ollama/models/manifests', '.ollama/models/blobs'])('is named: %s', async (closed) => {
    const home = newHome();
    putOllama(join(home, '.ollama/models'), 'registry.ollama.ai/library/a/b');
    putModel(join(home, STUDIO, 'good.gguf'), { name: 'Good' });
    const { models, unreadable } = await searchClosed(home, join(home, closed));
    expect(models.map(({ name }) => name)).toEqual(['Good']);
    expect(unreadable).toHaveLength(1);
    expect(unreadable[0].startsWith(join(home, '.ollama'))).toBe(true);
  });

  it('is named where only a file is closed', async () => {
    const home = newHome();
    const path = putModel(join(home, STUDIO, 'closed.gguf'));
    expect(await searchClosed(home, path)).toMatchObject({ models: [], unreadable: [join(home, STUDIO)] });
  });
});

describe('a damaged manifest', () => {
  const layer = (digest: unknown) => JSON.stringify({ layers: [{ mediaType: 'application/vnd.ollama.image.model', digest }] });
  it.each(['', '{', '[]', 'null', '7', '"x"', '{"layers":7}', '{"layers":{}}', '{"layers":[null,7,{"mediaType":7}]}', layer(7), layer('sha256:../../../../etc/passwd'), layer(`sha256:${'A'.repeat(64)}`), layer(digestOf('e')), ' '.repeat(1 << 20)])('is left out: %.60s', (text) =>
    check((_, home) => putText(join(home, '.ollama/models/manifests/registry.ollama.ai/library/broken/latest'), text)));

  it('of any kind ends in a list', async () => {
    const home = newHome();
    const ollama = join(home, '.ollama/models');
    putOllama(ollama, 'registry.ollama.ai/library/a/b', { params: { stop: ['x'] } });
    const manifest = readFileSync(join(ollama, 'manifests/registry.ollama.ai/library/a/b'));
    const below = randomBelow(7);
    for (let i = 0; i < 300; i++) putText(join(ollama, `manifests/registry.ollama.ai/library/m${i}/t`), mutate(manifest, [], below).toString('latin1'));
    const { models } = await search(home);
    expect(models.map(({ name }) => name)).toEqual(['a:b']); // all of them name one file
  });
});

describe('damaged descriptions of other programs', () => {
  it('lead to nothing that is no model', () => check((_, home) => {
    const yml = (name: string, text: string) => putText(join(home, `.config/Jan/data/llamacpp/models/${name}/model.yml`), text);
    yml('a', 'model_path: ../../../../../../etc/passwd\n');
    yml('b', 'model_path: //server/share/a.gguf\n');
    yml('c', `model_path: ${'x'.repeat(60_000)}.gguf\n`);
    yml('d', 'model_path: "a\\0b.gguf"\n');
    yml('e', 'files:\n'.repeat(5_000));
    putHub(join(home, '.cache/huggingface/hub'), 'someone/some', 'a.gguf', { blob: digestOf('f'), name: 'Hub' });
    putText(join(home, '.cache/huggingface/hub/models--someone--some/refs/main'), '../../../../../..');
    mkdirSync(join(home, '.cache/huggingface/hub/models--'));
    putText(join(home, '.cache/huggingface/hub/models--file'), '');
  }, ['Good', 'Hub']));
});

describe('a damaged header', () => {
  const MUTATIONS = 3_000;
  writeGguf(join(base, 'whole.gguf'), modelFile({ metadata: [['general.size_label', 'string', '1.5B'], ['split.count', 'u16', 1], ['llama.pooling_type', 'u32', 0], ['general.file_type', 'u32', 15]] }));
  const whole = readFileSync(join(base, 'whole.gguf'));
  const header = whole.subarray(0, whole.indexOf('output_norm.weight') + 18 + 4 + 8 + 4 + 8);
  const fields = Array.from({ length: header.length - 8 }, (_, i) => i).filter((i) => header.readUInt32LE(i) > 0 && header.readUInt32LE(i) < 1000 && header.readUInt32LE(i + 4) === 0);

  it(`makes an offer or a refusal that can be shown, ${MUTATIONS} times`, async () => {
    const below = randomBelow(2_025);
    const seen: Record<string, number> = {};
    for (let i = 0; i < MUTATIONS; i++) {
      const damaged = mutate(header, fields, below);
      const bytes = i % 4 === 0 ? damaged : Buffer.concat([damaged, whole.subarray(header.length)]);
      let read = 0;
      const source = { path: 'x', size: bytes.length, read: (offset: number, length: number) => {
        const piece = bytes.subarray(offset, offset + length);
        read += piece.length;
        return Promise.resolve(piece);
      } };
      const { model } = await offerFrom(source, join(base, 'none.gguf'), 'x', PLENTY);
      const { name, architecture, quantisation, parameters, context, refused } = model;
      expect([name, architecture, quantisation].join('')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      expect([...name].length).toBeLessThanOrEqual(80);
      for (const count of [parameters, context]) expect(count === null || (Number.isSafeInteger(count) && count > 0)).toBe(true);
      expect(structuredClone(model)).toEqual(model);
      if (refused) expect(new DeltaError(refused.code, ...(refused.args as never)).message).toMatch(/^[^\n]{1,600}\.$/);
      expect(refused?.code).not.toBe('internal');
      expect(read).toBeLessThanOrEqual(bytes.length + 12);
      const outcome = refused?.code ?? 'usable';
      seen[outcome] = (seen[outcome] ?? 0) + 1;
    }
    for (const outcome of ['usable', 'notGguf', 'ggufTruncated', 'ggufLimit', 'metadataInvalid', 'architectureUnknown', 'tokenizerUnknown', 'tensorTypeUnknown']) expect(seen[outcome], outcome).toBeGreaterThan(0);
  });
});
