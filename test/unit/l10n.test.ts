import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lastPromptText } from '../../src/editor/lastPrompt.ts';
import { lastRequestText } from '../../src/editor/lastRequest.ts';
import { localise } from '../../src/editor/messages.ts';
import { showTroubles } from '../../src/editor/notices.ts';
import type { RuntimeState, Trouble } from '../../src/editor/runtime.ts';
import { StatusBar } from '../../src/editor/statusBar.ts';
import { activate, deactivate } from '../../src/extension.ts';
import type { NoneReason, Origin, RequestRecord } from '../../src/completion/request.ts';
import { Tally } from '../../src/completion/tally.ts';
import { DeltaError } from '../../src/shared/errors.ts';
// @ts-expect-error plain JavaScript
import { bundleText, messagesOf } from '../../scripts/l10n.mjs';
import { offer, openChat } from '../support/chatWindow.ts';
import { sampleErrors } from '../support/errorSamples.ts';
import { CodeActionTriggerKind, EventEmitter, fake, Position, Range, secrets, Selection, Uri, type CodeAction } from '../support/fakeVscode.ts';
import { model } from '../support/fakeWorker.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-l10n-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
execFileSync(process.execPath, ['scripts/l10n.mjs', '--pseudo', folder]);
const pseudoBundle = JSON.parse(readFileSync(join(folder, 'l10n/bundle.l10n.qps-ploc.json'), 'utf8'));
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));

/** Words that are no English: names, and what the samples below are made of. */
const names = /DeltaLLM|deltallm|GGUF|EACCES|ENOTFOUND|SELF_SIGNED_CERT_IN_CHAIN|huggingface\.co|vLLM|gpu\.team\.example|https:\/\/login\.example|https?:\/\/|ECONNREFUSED|qwen2\.5-coder|big\.gguf|EROFS|ORT_DISABLE_TELEMETRY|byte-level BPE \("gpt2"\)|SentencePiece|\$\([\w~-]+\)|\/[\w./ -]+|blk[.\w]+|llama[.\w]*|mamba|unigram|chatty-\w+|linux-x64|avx\w*|scalar|tiny|typescript|q\d_\d|\d+(?:\.\d+)? GB/g;
const plainWords = (text: string): string[] => (text.replace(names, ' ').match(/[\p{L}]+/gu) ?? []).filter((word) => /^[A-Za-z]{3,}$/.test(word));

const record: RequestRecord = {
  at: 0, path: '/a.ts', languageId: 'typescript', manual: false, answer: 'suppressed', reason: null, origin: null, text: '', confidence: { value: -1, threshold: -0.5 },
  tokens: { prompt: 10, reused: 2, computed: 8, generated: 3 }, ms: { pause: 1, waiting: 2, prefill: 3, decode: 4, total: 10 }, stages: null,
  prompt: { text: '', spans: [{ name: 'prefix', start: 0, end: 5, tokens: 0, dropped: true }, { name: 'suffix', start: 5, end: 9, tokens: 3, dropped: false }], neighbours: ['/b.ts'] },
};

describe('the bundle for translators', () => {
  it('holds every text that the extension shows (node scripts/l10n.mjs writes it)', () => {
    expect(readFileSync('l10n/bundle.l10n.json', 'utf8')).toBe(bundleText());
  });

  it('is read from literals only', () => {
    expect(messagesOf(`l10n.t('It\\'s {0}.', x); l10n.t(\n  "two",\n)`)).toEqual(["It's {0}.", 'two']);
    expect(() => messagesOf('l10n.t(`a ${b}`)')).toThrow();
    expect(() => messagesOf('l10n.t(message)')).toThrow();
  });
});

describe('in a language that nobody speaks, nothing is plain English', () => {
  beforeEach(() => {
    fake.reset();
    fake.bundle = pseudoBundle;
  });
  afterEach(() => deactivate());
  const check = (texts: string[]) => {
    expect(texts.length).toBeGreaterThan(0);
    expect(texts.flatMap(plainWords)).toEqual([]);
  };

  it('as the check itself would notice', () => {
    expect(plainWords('［Çömplété át thé çüršör］ DeltaLLM $(gear) 12')).toEqual([]);
    expect(plainWords('［{0} ís ñöt］ a usable file')).toEqual(['usable', 'file']);
  });

  it('of the manifest', () => {
    check(Object.values(JSON.parse(readFileSync(join(folder, 'package.nls.qps-ploc.json'), 'utf8')) as Record<string, string>).map((text) => text.replace(/`[^`]*`/g, '')));
    const { title } = manifest.contributes.configuration;
    expect(title).toBe('DeltaLLM');
  });

  it('of failures', () => {
    check(sampleErrors().map(localise));
  });

  it('of notifications', () => {
    const troubled = new EventEmitter<Trouble>();
    const runtime = { onTrouble: troubled.event, restart: async () => {}, forgiveCrash: async () => {} };
    showTroubles(runtime as never, () => {});
    for (const error of sampleErrors()) for (const kind of ['failed', 'restarted', 'complaint', 'standIn'] as const) troubled.fire({ kind, error });
    troubled.fire({ kind: 'safeMode' });
    check(fake.messages.flatMap(({ text, buttons }) => [text, ...buttons]));
  });

  it('of the status bar, in every state', () => {
    const states: RuntimeState[] = ['off', 'loading', 'ready', 'reading', 'writing', 'failed'];
    const tally = new Tally();
    tally.add({ ...record, reason: 'lowConfidence' });
    const texts = states.flatMap((state) =>
      [true, false].flatMap((enabled) => {
        const error = state === 'failed' ? new DeltaError('workerDied', 'it ran out of memory') : null;
        const seen = { state, progress: 0.5, model, speed: { prefill: 100, decode: 10 }, error, standIn: enabled ? null : new DeltaError('fileMissing', '/m.gguf'), safeMode: true, onDidChange: () => ({ dispose() {} }) };
        const settings = { 'completions.enabled': enabled, mode: 'compact' };
        new StatusBar(seen as never, () => settings as never, tally, () => (enabled ? 'excluded' : null), 'deltallm.menu');
        const { text, tooltip, accessibilityInformation } = fake.statusBar.at(-1)!;
        return [text, tooltip!.value, accessibilityInformation!.label];
      }),
    );
    check(texts);
  });

  it('of the menu, the commands and the documents', async () => {
    activate({ subscriptions: [], extensionUri: Uri.file(folder), globalStorageUri: Uri.file(join(folder, 'storage')), globalState: { get: () => undefined, update: async () => {} }, secrets, extension: { id: 'deltallm.deltallm', packageJSON: manifest } } as never);
    for (const editor of [false, true]) {
      if (editor) fake.open('const a = ');
      for (const enabled of [true, false]) {
        fake.set('deltallm.completions.enabled', enabled);
        for (const name of ['menu', 'completions.trigger', 'showLastPrompt', 'showLastRequest', 'showCache', 'copyDiagnostics']) await fake.commands.get(`deltallm.${name}`)!();
      }
    }
    check([
      ...fake.messages.flatMap(({ text, buttons }) => [text, ...buttons]), ...fake.openedTexts, ...fake.statusMessages,
      ...fake.quickPicks.flatMap(({ items, title, placeHolder }) => [title, placeHolder, ...items.map(({ label }) => label)]),
    ]);
    expect([fake.messages.length, fake.openedTexts.length, fake.statusMessages.length, fake.quickPicks.length].every((count) => count > 0)).toBe(true);
  });

  it('of the chat: its view, its lists, its questions and what it says', async () => {
    const chat = await openChat(({ source }) => source.become({ state: 'none' }));
    fake.bundle = pseudoBundle;
    await chat.show();
    const words = Object.values((chat.page.posted[0] as { words: Record<string, string> }).words);
    const { document, selection } = fake.open('a\nb\n', 'typescript', Uri.file('/work space/tiny.ts'));
    Object.assign(fake.window.activeTextEditor!, { selection: new Selection(new Position(0, 0), new Position(1, 1)) });
    fake.disk.set('/work space/.env', { text: '', mtime: 1 });
    fake.diagnostics = [[document.uri, [{ range: new Range(0, 0, 0, 1), message: 'q', severity: 0 }]]];
    for (const name of ['explain', 'fix', 'document', 'tests']) await chat.command(name);
    await chat.wait();
    const asked = chat.state.turns.flatMap(({ text }) => text);
    chat.offers.found = [{ ...offer('tiny'), origin: 'x', detail: 'x' }];
    fake.pick = 'tiny.ts';
    Object.assign(fake.window.activeTextEditor!, { selection });
    for (const name of ['chat.chooseModel', 'chat.history', 'chat.attachSelection']) await chat.command(name);
    for (const action of ['apply', 'insert', 'copy'] as const) await chat.say({ type: 'code', action, language: '', text: 'else();' });
    await chat.say({ type: 'chooseFile' });
    fake.pick = pseudoBundle['This file'];
    await chat.say({ type: 'attach' });
    chat.source.become({ state: 'ready', name: 'tiny', context: 8 });
    await chat.say({ type: 'typing', text: 'x' });
    chat.call.end({ template: 'fallback', reason: 'context' });
    await chat.wait();
    const actions = fake.codeActions[0].provideCodeActions(document, new Range(0, 0, 1, 1), { diagnostics: [{}], triggerKind: CodeActionTriggerKind.Invoke }) as CodeAction[];
    const list = fake.lists[0];
    check([
      ...words, ...asked, ...actions.map(({ title }) => title), list.title, list.placeholder, ...(list.items as { description?: string }[]).map(({ description }) => description ?? ''),
      ...fake.messages.flatMap(({ text, buttons }) => [text, ...buttons]), ...fake.statusMessages, ...fake.quickPicks.flatMap(({ items, title, placeHolder }) => [title, placeHolder ?? '', ...items.map(({ label }) => label)]),
      ...fake.dialogs.flatMap(({ filters }) => Object.keys(filters)), chat.state.note ?? '', ...chat.state.attachments.flatMap(({ refused }) => refused ?? ''), chat.answer.note ?? '',
    ]);
    expect([words.length > 40, asked.length > 3, actions.length, fake.quickPicks.length > 1, fake.messages.length > 1, chat.state.attachments.length, selection.isEmpty]).toEqual([true, true, 4, true, true, 1, true]);
    chat.chat.dispose();
  });

  it('of what is told of a request, for every reason and origin', () => {
    const reasons: Record<NoneReason, true> = {
      disabled: true, scheme: true, excluded: true, tooLarge: true, insideWord: true, midLine: true, afterStatement: true, longLine: true, emptyDocument: true, selection: true,
      superseded: true, cancelled: true, lowConfidence: true, empty: true, repetition: true, noFim: true, invented: true, unavailable: true,
    };
    const origins: Record<Origin, true> = { generation: true, reattached: true, typedThrough: true, cache: true };
    const tally = new Tally();
    for (const reason of Object.keys(reasons) as NoneReason[]) tally.add({ ...record, reason, answer: reason === 'superseded' ? 'superseded' : 'suppressed' });
    for (const origin of Object.keys(origins) as Origin[]) tally.add({ ...record, origin, answer: 'returned', manual: true });
    check([lastPromptText(undefined), lastPromptText(record), lastRequestText(tally), lastRequestText(new Tally())]);
  });
});
