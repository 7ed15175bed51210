import { chmodSync, cpSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findModels, type FoundModels } from '../../src/model/found/findModels.ts';
import { readOffer } from '../../src/model/found/readOffer.ts';
import { modelRoots } from '../../src/model/found/roots.ts';
import { presets, randomLlama, writeGguf, type MetadataEntry } from '../support/writeGguf.ts';

const base = mkdtempSync(join(tmpdir(), 'deltallm-found-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const PLENTY = 64e9;
let count = 0;
const newHome = () => {
  const home = join(base, `home ${count++}`);
  mkdirSync(home, { recursive: true });
  return home;
};

/** A small model that can be loaded, with a chat template unless told otherwise. */
function put(path: string, { name = 'tiny', metadata = [] as MetadataEntry[], chat = true } = {}): string {
  mkdirSync(dirname(path), { recursive: true });
  const file = randomLlama({ ...presets.tiny, vocabulary: 300 });
  const replaced = new Set(['general.name', ...metadata.map(([key]) => key)]);
  const template: MetadataEntry[] = chat ? [['tokenizer.chat_template', 'string', '{{ messages }}']] : [];
  writeGguf(path, { ...file, metadata: [...file.metadata.filter(([key]) => !replaced.has(key)), ['general.name', 'string', name], ...template, ...metadata] });
  return path;
}

const search = (home: string, env: NodeJS.ProcessEnv = {}, available = PLENTY, platform: NodeJS.Platform = 'linux'): Promise<FoundModels> => findModels({ platform, env, home, available });
const seen = ({ models }: FoundModels) => models.map(({ program, name, refused }) => [program, name, refused?.code ?? null]);

describe('the places of other programs', () => {
  const folders = (platform: NodeJS.Platform, env: NodeJS.ProcessEnv, home: string) => modelRoots({ platform, env, home }, () => undefined).map(({ program, folder }) => `${program} ${folder}`);

  it('are those of the platform', () => {
    expect(folders('linux', {}, '/home/a')).toEqual(expect.arrayContaining([
      'Ollama /home/a/.ollama/models', 'Ollama /usr/share/ollama/.ollama/models', 'LM Studio /home/a/.lmstudio/models', 'Hugging Face /home/a/.cache/huggingface/hub',
      'llama.cpp /home/a/.cache/llama.cpp', 'Jan /home/a/.config/Jan/data/llamacpp/models', 'GPT4All /home/a/.local/share/nomic.ai/GPT4All',
    ]));
    expect(folders('darwin', {}, '/Users/a')).toEqual(expect.arrayContaining([
      'llama.cpp /Users/a/Library/Caches/llama.cpp', 'Jan /Users/a/Library/Application Support/Jan/data/models', 'GPT4All /Users/a/Library/Application Support/nomic.ai/GPT4All',
    ]));
    expect(folders('win32', { LOCALAPPDATA: 'C:\\Users\\a\\AppData\\Local', APPDATA: 'C:\\Users\\a\\AppData\\Roaming' }, 'C:\\Users\\a')).toEqual(expect.arrayContaining([
      'Ollama C:\\Users\\a\\.ollama\\models', 'llama.cpp C:\\Users\\a\\AppData\\Local\\llama.cpp', 'GPT4All C:\\Users\\a\\AppData\\Local\\nomic.ai\\GPT4All',
    ]));
  });

  it('are those that variables name, unless these are empty or relative', () => {
    expect(folders('linux', { OLLAMA_MODELS: '/big/ollama', HF_HOME: '/big/hf', LLAMA_CACHE: '/big/llama' }, '/home/a')).toEqual(expect.arrayContaining(['Ollama /big/ollama', 'Hugging Face /big/hf/hub', 'llama.cpp /big/llama']));
    const usual = folders('linux', {}, '/home/a');
    expect(folders('linux', { OLLAMA_MODELS: '', HF_HOME: 'here', XDG_CACHE_HOME: '', LLAMA_CACHE: './x' }, '/home/a')).toEqual(usual);
  });

  it('are those that settings of the programs name', async () => {
    const home = newHome();
    const elsewhere = join(base, `elsewhere ${count}`);
    mkdirSync(join(home, '.lmstudio'), { recursive: true });
    writeFileSync(join(home, '.lmstudio', 'settings.json'), JSON.stringify({ downloadsFolder: elsewhere }));
    put(join(elsewhere, 'someone', 'some-GGUF', 'some.gguf'), { name: 'some' });
    expect(seen(await search(home))).toEqual([['LM Studio', 'some', null]]);
    writeFileSync(join(home, '.lmstudio', 'settings.json'), '{"downloadsFolder": 7');
    expect(seen(await search(home))).toEqual([]);
  });
});

describe('models on this computer', () => {
  const digest = 'ab'.repeat(32);
  const manifest = (home: string, tag: string, text: string) => {
    const path = join(home, '.ollama/models/manifests/registry.ollama.ai', tag);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  const ollama = (home: string, tag = 'library/llama3.2/1b') => {
    manifest(home, tag, JSON.stringify({ schemaVersion: 2, layers: [{ mediaType: 'application/vnd.ollama.image.template', digest: 'sha256:00' }, { mediaType: 'application/vnd.ollama.image.model', digest: `sha256:${digest}` }] }));
    return put(join(home, '.ollama/models/blobs', `sha256-${digest}`));
  };
  const hub = (home: string) => {
    const repository = join(home, '.cache/huggingface/hub/models--someone--some-GGUF');
    const commit = 'c'.repeat(40);
    const blob = put(join(repository, 'blobs', digest), { name: 'hub' });
    mkdirSync(join(repository, 'snapshots', commit), { recursive: true });
    mkdirSync(join(repository, 'refs'), { recursive: true });
    writeFileSync(join(repository, 'refs/main'), `${commit}\n`);
    symlinkSync(join('..', '..', 'blobs', digest), join(repository, 'snapshots', commit, 'some-q8_0.gguf'));
    return blob;
  };

  it('of every program are found, by the names that it gives them', async () => {
    const home = newHome();
    ollama(home);
    put(join(home, '.lmstudio/models/someone/some-GGUF/some.gguf'), { name: 'studio' });
    put(join(home, '.cache/llama.cpp/someone_some_file.gguf'), { name: 'cpp' });
    put(join(home, '.config/Jan/data/llamacpp/models/some/model.gguf'), { name: 'jan' });
    put(join(home, '.local/share/nomic.ai/GPT4All/some.gguf'), { name: 'gpt4all' });
    expect(seen(await search(home)).sort()).toEqual([['GPT4All', 'gpt4all', null], ['Jan', 'jan', null], ['LM Studio', 'studio', null], ['Ollama', 'llama3.2:1b', null], ['llama.cpp', 'cpp', null]]);
  });

  it('of the Hugging Face cache are found behind its links, in the snapshot that is current', async () => {
    const home = newHome();
    hub(home);
    put(join(home, '.cache/huggingface/hub/models--someone--some-GGUF/snapshots', 'd'.repeat(40), 'old.gguf'), { name: 'old' });
    expect(seen(await search(home))).toEqual([['Hugging Face', 'hub', null]]);
  });

  it('are listed once, whoever keeps them', async () => {
    const home = newHome();
    ollama(home);
    hub(home); // the same digest
    const first = put(join(home, '.lmstudio/models/a/b/first.gguf'), { name: 'linked' });
    mkdirSync(join(home, '.cache/llama.cpp'), { recursive: true });
    linkSync(first, join(home, '.cache/llama.cpp/second.gguf'));
    expect(seen(await search(home))).toHaveLength(2);
  });

  it('that cannot be used come last and say why', async () => {
    const home = newHome();
    const folder = join(home, '.lmstudio/models/a/b');
    put(join(folder, 'good.gguf'), { name: 'good' });
    put(join(folder, 'plain.gguf'), { name: 'plain', chat: false });
    put(join(folder, 'other.gguf'), { name: 'other', metadata: [['general.architecture', 'string', 'mamba']] });
    truncateSync(put(join(folder, 'short.gguf'), { name: 'short' }), statSync(join(folder, 'good.gguf')).size - 100);
    expect(seen(await search(home))).toEqual([['LM Studio', 'good', null], ['LM Studio', 'plain', null], ['LM Studio', 'other', 'architectureUnknown'], ['LM Studio', 'short', 'ggufTruncated']]);
    expect(seen(await search(home, {}, 1e6)).map(([, , code]) => code)).toContain('modelTooLarge');
  });

  it('are language models: nothing beside one, no part of one, no unfinished download', async () => {
    const home = newHome();
    const folder = join(home, '.lmstudio/models/a/b');
    for (const name of ['mmproj-model.gguf', 'm-00002-of-00003.gguf', 'm.gguf.part', 'incomplete-m.gguf']) put(join(folder, name));
    put(join(folder, 'vision.gguf'), { metadata: [['general.architecture', 'string', 'clip']] });
    put(join(folder, 'words.gguf'), { metadata: [['general.architecture', 'string', 'bert']] });
    put(join(folder, 'lora.gguf'), { metadata: [['general.type', 'string', 'adapter']] });
    writeFileSync(join(folder, 'empty.gguf'), '');
    writeFileSync(join(folder, 'text.gguf'), 'not a model');
    mkdirSync(join(folder, 'folder.gguf'));
    execFileSync('mkfifo', [join(folder, 'pipe.gguf')]);
    symlinkSync('..', join(folder, 'up'));
    symlinkSync('nowhere', join(folder, 'dangling.gguf'));
    expect(seen(await search(home))).toEqual([]);
  });

  it.each(['', '{', '[]', '{"layers":7}', '{"layers":[null,{"mediaType":7}]}', `{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:../../../../etc/passwd"}]}`])('leave out a manifest that is none: %s', async (text) => {
    const home = newHome();
    manifest(home, 'library/broken/latest', text);
    expect(seen(await search(home))).toEqual([]);
  });

  it('in folders that this user may not read are named as such', async (context) => {
    const home = newHome();
    ollama(home);
    chmodSync(join(home, '.ollama/models'), 0);
    try {
      if (process.getuid?.() === 0) return context.skip('root may read everything');
      expect((await search(home)).unreadable).toEqual([join(home, '.ollama/models')]);
    } finally {
      chmodSync(join(home, '.ollama/models'), 0o755);
    }
  });

  it('are looked for no further when that is cancelled, and nothing of them changes', async () => {
    const home = newHome();
    const folder = join(home, '.lmstudio/models/a/b');
    for (let i = 0; i < 5; i++) put(join(folder, `m${i}.gguf`), { name: `m${i}` });
    const before = readdirSync(folder).map((name) => statSync(join(folder, name)).mtimeMs);
    let asked = 0;
    const { models } = await findModels({ platform: 'linux', env: {}, home, available: PLENTY, cancelled: () => ++asked > 6 });
    expect(models.length).toBeLessThan(5);
    expect(readdirSync(folder).map((name) => statSync(join(folder, name)).mtimeMs)).toEqual(before);
  });
});

describe('one file', () => {
  let path = '';
  beforeAll(() => {
    path = put(join(base, 'one\n\u202e.gguf'), { name: 'a name\nof two lines', metadata: [['general.file_type', 'u32', 7]] });
  });

  it('is described by its header, on one line', async () => {
    expect(await readOffer(path, PLENTY)).toMatchObject({ name: 'a name\\nof two lines', architecture: 'llama', quantisation: 'Q8_0', chat: true, refused: null, context: expect.any(Number), parameters: expect.any(Number) });
  });

  it('that is missing, a folder or no model says so', async () => {
    expect((await readOffer(join(base, 'no.gguf'), PLENTY)).refused?.code).toBe('fileMissing');
    expect((await readOffer(base, PLENTY)).refused?.code).toBe('notGguf');
    writeFileSync(join(base, 'text.gguf'), 'hello');
    expect((await readOffer(join(base, 'text.gguf'), PLENTY)).refused?.code).toBe('notGguf');
  });

  it('has the same id whenever it is looked at', async () => {
    const copy = join(base, 'copy.gguf');
    cpSync(path, copy);
    const ids = [await readOffer(path, PLENTY), await readOffer(path, 1), await readOffer(copy, PLENTY)].map(({ id }) => id);
    expect([ids[0] === ids[1], ids[0] === ids[2]]).toEqual([true, false]);
  });
});
