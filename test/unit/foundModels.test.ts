// The models on a computer: those of every program by its names, each once, what can be used first.
import { linkSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { modelsJson, modelsText } from '../../src/cli/models.ts';
import { findModels, thisComputer, type FoundModels } from '../../src/model/found/findModels.ts';
import { readYml } from '../../src/model/found/jan.ts';
import { digestOf, homes, PLENTY, putHub, putModel, putOllama, putText, search } from '../support/modelHomes.ts';

const { folder: base, home: newHome } = homes();
const seen = ({ models }: FoundModels) => models.map(({ program, name, refused }) => [program, name, refused?.code ?? null]);

/** What a home looks like must be found under these names, in any order. */
async function check(fill: (home: string) => void, expected: [program: string, name: string][], platform: NodeJS.Platform = 'linux'): Promise<FoundModels> {
  const home = newHome();
  fill(home);
  const found = await search(home, { platform });
  expect(seen(found).sort()).toEqual(expected.map(([program, name]) => [program, name, null]).sort());
  expect([found.unreadable, found.cut]).toEqual([[], false]);
  return found;
}

describe('the models of every program', () => {
  const library = 'Library/Application Support';
  it.each<[NodeJS.Platform, Record<'ollama' | 'studio' | 'cpp' | 'hub' | 'jan' | 'gpt4all', string>]>([
    ['linux', { ollama: '.ollama/models', studio: '.lmstudio/models', cpp: '.cache/llama.cpp', hub: '.cache/huggingface/hub', jan: '.config/Jan/data', gpt4all: '.local/share/nomic.ai/GPT4All' }],
    ['darwin', { ollama: '.ollama/models', studio: '.lmstudio/models', cpp: 'Library/Caches/llama.cpp', hub: '.cache/huggingface/hub', jan: `${library}/Jan/data`, gpt4all: `${library}/nomic.ai/GPT4All` }],
  ])('are found on %s', async (platform, at) => {
    await check((home) => {
      putOllama(join(home, at.ollama), 'registry.ollama.ai/library/llama3.2/1b');
      putModel(join(home, at.studio, 'someone/some-GGUF/some.gguf'), { name: 'Studio' });
      putModel(join(home, at.cpp, 'someone_some_file.gguf'), { name: 'Cpp' });
      putHub(join(home, at.hub), 'someone/some-GGUF', 'some-q8_0.gguf', { name: 'Hub' });
      putModel(join(home, at.jan, 'llamacpp/models/some/model.gguf'), { name: 'Jan' });
      putModel(join(home, at.gpt4all, 'some.gguf'), { name: 'All' });
    }, [['Ollama', 'llama3.2:1b'], ['LM Studio', 'Studio'], ['llama.cpp', 'Cpp'], ['Hugging Face', 'Hub'], ['Jan', 'Jan'], ['GPT4All', 'All']], platform);
  });

  it('are found in the form of ONNX Runtime in the cache of Hugging Face: of the graphs of one the smallest, and nothing that writes no text', async () => {
    const home = newHome();
    const put = (repository: string, commit: string, files: Record<string, unknown>) => {
      const place = join(home, `.cache/huggingface/hub/models--${repository}`);
      putText(join(place, 'refs/main'), commit);
      for (const [name, content] of Object.entries(files)) putText(join(place, 'snapshots', commit, name), typeof content === 'string' ? content : JSON.stringify(content));
    };
    const config = { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2', num_hidden_layers: 2, hidden_size: 64, num_attention_heads: 2, num_key_value_heads: 1, vocab_size: 300, max_position_embeddings: 512 };
    const tokenizer = { added_tokens: [{ id: 1, content: '<|fim_prefix|>' }] };
    put('onnx-community--Some-Coder-ONNX', 'd'.repeat(40), { 'config.json': config, 'tokenizer.json': tokenizer, 'tokenizer_config.json': { chat_template: '{{ messages }}' }, 'onnx/model.onnx': 'x'.repeat(100), 'onnx/model_q4.onnx': 'xyz', 'onnx/model_q4.onnx_data': 'weights' });
    put('onnx-community--whisper', 'e'.repeat(40), { 'config.json': { ...config, architectures: ['WhisperForConditionalGeneration'] }, 'tokenizer.json': tokenizer, 'onnx/model.onnx': 'x' });
    put('somebody--config', 'f'.repeat(40), { 'config.json': '{', 'onnx/model.onnx': 'x' });
    const { models } = await search(home);
    expect(models).toMatchObject([{ program: 'Hugging Face', name: 'Some-Coder-ONNX', architecture: 'qwen2', quantisation: 'q4', bytes: 10, context: 512, chat: true, fim: true, refused: null }]);
    expect(models[0].path.endsWith('onnx/model_q4.onnx')).toBe(true);
  });

  it('are found where variables and settings lead to', async () => {
    const elsewhere = newHome();
    const home = newHome();
    putOllama(join(elsewhere, 'ollama'), 'registry.ollama.ai/library/a/b');
    putModel(join(elsewhere, 'studio/x/y/z.gguf'), { name: 'Studio' });
    putText(join(home, '.lmstudio-home-pointer'), join(elsewhere, 'lms'));
    putText(join(elsewhere, 'lms/settings.json'), JSON.stringify({ downloadsFolder: join(elsewhere, 'studio') }));
    putText(join(home, '.config/nomic.ai/GPT4All.ini'), `[General]\nmodelPath=${join(elsewhere, 'all')}\n`);
    putModel(join(elsewhere, 'all/z.gguf'), { name: 'All' });
    expect(seen(await search(home, { env: { OLLAMA_MODELS: join(elsewhere, 'ollama') } })).sort()).toEqual([['GPT4All', 'All', null], ['LM Studio', 'Studio', null], ['Ollama', 'a:b', null]]);
  });
});

describe('Ollama', () => {
  const at = (home: string) => join(home, '.ollama/models');

  it('names its models as its users do', () => check((home) => {
    putOllama(at(home), 'registry.ollama.ai/library/qwen2.5-coder/1.5b', { digest: digestOf('4') });
    putOllama(at(home), 'registry.ollama.ai/someone/own/latest', { digest: digestOf('5') });
    putOllama(at(home), 'hf.co/someone/some-GGUF/Q8_0', { digest: digestOf('6') });
  }, [['Ollama', 'qwen2.5-coder:1.5b'], ['Ollama', 'someone/own:latest'], ['Ollama', 'hf.co/someone/some-GGUF:Q8_0']]));

  it('has tags that mean one file: the one that says more is shown', () => check((home) => {
    for (const tag of ['latest', '1b']) putOllama(at(home), `registry.ollama.ai/library/llama3.2/${tag}`);
  }, [['Ollama', 'llama3.2:1b']]));

  it('says what ends an answer', async () => {
    const found = await check((home) => putOllama(at(home), 'registry.ollama.ai/library/a/b', { params: { num_ctx: 4096, stop: ['<|end|>', 7, '', 'x'.repeat(1_000), 'User:'] } }), [['Ollama', 'a:b']]);
    expect(found.models[0].stop).toEqual(['<|end|>', 'User:']);
  });

  it('once named its files with a colon', () => check((home) => putOllama(at(home), 'registry.ollama.ai/library/a/b', { separator: ':' }), [['Ollama', 'a:b']]));
  it('has models that are another one with an adapter: those are no file of their own', () => check((home) => putOllama(at(home), 'registry.ollama.ai/library/a/b', { adapter: true }), []));
  it('has models in another format', () => check((home) => {
    putOllama(at(home), 'registry.ollama.ai/library/a/b');
    putText(join(at(home), 'blobs', `sha256-${digestOf('a')}`), '{"safetensors": true}');
  }, []));
});

describe('a cache of the Hugging Face hub', () => {
  it('has a current snapshot: others are not offered', () => check((home) => {
    const hub = join(home, '.cache/huggingface/hub');
    putHub(hub, 'someone/some', 'new.gguf', { name: 'New' });
    putHub(hub, 'someone/some', 'old.gguf', { name: 'Old', blob: digestOf('d'), commit: 'd'.repeat(40), current: false });
    putHub(hub, 'someone/other', 'sub/folder/only.gguf', { name: 'Only', blob: digestOf('e'), current: false });
  }, [['Hugging Face', 'New'], ['Hugging Face', 'Only']]));

  it('names the files that say nothing of themselves', () => check((home) => putHub(join(home, '.cache/huggingface/hub'), 'someone/Some-Model-GGUF', 'q8_0.gguf', { name: 'Model' }), [['Hugging Face', 'Some-Model']]));
  it('is that of llama.cpp since 2026', () => check((home) => putHub(join(home, '.cache/llama.cpp'), 'someone/some', 'a.gguf', { name: 'A' }), [['llama.cpp', 'A']]));
});

describe('Jan', () => {
  const data = '.config/Jan/data';

  it('describes its models, wherever their files are', () => check((home) => {
    putText(join(home, data, 'llamacpp/models/some/model.yml'), 'embedding: false\nmodel_path: llamacpp/models/some/model.gguf\nname: "Some: one" # mine\nsize_bytes: 1\n');
    putModel(join(home, data, 'llamacpp/models/some/model.gguf'), { name: 'Other' });
    const path = putModel(join(home, 'downloads/mine.gguf'));
    putText(join(home, data, 'llamacpp/models/mine/model.yml'), `model_path: '${path}'\nname: Mine\n`);
    putText(join(home, data, 'models/cortex/old.yml'), 'name: Old\nfiles:\n  - models/cortex/old.gguf\n');
    putModel(join(home, data, 'models/cortex/old.gguf'));
    putModel(join(home, 'jan/models/first/first.gguf'), { name: 'First' });
  }, [['Jan', 'Some: one'], ['Jan', 'Mine'], ['Jan', 'Old'], ['Jan', 'First']]));

  it.each<[string, ReturnType<typeof readYml>]>([
    ['', { name: undefined, files: [] }],
    ['name:\r\nfiles: [a.gguf, "b c.gguf"]\r\n', { name: undefined, files: ['a.gguf', 'b c.gguf'] }],
    ['files:\n- a.gguf\n- \'b.gguf\'\nother:\n- c.gguf', { name: undefined, files: ['a.gguf', 'b.gguf'] }],
    ['model_path: "C:\\\\a\\\\b.gguf"\n  name: nested\nname: one\nname: two', { name: 'one', files: ['C:\\a\\b.gguf'] }],
    ['{{{\n: :\n---\n- - -', { name: undefined, files: [] }],
  ])('may write %j', (text, expected) => expect(readYml(text)).toEqual(expected));
});

describe('a model that several programs have', () => {
  it('is one: the same file, a link to it, or what both name by its digest', () => check((home) => {
    putOllama(join(home, '.ollama/models'), 'registry.ollama.ai/library/a/b');
    putHub(join(home, '.cache/huggingface/hub'), 'someone/some', 'a.gguf', { blob: digestOf('a') });
    const first = putModel(join(home, '.lmstudio/models/a/b/first.gguf'), { name: 'Linked' });
    mkdirSync(join(home, '.cache/llama.cpp'), { recursive: true });
    linkSync(first, join(home, '.cache/llama.cpp/second.gguf'));
    symlinkSync(first, join(home, '.cache/llama.cpp/third.gguf'));
  }, [['Ollama', 'a:b'], ['LM Studio', 'Linked']]));

  it('is two where there are two', () => check((home) => {
    for (const name of ['a', 'b']) putModel(join(home, `.lmstudio/models/x/y/${name}.gguf`));
  }, [['LM Studio', 'Tiny'], ['LM Studio', 'Tiny']]));
});

describe('the list', () => {
  it('begins with what converses, the larger first as far as that is sensible, and ends with what cannot be used', async () => {
    const home = newHome();
    const at = (name: string) => join(home, '.lmstudio/models/a/b', `${name}.gguf`);
    const sized = (name: string, bytes: number, chat = true) => truncateSync(putModel(at(name), { name, chat }), bytes);
    sized('small', 1e9);
    sized('huge', 40e9);
    sized('large', 20e9);
    sized('good', 5e9);
    sized('code', 5.5e9, false);
    putModel(at('other'), { name: 'other', metadata: [['general.architecture', 'string', 'mamba']] });
    truncateSync(putModel(at('short'), { name: 'short' }), statSync(putModel(at('whole'), { name: 'whole' })).size - 100);
    expect(seen(await search(home)).map(([, name, code]) => [name, code])).toEqual([
      ['good', null], ['small', null], ['whole', null], ['large', null], ['huge', null], ['code', null], ['other', 'architectureUnknown'], ['short', 'ggufTruncated'],
    ]);
    expect((await search(home, { available: 1e6 })).models.every(({ refused }) => refused !== null)).toBe(true);
  });

  it('is empty where there is nothing', async () => expect(await search(newHome())).toEqual({ models: [], unreadable: [], cut: false }));

  it('is what was found until the search was cancelled, and says how far it is', async () => {
    const home = newHome();
    for (let i = 0; i < 5; i++) putModel(join(home, `.lmstudio/models/a/b/m${i}.gguf`), { name: `m${i}` });
    const shares: number[] = [];
    const progress = (share: number) => shares.push(share);
    expect(seen(await search(home, { progress, cancelled: () => shares.length === 3 }))).toHaveLength(2);
    expect(shares).toEqual([0, 0.2, 0.4]);
    expect(seen(await search(home, { cancelled: () => true }))).toEqual([]);
    await expect(search(home, { progress: () => { throw new Error('stop'); } })).rejects.toThrow('stop');
  });

  it('lets others have their turn between files', async () => {
    const home = newHome();
    for (let i = 0; i < 4; i++) putModel(join(home, `.lmstudio/models/a/b/m${i}.gguf`));
    let turns = 0;
    const shares: number[] = [];
    let going = true;
    const tick = () => {
      turns++;
      if (going) setImmediate(tick);
    };
    setImmediate(tick);
    await search(home, { progress: () => shares.push(turns) });
    going = false;
    for (const [i, at] of shares.entries()) if (i > 0) expect(at).toBeGreaterThan(shares[i - 1]);
  });

  it('leaves every file as it is', async () => {
    const home = newHome();
    putOllama(join(home, '.ollama/models'), 'registry.ollama.ai/library/a/b', { params: {} });
    putHub(join(home, '.cache/huggingface/hub'), 'someone/some', 'a.gguf');
    const state = () => (readdirSync(home, { recursive: true }) as string[]).sort().map((name) => {
      const stat = statSync(join(home, name));
      return [name, stat.mtimeMs, stat.isFile() ? readFileSync(join(home, name)).toString('latin1') : ''];
    });
    const before = state();
    await search(home);
    expect(state()).toEqual(before);
  });

  it('is that of this computer', async () => {
    const computer = thisComputer();
    expect(computer.available).toBeGreaterThan(0);
    await expect(findModels({ ...computer, home: newHome(), env: {} })).resolves.toMatchObject({ models: expect.any(Array) as unknown });
  });
});

describe('deltallm models', () => {
  it('says of each what it is, where it lies and whether it can be used, on lines that nothing breaks', async () => {
    const home = newHome();
    putOllama(join(home, '.ollama/models'), 'registry.ollama.ai/library/a/b');
    putModel(join(home, '.lmstudio/models/x/y/bad\n\u001b[31m.gguf'), { name: 'bad\u001b[31m', metadata: [['general.architecture', 'string', 'mamba']] });
    const found = await search(home, { available: PLENTY });
    const text = modelsText({ ...found, unreadable: ['/closed'], cut: true }).replaceAll(base, '');
    expect(text.split('\n')).toEqual([
      expect.stringMatching(/^a:b {2}\(Ollama, llama, 0 M parameters, F16, 0 MB, \d+ tokens\)$/), expect.stringMatching(/^ {2}\/home \d+\/\.ollama\/models\/blobs\/sha256-a+$/), '  Can be used: chats, completes code.', '',
      expect.stringMatching(/^bad \[31m {2}\(LM Studio, mamba, /), expect.stringMatching(/^ {2}.*bad \[31m\.gguf$/), expect.stringMatching(/^ {2}Cannot be used: The model architecture "mamba" is not supported/), '',
      '2 models, 1 of them can be used.', '/closed cannot be read by this user.', 'There are more files than were looked at.', '',
    ]);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f]/);
    const json = JSON.parse(modelsJson(found)) as { models: { refused: { sentence: string } | null }[] };
    expect(json.models.map(({ refused }) => refused?.sentence)).toEqual([undefined, expect.stringContaining('mamba') as string]);
  });

  it('says where there is none', () => expect(modelsText({ models: [], unreadable: [], cut: false })).toBe('No model files of other programs were found on this computer.\n'));
});
