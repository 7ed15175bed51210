// The page of models, its host's side: real model files in a folder of its own, a server of ours, and a stand-in for VS Code.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downloadWith } from '../../src/download/download.ts';
import { fromModels } from '../../src/editor/models/fromModels.ts';
import { curated } from '../../src/editor/models/curated.ts';
import { modelsOnDemand, MODELS_VIEW, type Models } from '../../src/editor/models/onDemand.ts';
import { startModels, type ModelsNeeds } from '../../src/editor/models/models.ts';
import { SettingsReader } from '../../src/editor/settings.ts';
import { readOffer } from '../../src/model/found/readOffer.ts';
import { MODELS_PROTOCOL, type FromModels, type ModelsState, type ToModels } from '../../src/shared/modelsProtocol.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { predictedSpeed } from '../../src/session/machineSpeed.ts';
import { EventEmitter, fake, fakeWebviewView, Uri, window } from '../support/fakeVscode.ts';
import { fileServer, sha256, type FileServer, type ServerRules } from '../support/fileServer.ts';
import { PLENTY, putModel } from '../support/modelHomes.ts';
import { until } from '../support/until.ts';

const base = mkdtempSync(join(tmpdir(), 'deltallm-editorModels-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const small = curated[0];
const bytes = readFileSync(putModel(join(base, 'small.gguf'), { name: 'Small', chat: false }));

let storage: string;
let models: Models;
let page: ReturnType<typeof fakeWebviewView>;
let available: number;
let loads: string[];
let asked: { name: string; options: unknown }[];
let found: string[];
let downloadLoads: number;
let forgotten: number;
let forgottenKeys: number;
/** Where text goes besides, and who hears that it has changed. */
let goes: string[];
let tellServer: () => void;
let server: FileServer | undefined;
const slots = { completion: { state: 'off', model: null, progress: 0, error: null as DeltaError | null }, chat: { state: 'off', model: null, progress: 0, error: null as DeltaError | null } };
const changes = new EventEmitter<void>();
const memento = new Map<string, unknown>();

const runtime = {
  slot: (role: 'completion' | 'chat') => slots[role],
  loadNow: async (role: string) => void loads.push(role),
  onDidChange: changes.event,
  onDidChangeChat: changes.event,
  askWorker: async (name: string, options: { path?: string; plan?: never }) => {
    asked.push({ name, options });
    if (name === 'lookAtModel') return readOffer(options.path || join(base, 'small.gguf'), available, {}, options.plan);
    if (name === 'findModels') return { models: await Promise.all(found.map(async (path) => ({ ...(await readOffer(path, available, {}, options.plan)), program: 'Ollama' }))), unreadable: ['/root/models'], cut: false };
    if (name === 'measureMachine') return { bytes: 10e9, multiplyAdds: 100e9, kernels: 'avx2', available };
    return { bytes: 1_200_000 };
  },
};

beforeEach(() => {
  fake.reset();
  storage = mkdtempSync(join(base, 'storage-'));
  Object.assign(slots.completion, { state: 'off', error: null });
  [available, loads, asked, found, downloadLoads, forgotten, forgottenKeys, server, goes] = [PLENTY, [], [], [], 0, 0, 0, undefined, []];
  memento.clear();
  const needs: ModelsNeeds = {
    runtime: runtime as never, settings: new SettingsReader(window.createOutputChannel() as never), log: window.createOutputChannel() as never,
    extensionUri: Uri.file('/extension') as never, globalStorageUri: Uri.file(storage) as never, storageUri: undefined,
    states: [{ keys: () => [...memento.keys()], update: async (key: string) => void memento.delete(key), get: () => undefined } as never],
    loadDownload: () => {
      downloadLoads++;
      return (request, hear, stop) => downloadWith({ restMs: 1, silenceMs: 60_000 }, request, hear, stop);
    },
    forgetConversations: async () => void forgotten++,
    forgetKey: async () => void forgottenKeys++,
    server: { get sentences() { return goes; }, onDidChange: (heard: () => void) => (tellServer = heard, { dispose: () => {} }) },
  };
  models = modelsOnDemand(needs, () => startModels);
});
afterEach(async () => {
  await models.close();
  models.dispose();
  await server?.close();
});

const shown = (): ModelsState => (page.posted.at(-1) as Extract<ToModels, { type: 'state' }>).state;
const say = (message: FromModels): void => page.say(message);
const row = (name: string) => shown().models.find((model) => model.name === name)!;
const offer = (id = small.file) => shown().downloads.find((download) => download.id === id);
const own = (file: string) => join(storage, 'models', file);

async function open(): Promise<void> {
  page = fakeWebviewView();
  fake.webviewProviders.get(MODELS_VIEW)!.resolveWebviewView(page.view);
  say({ type: 'hello', protocol: MODELS_PROTOCOL });
  await until(() => expect(shown().disk).toHaveLength(3));
}

async function serve(rules: ServerRules = {}): Promise<FileServer> {
  server = await fileServer(bytes, rules);
  fake.set('deltallm.models.mirror', `http://${server.host}/`);
  return server;
}

describe('the page', () => {
  it('shows the embedded model, what it needs and gives, and what lies on the disk, and asks nothing of the network', async () => {
    await open();
    expect(shown().models).toMatchObject([{ name: 'Small', origin: 'Comes with DeltaLLM', used: ['completion'], can: ['completion'], refused: '', removable: false }]);
    expect(row('Small').fit).toMatch(/^Needs \d\d MB of memory, \d.* are free\. Reads more than 2000 and writes more than 200 tokens a second here\.$/);
    expect(shown().uses).toMatchObject([{ role: 'completion', name: 'Small', state: 'waiting' }, { role: 'chat', state: 'none', name: '' }]);
    expect(shown().downloads.map(({ name, state }) => [name, state])).toEqual(curated.map(({ name }) => [name, 'offered']));
    expect(shown().downloads.every(({ licence, purpose, size }) => licence && purpose && / [GM]B$/.test(size))).toBe(true);
    expect([downloadLoads, shown().source]).toEqual([0, 'huggingface.co']);
  });

  it('says where text goes besides, as soon as that changes', async () => {
    await open();
    expect(shown().server).toBe('');
    goes = ['What you write goes to team.example.', 'It rests.'];
    tellServer();
    await until(() => expect(shown().server).toBe('What you write goes to team.example. It rests.'));
  });

  it('is refused messages that are none', async () => {
    await open();
    const before = asked.length;
    for (const message of [null, 7, { type: 'use' }, { type: 'use', role: 'other', id: 'x' }, { type: 'drop', uris: [7] }, { type: 'drop', uris: Array.from({ length: 21 }, () => 'file:///a') }, { type: 'remove', id: 'x'.repeat(201) }, { type: '__proto__' }]) page.say(message);
    await new Promise((done) => setTimeout(done, 20));
    expect(asked.length).toBe(before);
    expect(fake.logLines.filter((line) => line.includes('a message that is none'))).toHaveLength(8);
    fc.assert(fc.property(fc.anything(), (message) => {
      const read = fromModels(message);
      return read === null || Object.keys(read).every((key) => ['type', 'protocol', 'uris', 'role', 'id'].includes(key));
    }));
  });

  it('says why a role’s model failed', async () => {
    await open();
    Object.assign(slots.completion, { state: 'failed', error: new DeltaError('ggufTruncated', '/m/x.gguf', 'y') });
    changes.fire();
    await until(() => expect(shown().uses[0]).toMatchObject({ state: 'failed', sentence: '/m/x.gguf is cut short: download it again.' }));
  });
});

describe('a model of this computer', () => {
  it('is found, and used for one role or the other', async () => {
    found = [putModel(join(base, 'both.gguf'), { name: 'Both' })];
    await open();
    say({ type: 'find' });
    await until(() => expect(row('Both')).toMatchObject({ origin: 'Ollama', can: ['completion', 'chat'], used: [] }));
    say({ type: 'use', role: 'chat', id: row('Both').id });
    await until(() => expect(loads).toEqual(['chat']));
    expect([fake.settings['deltallm.chat.model'], fake.settings['deltallm.model.path']]).toEqual([found[0], undefined]);
    say({ type: 'use', role: 'completion', id: row('Both').id });
    await until(() => expect(row('Both').used).toEqual(['completion', 'chat']));
    expect(fake.settings['deltallm.model.path']).toBe(found[0]);
    say({ type: 'use', role: 'completion', id: row('Small').id });
    await until(() => expect(row('Small').used).toEqual(['completion']));
    expect(fake.settings['deltallm.model.path'] ?? '').toBe('');
    expect(fake.logLines.join()).toContain('/root/models cannot be read');
  });

  it('that does not fit by now is not used, and that is said', async () => {
    found = [putModel(join(base, 'both.gguf'), { name: 'Both' })];
    await open();
    say({ type: 'find' });
    await until(() => expect(row('Both').refused).toBe(''));
    available = 1e6;
    say({ type: 'use', role: 'chat', id: row('Both').id });
    await until(() => expect(shown().note).toMatch(/^Both needs 0\.\d\d GB of memory but only 1\.0 MB are free: close something, or choose a smaller model\.$/));
    expect(row('Both')).toMatchObject({ can: [], refused: shown().note });
    expect([loads, fake.settings['deltallm.chat.model']]).toEqual([[], undefined]);
  });

  it('is judged by the context, mode and cache that the settings ask for', async () => {
    fake.settings = { 'deltallm.completions.promptTokens': 4096, 'deltallm.mode': 'exact', 'deltallm.cacheMegabytes': 512 };
    await open();
    expect(asked[0].options).toEqual({ path: '', plan: { context: 4096, attention: 'dense', cacheBytes: 512e6 } });
    const needs = async (plan: { context: number; attention: 'dense' | 'delta'; cacheBytes: number }) => (await readOffer(join(base, 'small.gguf'), PLENTY, {}, plan)).needs!.cache;
    const [one, exact, little] = [await needs({ context: 100, attention: 'delta', cacheBytes: 1e9 }), await needs({ context: 100, attention: 'dense', cacheBytes: 1e9 }), await needs({ context: 100, attention: 'dense', cacheBytes: 10 })];
    expect([exact, little]).toEqual([4 * one, 10]);
  });

  it('is listed where the user chooses or drops it, with the reason where it cannot be used, and where a setting names it', async () => {
    await open();
    const broken = join(base, 'broken.gguf');
    writeFileSync(broken, bytes.subarray(0, 2000));
    fake.dialog = Uri.file(putModel(join(base, 'chosen.gguf'), { name: 'Chosen' }));
    say({ type: 'chooseFile' });
    say({ type: 'drop', uris: [`file://${broken}`, 'https://example.org/x.gguf'] });
    await until(() => expect(shown().models).toHaveLength(3));
    expect(row('Chosen')).toMatchObject({ origin: 'Chosen by you', removable: false });
    expect(shown().models.find(({ refused }) => refused !== '')!.refused).toMatch(/is cut short: download it again\.$/);
    fake.set('deltallm.model.path', putModel(join(base, 'named.gguf'), { name: 'Named' }));
    await open();
    await until(() => expect(row('Named')).toBeDefined());
    expect(row('Named')).toMatchObject({ origin: 'Chosen by you', used: ['completion', 'chat'] });
  });
});

describe('a download', () => {
  it('begins with a click, comes from the mirror, is checked, and is a model of this computer then', async () => {
    const { requests } = await serve();
    await open();
    expect([downloadLoads, requests]).toEqual([0, []]);
    say({ type: 'download', id: small.file });
    await until(() => expect(shown().models.map(({ origin }) => origin)).toEqual(['Comes with DeltaLLM', 'Downloaded']));
    expect([downloadLoads, requests]).toEqual([1, [`GET /${small.repository}/resolve/main/${small.file}`, 'GET /store']]);
    expect(shown().note).toBe(`${small.name} is here, and its SHA-256 is the one that ${server!.host} names.`);
    expect(readFileSync(own(small.file)).equals(bytes)).toBe(true);
    expect(JSON.parse(readFileSync(own(`${small.file}.json`), 'utf8'))).toEqual({ sha256: sha256(bytes), bytes: bytes.length, compared: true, url: `http://${server!.host}/${small.repository}/resolve/main/${small.file}` });
    expect(offer()).toBeUndefined();
  });

  it('says so where the server names no SHA-256', async () => {
    await serve({ stated: null });
    await open();
    say({ type: 'download', id: small.file });
    await until(() => expect(shown().note).toBe(`${small.name} is here. ${server!.host} names no SHA-256, so nothing was compared; that of the file is ${sha256(bytes)}.`));
  });

  it('shows how far it is, and leaves nothing when it is cancelled', async () => {
    await serve({ stallAfter: 5000 });
    await open();
    say({ type: 'download', id: small.file });
    await until(() => expect(offer()).toMatchObject({ state: 'downloading', share: 5000 / bytes.length }));
    say({ type: 'cancel', id: small.file });
    await until(() => expect(offer()).toMatchObject({ state: 'offered', sentence: '' }));
    expect(readdirSync(join(storage, 'models'))).toEqual([]);
  });

  it('pauses when the window closes, and goes on in the next one', async () => {
    await serve({ stallAfter: 5000 });
    await open();
    say({ type: 'download', id: small.file });
    await until(() => expect(offer()!.share).toBeGreaterThan(0));
    await models.close();
    expect(readdirSync(join(storage, 'models')).sort()).toEqual([`${small.file}.part`, `${small.file}.part.json`]);
    server!.rules = {};
    await open();
    expect(offer()).toMatchObject({ state: 'begun' });
    say({ type: 'download', id: small.file });
    await until(() => expect(shown().models).toHaveLength(2));
    expect(server!.requests.at(-1)).toBe('GET /store bytes=5000-');
  });

  it.each<[string, ServerRules, RegExp]>([
    ['has another SHA-256', { stated: '0'.repeat(64) }, /did not arrive as .* was removed: download it again\.$/],
    ['is refused', { status: 503 }, /does not give the file \(503\): try again later/],
  ])('that %s is a sentence at its row', async (_, rules, sentence) => {
    await serve(rules);
    await open();
    say({ type: 'download', id: small.file });
    await until(() => expect(offer()!.sentence).toMatch(sentence));
    expect(existsSync(own(small.file))).toBe(false);
    expect(fake.messages).toEqual([]);
  });

  it('is not begun by a mirror that is no address, nor by a name that nobody offers', async () => {
    fake.settings = { 'deltallm.models.mirror': 'file:///models' };
    await open();
    say({ type: 'download', id: small.file });
    say({ type: 'download', id: '../../x.gguf' });
    await until(() => expect(offer()!.sentence).toBe('The setting "deltallm.models.mirror" is no address of a server.'));
    expect(downloadLoads).toBe(0);
  });
});

describe('what was downloaded', () => {
  const download = async () => {
    await serve();
    await open();
    say({ type: 'download', id: small.file });
    await until(() => expect(shown().models).toHaveLength(2));
  };
  const downloaded = () => shown().models.find(({ removable }) => removable)!;

  it('is deleted when the user says so twice, and used no longer; what is somebody else’s is not', async () => {
    await download();
    say({ type: 'use', role: 'completion', id: downloaded().id });
    await until(() => expect(downloaded().used).toEqual(['completion']));
    say({ type: 'remove', id: shown().models[0].id });
    say({ type: 'remove', id: downloaded().id });
    await until(() => expect(fake.messages).toHaveLength(1));
    expect(existsSync(own(small.file))).toBe(true);
    fake.click = 'Delete';
    say({ type: 'remove', id: downloaded().id });
    await until(() => expect(shown().models).toHaveLength(1));
    expect(readdirSync(join(storage, 'models'))).toEqual([]);
    expect([fake.settings['deltallm.model.path'] ?? '', offer()!.state]).toEqual(['', 'offered']);
  });

  it('stands in the list to carry by hand with its bytes and SHA-256, the others with where they are shown', async () => {
    await download();
    say({ type: 'copyList' });
    await until(() => expect(fake.clipboard).not.toBe(''));
    for (const { name, file, repository, licence } of curated) for (const text of [name, `File: ${file}`, `Address: http://${server!.host}/${repository}/resolve/main/${file}`, `Licence: ${licence}`]) expect(fake.clipboard).toContain(text);
    expect(fake.clipboard).toContain(`Size: ${bytes.length} bytes\n  SHA-256: ${sha256(bytes)}\n`);
    expect(fake.clipboard.match(/SHA-256: not known here; the page of the file at/g)).toHaveLength(curated.length - 1);
  });

  it('goes with everything else that is ours, and with nothing that is not', async () => {
    await download();
    const theirs = join(storage, 'models', 'theirs.txt');
    const elsewhere = putModel(join(base, 'elsewhere.gguf'));
    writeFileSync(theirs, 'x');
    memento.set('key', 1);
    fake.set('deltallm.chat.model', elsewhere);
    fake.set('deltallm.model.path', own(small.file));
    void fake.commands.get('deltallm.removeAllData')!();
    await until(() => expect(fake.messages).toHaveLength(1));
    expect(fake.messages[0].buttons).toEqual([expect.objectContaining({ modal: true, detail: expect.stringContaining('This cannot be undone.') as string }), 'Remove']);
    expect(existsSync(own(small.file))).toBe(true);
    fake.click = 'Remove';
    say({ type: 'removeAll' });
    await until(() => expect(shown().note).toBe('Everything was removed.'));
    expect([existsSync(own(small.file)), existsSync(elsewhere), memento.size, forgotten, forgottenKeys]).toEqual([false, true, 0, 1, 1]);
    expect(asked).toContainEqual({ name: 'shelf', options: { clear: true } });
    expect([fake.settings['deltallm.model.path'] ?? '', fake.settings['deltallm.chat.model']]).toEqual(['', elsewhere]);
  });
});

it('a prediction follows from what was measured', () => {
  expect(predictedSpeed({ bytes: 10e9, multiplyAdds: 100e9, kernels: 'avx2' }, 1e9, 1e9)).toEqual({ reads: 85, writes: 8.5 });
});
