// Where programs keep models: by platform, by variables, by their own settings.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { smallText } from '../../src/model/found/folders.ts';
import { modelRoots } from '../../src/model/found/roots.ts';
import { homes } from '../support/modelHomes.ts';

const HOMES = { linux: '/home/a', darwin: '/Users/a', win32: 'C:\\Users\\a' } as const;
type Platform = keyof typeof HOMES;

/** The folders of a program, where `files` are the small files that there are. */
const folders = (platform: Platform, program: string, env: NodeJS.ProcessEnv = {}, files: Record<string, string> = {}) =>
  modelRoots({ platform, env, home: HOMES[platform] }, (path) => files[path]).filter((root) => root.program === program).map(({ folder }) => folder);

describe('the places of a program', () => {
  it.each<[Platform, string, string[]]>([
    ['linux', 'Ollama', ['/home/a/.ollama/models', '/usr/share/ollama/.ollama/models', '/var/lib/ollama/models']],
    ['darwin', 'Ollama', ['/Users/a/.ollama/models']],
    ['win32', 'Ollama', ['C:\\Users\\a\\.ollama\\models']],
    ['linux', 'LM Studio', ['/home/a/.lmstudio/models', '/home/a/.cache/lm-studio/models']],
    ['darwin', 'LM Studio', ['/Users/a/.lmstudio/models', '/Users/a/.cache/lm-studio/models']],
    ['win32', 'LM Studio', ['C:\\Users\\a\\.lmstudio\\models', 'C:\\Users\\a\\.cache\\lm-studio\\models']],
    ['linux', 'llama.cpp', ['/home/a/.cache/llama.cpp']],
    ['darwin', 'llama.cpp', ['/Users/a/Library/Caches/llama.cpp']],
    ['win32', 'llama.cpp', ['C:\\Users\\a\\AppData\\Local\\llama.cpp']],
    ['linux', 'Hugging Face', ['/home/a/.cache/huggingface/hub']],
    ['darwin', 'Hugging Face', ['/Users/a/.cache/huggingface/hub']],
    ['win32', 'Hugging Face', ['C:\\Users\\a\\.cache\\huggingface\\hub']],
    ['linux', 'Jan', ['/home/a/.config/Jan/data', '/home/a/.local/share/Jan/data', '/home/a/jan']],
    ['darwin', 'Jan', ['/Users/a/Library/Application Support/Jan/data', '/Users/a/jan']],
    ['win32', 'Jan', ['C:\\Users\\a\\AppData\\Roaming\\Jan\\data', 'C:\\Users\\a\\jan']],
    ['linux', 'GPT4All', ['/home/a/.local/share/nomic.ai/GPT4All']],
    ['darwin', 'GPT4All', ['/Users/a/Library/Application Support/nomic.ai/GPT4All']],
    ['win32', 'GPT4All', ['C:\\Users\\a\\AppData\\Local\\nomic.ai\\GPT4All']],
  ])('on %s, of %s', (platform, program, expected) => expect(folders(platform, program)).toEqual(expected));

  it.each<[Platform, string, NodeJS.ProcessEnv, string]>([
    ['linux', 'Ollama', { OLLAMA_MODELS: '/big/ollama' }, '/big/ollama'],
    ['win32', 'Ollama', { OLLAMA_MODELS: 'D:\\ollama' }, 'D:\\ollama'],
    ['linux', 'llama.cpp', { LLAMA_CACHE: '/big/llama' }, '/big/llama'],
    ['linux', 'llama.cpp', { XDG_CACHE_HOME: '/cache' }, '/cache/llama.cpp'],
    ['win32', 'llama.cpp', { LOCALAPPDATA: 'D:\\local' }, 'D:\\local\\llama.cpp'],
    ['linux', 'Hugging Face', { HF_HUB_CACHE: '/1', HUGGINGFACE_HUB_CACHE: '/2', HF_HOME: '/3', XDG_CACHE_HOME: '/4' }, '/1'],
    ['linux', 'Hugging Face', { HUGGINGFACE_HUB_CACHE: '/2', HF_HOME: '/3', XDG_CACHE_HOME: '/4' }, '/2'],
    ['darwin', 'Hugging Face', { HF_HOME: '/3', XDG_CACHE_HOME: '/4' }, '/3/hub'],
    ['linux', 'Hugging Face', { XDG_CACHE_HOME: '/4' }, '/4/huggingface/hub'],
    ['linux', 'Jan', { XDG_CONFIG_HOME: '/config' }, '/config/Jan/data'],
    ['win32', 'Jan', { APPDATA: 'D:\\roaming' }, 'D:\\roaming\\Jan\\data'],
    ['linux', 'GPT4All', { XDG_DATA_HOME: '/data' }, '/data/nomic.ai/GPT4All'],
  ])('on %s, of %s, is what %j names', (platform, program, env, first) => expect(folders(platform, program, env)[0]).toBe(first));

  it('is not what a variable names that is empty, relative, or another computer', () => {
    for (const platform of ['linux', 'win32'] as const) {
      for (const value of ['', ' ', 'here', './x', '~/models', platform === 'win32' ? '\\\\server\\share' : 'C:x']) {
        const env = Object.fromEntries(['OLLAMA_MODELS', 'HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HOME', 'LLAMA_CACHE', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'APPDATA', 'LOCALAPPDATA'].map((name) => [name, value]));
        expect(modelRoots({ platform, env, home: HOMES[platform] }, () => undefined), value).toEqual(modelRoots({ platform, env: {}, home: HOMES[platform] }, () => undefined));
      }
    }
  });
});

describe('a place that a program was told', () => {
  it('is read from its pointer file and its settings', () => {
    expect(folders('linux', 'LM Studio', {}, { '/home/a/.lmstudio-home-pointer': '/disk/lms\n', '/disk/lms/settings.json': '{"downloadsFolder":"/disk/models"}' }).slice(0, 2)).toEqual(['/disk/models', '/disk/lms/models']);
    expect(folders('win32', 'LM Studio', {}, { 'C:\\Users\\a\\.lmstudio\\settings.json': JSON.stringify({ downloadsFolder: 'D:\\models' }) })[0]).toBe('D:\\models');
    expect(folders('darwin', 'Jan', {}, { '/Users/a/Library/Application Support/Jan/settings.json': '{"data_folder":"/disk/jan"}' })[0]).toBe('/disk/jan');
    expect(folders('linux', 'GPT4All', {}, { '/home/a/.config/nomic.ai/GPT4All.ini': '[General]\r\nuserName=a\r\nmodelPath=/disk/models with blanks\r\n' })[0]).toBe('/disk/models with blanks');
    expect(folders('win32', 'GPT4All', {}, { 'C:\\Users\\a\\AppData\\Roaming\\nomic.ai\\GPT4All.ini': 'modelPath="D:\\\\mod\\xe8les"' })[0]).toBe('D:\\modèles');
  });

  it.each(['', '{', '[]', 'null', '{"downloadsFolder":7}', '{"downloadsFolder":"relative"}', '{"downloadsFolder":"/a\\u0000b"}'])('is not taken from %j', (text) => {
    const files = { '/home/a/.lmstudio/settings.json': text, '/home/a/.lmstudio-home-pointer': text };
    expect(folders('linux', 'LM Studio', {}, files)).toEqual(folders('linux', 'LM Studio'));
  });

  it('is never another computer', () => {
    fc.assert(fc.property(fc.constantFrom('\\\\', '//', '\\/', '/\\'), fc.string(), (start, rest) => {
      const settings = JSON.stringify({ downloadsFolder: `${start}${rest}`, data_folder: `${start}${rest}` });
      for (const { folder } of modelRoots({ platform: 'win32', env: { OLLAMA_MODELS: `${start}${rest}` }, home: HOMES.win32 }, () => settings)) expect(folder).toMatch(/^[A-Z]:\\/);
    }));
  });
});

describe('a small text', () => {
  const { folder } = homes();

  it('is that of a file, not of a long one, a folder or nothing', () => {
    writeFileSync(join(folder, 'text'), 'grün');
    expect([smallText(join(folder, 'text'), 5), smallText(join(folder, 'text'), 4), smallText(folder, 1e6), smallText(join(folder, 'none'), 9)]).toEqual(['grün', undefined, undefined, undefined]);
  });
});
