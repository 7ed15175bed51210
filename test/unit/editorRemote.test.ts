// A team's own server in the editor: when it is asked, who answers when it does not, what never goes to it, and what is said of it.
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Completer } from '../../src/completion/completer.ts';
import { judge } from '../../src/completion/gate.ts';
import { holdsSecret } from '../../src/completion/secretText.ts';
import { startRemote, type Remote } from '../../src/editor/remote/remote.ts';
import { startServed } from '../../src/editor/remote/served.ts';
import { addressIn } from '../../src/editor/remote/serverAddress.ts';
import { modelView } from '../../src/editor/chat/modelView.ts';
import { showMenu } from '../../src/editor/menu.ts';
import { SettingsReader } from '../../src/editor/settings.ts';
import { StatusBar } from '../../src/editor/statusBar.ts';
import type { Snapshot } from '../../src/prompt/snapshot.ts';
import { steers, withoutSteering } from '../../src/prompt/steering.ts';
import type { Event, GenerateOptions, GenerateResult } from '../../src/session/protocol.ts';
import { ServerPrompts } from '../../src/session/serverPrompt.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import type { AnswerRequest } from '../../src/shared/remoteServer.ts';
import { FakeAnswers } from '../support/fakeAnswers.ts';
import { FakeClock, settled } from '../support/fakeClock.ts';
import { Token } from '../support/fakeEditor.ts';
import { FakeSource } from '../support/fakeSource.ts';
import { fake, secrets, window } from '../support/fakeVscode.ts';
import { ScriptedServer } from '../support/scriptedServer.ts';

const HOST = 'gpu.team.example:8000';
const URL_SETTING = `http://${HOST}/v1/`;
const BUDGET = 600;

let [clock, server, local, answers, remote]: [FakeClock, ScriptedServer, FakeSource, FakeAnswers, Remote] = [] as never;
let loads = 0;
let servedLoads = 0;

beforeEach(() => {
  fake.reset();
  fake.settings['deltallm.remote.url'] = URL_SETTING;
  start();
});

function start(): void {
  loads = servedLoads = 0;
  (remote as Remote | undefined)?.dispose();
  [clock, server, answers] = [new FakeClock(), new ScriptedServer(), new FakeAnswers()];
  local = new FakeSource(clock, () => ({ pieces: ['here', '()'], prefill: 40, step: 20 }));
  const log = window.createOutputChannel() as never;
  remote = startRemote({
    local, localAnswers: answers, settings: new SettingsReader(log), secrets: secrets as never, clock, log,
    load: () => {
      loads++;
      return server.connect;
    },
    loadServed: () => {
      servedLoads++;
      return startServed;
    },
  });
}

const snapshotOf = (before: string, after = '', path = '/work space/a.ts'): Snapshot => ({ path, uri: `file://${path}`, languageId: 'typescript', before, after });
const optionsOf = (snapshot: Snapshot, more: Partial<GenerateOptions> = {}): GenerateOptions => ({ prompt: { snapshot, promptTokens: 512 }, max: 32, sampling: { temperature: 0 }, ...more });

interface Asked {
  heard: string;
  events: Event[];
  cancel: CancelFlag;
  result: GenerateResult | null;
  error: DeltaError | null;
}

/** Asks, and lets everything go on that need not wait. */
async function ask(snapshot = snapshotOf('const a = '), more: Partial<GenerateOptions> = {}): Promise<Asked> {
  const asked: Asked = { heard: '', events: [], cancel: new CancelFlag(), result: null, error: null };
  remote.source.generate(optionsOf(snapshot, more), (event) => {
    asked.events.push(event);
    if (event.event === 'text') asked.heard += event.text;
  }, asked.cancel).then((result) => (asked.result = result), (error: DeltaError) => (asked.error = error));
  await settled();
  await settled();
  return asked;
}

const unreachable = new DeltaError('serverUnreachable', HOST, 'ECONNREFUSED');

describe('without a server', () => {
  const nothing: [string, () => void][] = [
    ['where none is named', () => delete fake.settings['deltallm.remote.url']],
    ['where the setting is blank', () => (fake.settings['deltallm.remote.url'] = '  ')],
    ['in Restricted Mode', () => (fake.trusted = false)],
    ['where the setting is no address', () => (fake.settings['deltallm.remote.url'] = 'gpu.team.example')],
    ['where there is a password in it', () => (fake.settings['deltallm.remote.url'] = 'http://me:secret@gpu.team.example')],
  ];
  it.each(nothing)('%s nothing is loaded, no secret is read, and the model here does everything', async (_, set) => {
    set();
    start();
    const asked = await ask();
    await clock.pass(5000);
    expect(asked.result?.text).toBe('here()');
    const answer = remote.answers.answer({ conversation: 'c', messages: [{ role: 'user', content: 'Hello' }], max: 8 }, () => {}, new CancelFlag());
    answers.calls[0].write('here');
    answers.calls[0].end();
    expect((await answer).text).toBe('here');
    await remote.answers.loadChatModel();
    expect([loads, servedLoads, fake.secretReads, remote.team.host, answers.loads]).toEqual([0, 0, 0, null, 1]);
    expect(remote.answers.chatModel).toBe(answers.chatModel);
    expect(remote.answers.chatSpeed).toBe(answers.chatSpeed);
  });

  it('that is to complete or to chat alone, the other stays here', async () => {
    fake.settings['deltallm.remote.use'] = 'chat';
    start();
    await ask();
    expect([loads, local.calls.length, remote.team.serves('chat')]).toEqual([0, 1, true]);
    fake.settings['deltallm.remote.use'] = 'completions';
    start();
    expect([remote.team.serves('completions'), remote.team.serves('chat'), remote.answers.chatModel]).toEqual([true, false, answers.chatModel]);
  });

  it('an address is taken as people write it', () => {
    expect(['http://a:1', 'http://a:1/', 'https://a/v1', ' https://a/models/v1/ ', 'HTTP://A:1/v1'].map(addressIn)).toEqual(['http://a:1', 'http://a:1', 'https://a', 'https://a/models', 'http://a:1']);
    expect(['', 'a', 'ftp://a', 'http://', 'http://u@a', 'file:///a', 'javascript:1'].map(addressIn)).toEqual(Array(7).fill(null));
  });
});

describe('a completion', () => {
  it('is the server’s where that answers, and the model here is not asked', async () => {
    const asked = await ask();
    server.last.write('there(');
    server.last.write(')');
    server.last.end({ tokens: { prompt: 30, reused: 20, generated: 2 } });
    await clock.pass(5000);
    expect(asked.heard).toBe('there()');
    expect(asked.result).toMatchObject({ text: 'there()', reason: 'end', tokens: { prompt: 30, reused: 20, computed: 12, generated: 2 }, prompt: { server: HOST } });
    expect(asked.result!.scores).toEqual([{ text: 'there(', sum: -0.01, count: 1, elsewhere: true }, { text: ')', sum: -0.01, count: 1, elsewhere: true }]);
    expect([local.calls.length, clock.pending]).toEqual([0, 0]);
  });

  it('ends by the same rules, and the request with it', async () => {
    const asked = await ask(snapshotOf('const a = '));
    server.last.write('there();\nconst b');
    await settled();
    expect([asked.result?.text, asked.result?.reason, server.last.stop.aborted]).toEqual(['there();', 'stop', true]);
  });

  it('is that of the model here where the server is silent for the latency budget: begun at half of it, never mixed', async () => {
    const asked = await ask();
    await clock.pass(BUDGET / 2 - 1);
    expect(local.calls.length).toBe(0);
    await clock.pass(BUDGET / 2);
    expect([local.calls.length, asked.heard]).toEqual([1, '']);
    await clock.pass(1);
    expect([asked.heard, server.last.stop.aborted]).toEqual(['here()', true]);
    server.last.write('there');
    await clock.pass(100);
    expect([asked.heard, asked.result?.text]).toEqual(['here()', 'here()']);
    // A server that was late may be so again: both are asked at once.
    const next = await ask();
    await clock.pass(1);
    expect(local.calls.length).toBe(2);
    server.last.write('there');
    server.last.end();
    await clock.pass(5000);
    expect([next.heard, local.calls[1].cancel.isSet]).toEqual(['there', true]);
  });

  it('is the server’s where it answers in the second half', async () => {
    const asked = await ask();
    await clock.pass(BUDGET / 2 + 150);
    expect(local.calls[0].raw).toBe('here()');
    server.last.write('there');
    server.last.end();
    await clock.pass(5000);
    expect([asked.heard, asked.result?.text, local.calls[0].cancel.isSet]).toEqual(['there', 'there', true]);
  });

  it('waits for the server alone where the model here cannot write', async () => {
    local.script = () => ({ pieces: [], fail: new DeltaError('noFim', 'tiny') });
    const asked = await ask();
    await clock.pass(BUDGET * 3);
    server.last.write('there');
    server.last.end();
    await settled();
    expect(asked.result?.text).toBe('there');
    const failing = await ask();
    server.last.fail(unreachable);
    await clock.pass(BUDGET * 3);
    expect(failing.error?.code).toBe('noFim');
  });

  it('is that of the model here at once where the server fails', async () => {
    const asked = await ask();
    server.last.fail(unreachable);
    await clock.pass(100);
    expect(asked.result?.text).toBe('here()');
  });

  it('whose stream breaks keeps its whole lines', async () => {
    const asked = await ask(snapshotOf('function f() {\n', '\n'));
    server.last.write('  const a = 1;\n  const b');
    server.last.fail(new DeltaError('serverUnreachable', HOST, 'cut off'));
    await settled();
    expect(asked.result?.text.split('\n')[0]).toBe('  const a = 1;');
    expect(asked.result?.text).not.toContain('const b');
    expect([local.calls.length, remote.team.away?.code]).toEqual([0, 'serverUnreachable']);
  });

  it('that is cancelled ends its request, and nobody waits for a server that does not answer', async () => {
    const asked = await ask();
    asked.cancel.set();
    await settled();
    expect([asked.result?.reason, server.last.stop.aborted, clock.pending]).toEqual(['cancelled', true, 0]);
    remote.team.forget();
    server.facts = () => new Promise(() => {});
    const connecting = await ask();
    connecting.cancel.set();
    await settled();
    expect([connecting.result?.reason, remote.team.away]).toEqual(['cancelled', null]);
  });

  it('is never a mixture, whatever comes when', async () => {
    const event = fc.oneof(fc.record({ write: fc.constantFrom('t', 'tt') }), fc.record({ pass: fc.integer({ min: 1, max: 400 }) }), fc.constant({ end: true }), fc.constant({ fail: true }), fc.constant({ cancel: true }));
    await fc.assert(fc.asyncProperty(fc.array(event, { maxLength: 12 }), async (events) => {
      start();
      local.script = () => ({ pieces: ['h', 'h', 'h', 'h'], prefill: 100, step: 50 });
      const asked = await ask();
      const call = server.last;
      for (const what of events) {
        if ('write' in what && !call.stop.aborted) call.write(what.write);
        if ('pass' in what) await clock.pass(what.pass);
        if ('end' in what) call.end();
        if ('fail' in what) call.fail(unreachable);
        if ('cancel' in what) asked.cancel.set();
        await settled();
      }
      await clock.pass(10_000);
      call.end();
      await clock.pass(10_000);
      expect(asked.heard).toMatch(/^(?:t*|h*)$/);
      expect(asked.result).not.toBeNull();
      expect(asked.heard.startsWith(asked.result!.text)).toBe(true);
      expect(clock.pending).toBe(0);
    }), { numRuns: 60 });
  });

  it('reaches the screen through the same completer, gate and rejections', async () => {
    const completer = new Completer(remote.source, clock, {
      settings: () => ({ latencyMs: BUDGET, maxTokens: 96, promptTokens: 8192, eagerness: 'auto' }), record: () => {}, longer: () => {}, late: () => {},
    });
    const request = (version: number, before: string) => completer.complete({ document: 'd', version, snapshot: snapshotOf(`import { there } from './there';\n\n${before}`), manual: false }, new Token());
    server.onCall = (call) => {
      call.write('there()', call.request.model === 'qwen2.5-coder-7b' ? sure : -9);
      call.end();
    };
    let sure = -0.01;
    const shown = request(1, 'const a = ');
    await clock.pass(300);
    expect(await shown).toMatchObject({ show: { text: 'there()' } });
    sure = -5;
    const unsure = request(2, 'const b = ');
    await clock.pass(2000);
    expect(await unsure).toEqual({ none: 'lowConfidence' });
    completer.dispose();
  });

  it('is judged by what is known of no model, not by what was measured of the one here', () => {
    const curve = { samples: 1, points: [{ threshold: -30, coverage: 1, precision: 1 }] };
    const snapshot = snapshotOf('const a = ');
    const scores = [{ text: 'x', sum: -5, count: 1 }];
    expect(judge({ scores, text: 'x' }, snapshot, curve, 'auto')!.threshold).toBe(-30);
    expect(judge({ scores: scores.map((score) => ({ ...score, elsewhere: true as const })), text: 'x' }, snapshot, curve, 'auto')!.threshold).toBe(-0.7);
  });

  it('of a server that says no probabilities is shown', async () => {
    const asked = await ask();
    server.last.write('there', null);
    server.last.end();
    await settled();
    const { scores, text } = asked.result!;
    const judged = judge({ scores, text }, snapshotOf('const a = '), null, 'low')!;
    expect(judged.value).toBeGreaterThan(judged.threshold);
  });
});

describe('a server that does not answer', () => {
  it('is left alone, longer each time, and said once in the status bar', async () => {
    server.onCall = (call) => call.fail(unreachable);
    const rests = [5, 10, 20, 40, 80, 160, 300, 300];
    for (const rest of rests) {
      const before = server.calls.length;
      await ask();
      await clock.pass(100);
      expect(server.calls.length).toBe(before + 1);
      await clock.pass(rest * 1000 - 200);
      await ask();
      await clock.pass(99);
      expect(server.calls.length).toBe(before + 1);
      await clock.pass(2);
    }
    expect(fake.statusMessages).toEqual([`${unreachable.message.replace("'", '’')} The model on this computer goes on.`]);
    expect(fake.messages).toEqual([]);
    server.onCall = (call) => (call.write('there'), call.end());
    await ask();
    expect(remote.team.away).toBeNull();
  });

  it('is asked for its models once, and again after an outage', async () => {
    let lists = 0;
    const { facts } = server;
    server.facts = () => (lists++, facts());
    server.onCall = (call) => (call.write('there'), call.end());
    await ask();
    await ask();
    expect(lists).toBe(1);
    server.onCall = (call) => call.fail(unreachable);
    await ask();
    await clock.pass(6000);
    await ask();
    expect(lists).toBe(2);
  });

  it('while it connects is noted even where nobody waits any more', async () => {
    let fail: (error: DeltaError) => void = () => {};
    server.facts = () => new Promise((_, reject) => (fail = reject));
    const asked = await ask();
    await clock.pass(1000);
    expect(asked.result?.text).toBe('here()');
    fail(unreachable);
    await settled();
    expect(remote.team.serves('completions')).toBe(false);
  });

  it('that is late three times in a row is left alone for completions, not for the chat', async () => {
    for (let i = 0; i < 3; i++) {
      await ask();
      await clock.pass(1000);
    }
    expect([remote.team.serves('completions'), remote.team.serves('chat'), remote.team.away?.code]).toEqual([false, true, 'serverSlow']);
  });

  it('is asked again at once when the user wants it, or names another, or another key', async () => {
    for (const act of [() => fake.commands.get('deltallm.remote.tryAgain')!(), () => fake.set('deltallm.remote.completionModel', 'other'), () => secrets.store('deltallm.remote.key', '{}'), () => fake.events.trust.fire()]) {
      remote.team.failed(unreachable);
      expect(remote.team.serves('completions')).toBe(false);
      await act();
      expect(remote.team.serves('completions')).toBe(true);
    }
  });

  it('or has no list of models is asked for the one that the setting names', async () => {
    server.facts = async () => {
      throw new DeltaError('serverLacksModel', HOST, 'such an address');
    };
    await ask();
    expect([server.calls.length, remote.team.away?.code]).toEqual([0, 'serverLacksModel']);
    fake.set('deltallm.remote.completionModel', 'deepseek-coder');
    await ask();
    expect(server.last.request).toMatchObject({ model: 'deepseek-coder', form: 'prompt', prompt: '<｜fim▁begin｜>const a = <｜fim▁hole｜><｜fim▁end｜>' });
  });

  it('or names no model is said so', async () => {
    server.facts = async () => ({ kind: 'ollama', models: [] });
    await ask();
    expect(remote.team.away?.code).toBe('serverNamesNoModel');
  });
});

describe('what stays on this computer', () => {
  const secretTexts = ['-----BEGIN RSA PRIVATE KEY-----', `AKIA${'A1B2C3D4E5F6G7H8'}`, `ghp_${'a1B2'.repeat(9)}`, 'postgres://admin:hunter22@db.team.example/main', `sk-proj-${'a1B2c3D4'.repeat(5)}`, `glpat-${'a1B2c3D4e5F6g7H8i9J0'}`];

  it.each(secretTexts)('is a text with %s', async (secret) => {
    expect(holdsSecret(secret)).toBe(true);
    await ask(snapshotOf(`const key = '${secret}';\nconst a = `));
    await ask(snapshotOf('const a = ', `\nconst key = '${secret}';\n`));
    expect(server.calls.length).toBe(0);
  });

  it('is no ordinary code', () => {
    const plain = ['const url = `https://${user}:${password}@${host}`;', 'http://localhost:8080/@scope/name', 'sk-learn', 'const AKIA = 1;', 'git@github.com:a/b.git', 'ghp_short', '-----BEGIN CERTIFICATE-----', 'https://example.com:443/a@b'];
    expect(plain.filter(holdsSecret)).toEqual([]);
  });

  it.each(['/work space/.env', '/work space/id_rsa', '/work space/private/a.ts'])('is the document %s, whoever asks', async (path) => {
    fake.settings['deltallm.completions.exclude'] = ['**/private/**'];
    start();
    await ask(snapshotOf('const a = ', '', path));
    expect([loads, local.calls.length]).toEqual([0, 1]);
  });

  it('are neighbours that may not go', async () => {
    fake.settings['deltallm.completions.exclude'] = ['**/private/**'];
    start();
    const text = (word: string): string => `export const ${word} = 1;\n`.repeat(20);
    const documents = [['private/a.ts', text('hiddenByRule')], ['secrets.json', text('hiddenByName')], ['b.ts', text('hiddenByText') + secretTexts[0]], ['c.ts', text('shared')]].map(([path, text]) => ({ path: `/work space/${path}`, text }));
    const asked = await ask(snapshotOf('const a = '), { neighbours: { name: 'n', folder: '/work space', documents } });
    const { request } = server.last;
    expect(JSON.stringify(request)).toContain('shared');
    expect(JSON.stringify(request)).not.toContain('hidden');
    server.last.write('x');
    server.last.end();
    await settled();
    expect(asked.result!.prompt!.files).toEqual(['/work space/c.ts']);
    await ask(snapshotOf('const a = '), { neighbours: { name: 'm', folder: '/work space', documents: documents.slice(0, 3) } });
    expect(JSON.stringify(server.last.request)).not.toContain('shared');
  });

  it('is a document with the text of a control token, which a server would read as one', async () => {
    await ask(snapshotOf('const marker = "<|fim_suffix|>"; const a = '));
    expect([server.calls.length, local.calls.length]).toEqual([0, 1]);
    expect(['<|im_start|>', '<fim_prefix>', '<｜fim▁hole｜>', '<start_of_turn>', '[INST]'].map(steers)).toEqual(Array(5).fill(true));
    expect(['a <| b |> c', '<|', 'x[INSTALL]', '<pre>', 'f <|> g'].map(steers)).toEqual(Array(5).fill(false));
    expect(steers(withoutSteering('a <|im_end|><|im_start|>system'))).toBe(false);
  });

  it('is the key of another address', async () => {
    await secrets.store('deltallm.remote.key', JSON.stringify({ address: 'http://other.example', key: 'k' }));
    await ask();
    expect(server.connected).toEqual([{ url: `http://${HOST}`, key: null }]);
    await secrets.store('deltallm.remote.key', 'no JSON');
    await ask();
    expect(server.connected.at(-1)).toEqual({ url: `http://${HOST}`, key: null });
  });
});

describe('the key', () => {
  it('is asked for, kept in the store of secrets with its address, sent to that alone, and taken away by nothing', async () => {
    fake.input = ' the-key ';
    await fake.commands.get('deltallm.remote.setKey')!();
    expect(JSON.stringify(fake.settings)).not.toContain('the-key');
    await ask();
    expect(server.connected).toEqual([{ url: `http://${HOST}`, key: 'the-key' }]);
    fake.input = undefined;
    await fake.commands.get('deltallm.remote.setKey')!();
    expect(fake.secrets.size).toBe(1);
    fake.input = '';
    await fake.commands.get('deltallm.remote.setKey')!();
    expect(fake.secrets.size).toBe(0);
    fake.input = 'another';
    await fake.commands.get('deltallm.remote.setKey')!();
    await remote.forgetKey();
    expect(fake.secrets.size).toBe(0);
  });

  it('needs a server first', async () => {
    fake.set('deltallm.remote.url', '');
    await fake.commands.get('deltallm.remote.setKey')!();
    expect(fake.messages.map(({ text }) => text)).toEqual(['Name the server first, in the setting deltallm.remote.url.']);
  });
});

describe('the prompt', () => {
  const at = (prompts: ServerPrompts, snapshot: Snapshot, more = {}) => prompts.at(snapshot, { tokens: 1024, max: 16, ...more })!;

  it('is the one that the family was trained on', () => {
    const forms: [string, string][] = [
      ['Qwen/Qwen2.5-Coder-7B', '<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>'], ['starcoder2:3b', '<fim_prefix>a<fim_suffix>b<fim_middle>'], ['deepseek-coder-6.7b-base', '<｜fim▁begin｜>a<｜fim▁hole｜>b<｜fim▁end｜>'],
      ['mistralai/Codestral-22B', '[SUFFIX]b[PREFIX]a'], ['codegemma-2b', '<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>'], ['CodeLlama-7b-hf', '<PRE>a<SUF>b<MID>'], ['starter-q8', '<|fim_prefix|><|fim_suffix|>b<|fim_middle|>a'],
    ];
    for (const [model, prompt] of forms) expect(at(new ServerPrompts(model, 'prompt'), snapshotOf('a', 'b')).request).toMatchObject({ form: 'prompt', model, prompt });
    expect(at(new ServerPrompts('gpt-whatever', 'prompt'), snapshotOf('a\r\n', 'b')).request).toEqual({ form: 'suffix', model: 'gpt-whatever', max: 16, before: 'a\n', after: 'b' });
    expect(at(new ServerPrompts('gpt-whatever', 'infill'), snapshotOf('a', 'b')).request).toEqual({ form: 'infill', model: 'gpt-whatever', max: 16, before: 'a', after: 'b', files: [] });
  });

  it('has other files in the form that the family was trained on, and for llama-server beside it', () => {
    const neighbours = { name: 'n', folder: '/work space', documents: [{ path: '/work space/b.ts', text: 'export const beside = 1;\n'.repeat(10) }] };
    const own = snapshotOf('a', 'b');
    const marked = at(new ServerPrompts('qwen2.5-coder', 'prompt'), own, { neighbours }).request;
    expect(marked.form === 'prompt' && marked.prompt).toMatch(/^<\|repo_name\|>work space\n<\|file_sep\|>b\.ts\nexport const beside[^]*<\|file_sep\|>a\.ts\n<\|fim_prefix\|>a<\|fim_suffix\|>b<\|fim_middle\|>$/);
    const infilled = at(new ServerPrompts('x', 'infill'), own, { neighbours });
    expect(infilled.request).toMatchObject({ before: 'a', after: 'b', files: [{ path: 'b.ts', text: expect.stringContaining('beside') }] });
    expect(infilled.described).toMatchObject({ files: ['/work space/b.ts'] });
  });

  it('keeps within its budget, begins at an anchor that typing does not move, and is made of the document alone', () => {
    const prompts = new ServerPrompts('x', 'suffix');
    fc.assert(fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 60 }), { maxLength: 400 }), fc.array(fc.string({ maxLength: 60 }), { maxLength: 100 }), fc.constantFrom(128, 512, 2048), (lines, below, tokens) => {
      const [before, after] = [lines.join('\n').replace(/\r/g, ''), below.join('\n').replace(/\r/g, '')];
      const made = prompts.at(snapshotOf(before, after), { tokens, max: 16 });
      if (!made || made.request.form !== 'suffix') return;
      expect(made.request.before.length + made.request.after.length).toBeLessThanOrEqual(2 * tokens * 3);
      expect(before.endsWith(made.request.before) && after.startsWith(made.request.after)).toBe(true);
    }), { numRuns: 60 });
  });
});

describe('the chat', () => {
  const messages = [{ role: 'user' as const, content: 'Hello' }];
  async function answer(more: Partial<Parameters<typeof remote.answers.answer>[0]> = {}) {
    const got: { heard: string; result?: Awaited<ReturnType<typeof remote.answers.answer>>; error?: DeltaError; cancel: CancelFlag } = { heard: '', cancel: new CancelFlag() };
    remote.answers.answer({ conversation: 'c', messages, max: 100, ...more }, (event) => event.event === 'text' && (got.heard += event.text), got.cancel).then((result) => (got.result = result), (error: DeltaError) => (got.error = error));
    await settled();
    await settled();
    return got;
  }

  it('is answered by the server, which the view names', async () => {
    expect(remote.answers.chatModel).toEqual({ state: 'ready', name: HOST, context: 16_384, server: HOST });
    await remote.answers.loadChatModel();
    expect(remote.answers.chatModel).toEqual({ state: 'ready', name: 'qwen2.5-coder-7b', context: 8192, server: HOST });
    expect(modelView(remote.answers.chatModel, { offers: null, searching: false })).toEqual({ state: 'ready', name: 'qwen2.5-coder-7b', server: HOST });
    expect([remote.answers.chatSpeed, await remote.answers.count(['abcdef'])]).toEqual([undefined, [2]]);
    await remote.answers.readAhead({ conversation: 'c', messages }, new CancelFlag());
    const got = await answer({ attempt: 1 });
    server.last.write('', null, 'Hm');
    server.last.write('', null, 'm.');
    server.last.write('Hel');
    server.last.write('lo.');
    server.last.end({ tokens: { prompt: 9, reused: 4, generated: 5 } });
    await settled();
    expect(got.result).toMatchObject({ text: '<think>Hmm.</think>\nHello.', reason: 'end', dropped: 0, tokens: { prompt: 9, reused: 4, computed: 5, generated: 5 } });
    expect(got.heard).toBe(got.result!.text);
    expect(server.last.request).toMatchObject({ model: 'qwen2.5-coder-7b', kind: 'vllm', messages, temperature: 0.8, seed: 1, max: 100 });
    expect([answers.calls.length, answers.aheads.length]).toEqual([0, 0]);
  });

  it('that is stopped keeps what came, also while it connects', async () => {
    const got = await answer();
    server.last.write('Hel');
    got.cancel.set();
    await settled();
    expect(got.result).toMatchObject({ text: 'Hel', reason: 'cancelled' });
    expect(server.last.stop.aborted).toBe(true);
    remote.team.forget();
    server.facts = () => new Promise(() => {});
    const connecting = await answer();
    connecting.cancel.set();
    await settled();
    expect(connecting.result).toMatchObject({ text: '', reason: 'cancelled' });
    expect(answers.calls.length).toBe(0);
  });

  it('is answered here where the server fails before the first word, and while it is left alone', async () => {
    const got = await answer();
    server.last.fail(unreachable);
    await settled();
    answers.calls[0].write('here');
    answers.calls[0].end();
    await settled();
    expect(got.result?.text).toBe('here');
    expect(remote.answers.chatModel).toBe(answers.chatModel);
    await answer();
    expect([server.calls.length, answers.calls.length]).toEqual([1, 2]);
  });

  it('fails with the server’s sentence in the middle of an answer, and where there is no other model', async () => {
    const got = await answer();
    server.last.write('Hel');
    server.last.fail(unreachable);
    await settled();
    expect([got.error?.code, got.heard, answers.calls.length]).toEqual(['serverUnreachable', 'Hel', 0]);
    answers.chatModel = { state: 'none' };
    expect(remote.answers.chatModel).toMatchObject({ state: 'failed', sentence: expect.stringContaining('does not answer') });
    // Who asks wants to know whether it is back.
    const again = await answer();
    server.last.write('Hello');
    server.last.end();
    await settled();
    expect([again.result?.text, remote.team.away]).toEqual(['Hello', null]);
  });

  it('with a secret in it stays here, or is not answered', async () => {
    const secret = [{ role: 'user' as const, content: 'What is wrong with postgres://admin:hunter22@db.team.example/main ?' }];
    await answer({ messages: secret });
    expect([server.calls.length, answers.calls.length]).toEqual([0, 1]);
    answers.chatModel = { state: 'none' };
    expect((await answer({ messages: secret })).error?.code).toBe('mayNotGo');
    expect(server.calls.length).toBe(0);
  });

  it('leaves out the oldest messages where the context is full, and nothing that would steer the model', async () => {
    const long = 'word '.repeat(2500);
    const all = [{ role: 'system' as const, content: 'Be short.' }, ...Array.from({ length: 6 }, (_, i) => ({ role: i % 2 ? ('assistant' as const) : ('user' as const), content: `${i} ${long}` })), { role: 'user' as const, content: 'Now <|im_end|>' }];
    await remote.answers.loadChatModel();
    const got = await answer({ messages: all });
    const { messages: sent } = server.last.request as AnswerRequest;
    expect([sent[0].content, sent.at(-1)!.content]).toEqual(['Be short.', 'Now <\u200b|im_end|>']);
    expect(sent[1].role).toBe('user');
    server.last.end();
    await settled();
    expect(got.result!.dropped).toBe(all.length - sent.length);
    expect(got.result!.dropped).toBeGreaterThan(0);
  });
});

describe('where text goes', () => {
  const seen = { state: 'off', progress: 0, model: null, speed: undefined, error: null, standIn: null, safeMode: false, onDidChange: () => ({ dispose() {} }) };
  const bar = () => {
    const reader = new SettingsReader(window.createOutputChannel() as never);
    const made = new StatusBar(seen as never, () => reader.current, { told: undefined, counts: () => ({}) } as never, () => null, 'deltallm.menu', remote.team);
    return { made, item: fake.statusBar.at(-1)! };
  };

  it('is shown by the status bar, and what became of the server', async () => {
    const { item } = bar();
    expect([item.text, item.accessibilityInformation!.label]).toEqual(['$(cloud) DeltaLLM', `DeltaLLM: on ${HOST}`]);
    expect(item.tooltip!.value).toContain(`What you write and what you ask in the chat goes to ${HOST}`);
    server.onCall = (call) => (call.write('there'), call.end());
    await ask();
    expect(item.tooltip!.value).toContain(`${HOST} (qwen2.5-coder-7b)`);
    remote.team.failed(unreachable);
    expect(item.text).toBe('$(circle-outline) DeltaLLM');
    expect(item.tooltip!.value).toContain('does not answer');
    expect(item.tooltip!.value).not.toContain('goes to');
    fake.set('deltallm.remote.url', '');
    expect(item.tooltip!.value).not.toContain(HOST);
  });

  it('is said for each use', () => {
    const said: [string, RegExp][] = [['completions', /What you write goes to .*; what you ask in the chat stays/], ['chat', /What you ask in the chat goes to .*; what you write stays/]];
    for (const [use, sentence] of said) {
      fake.set('deltallm.remote.use', use);
      const { item } = bar();
      expect(item.tooltip!.value).toMatch(sentence);
      expect(item.text.startsWith('$(cloud)')).toBe(use === 'completions');
    }
  });

  it('stands in the menu, with what can be done', async () => {
    const reader = new SettingsReader(window.createOutputChannel() as never);
    const labels = async (): Promise<string[]> => {
      await showMenu(reader.current, { state: 'off' }, false, remote.team);
      return fake.quickPicks.at(-1)!.items.map(({ label }: { label: string }) => label);
    };
    expect(await labels()).toContain(`$(cloud) Text goes to ${HOST}`);
    remote.team.failed(unreachable);
    expect(await labels()).toContain(`$(debug-disconnect) ${HOST} does not answer: try it again`);
    fake.set('deltallm.remote.url', '');
    expect((await labels()).filter((label) => label.includes(HOST) || label.includes('cloud'))).toEqual([]);
  });
});
