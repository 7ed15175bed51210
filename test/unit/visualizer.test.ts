// The visualizer's host: what the page is told, what is asked of the runtime, what is kept, copied and saved.
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Tally } from '../../src/completion/tally.ts';
import { SettingsReader } from '../../src/editor/settings.ts';
import { startVisualizer, type Visualizer } from '../../src/editor/visualizer/visualizer.ts';
import { PANEL_PROTOCOL, type FromPanel, type PanelState, type ToPanel } from '../../src/shared/panelProtocol.ts';
import type { CancelFlag } from '../../src/shared/cancel.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import type { CacheFigures, LiveFigures, LiveLooked } from '../../src/shared/liveFigures.ts';
import { madeLive, madeReport } from '../view/support/panelStates.ts';
import { quiet } from '../support/chatWindow.ts';
import { FakeClock } from '../support/fakeClock.ts';
import { EventEmitter, fake, fakeWebviewPanel, Uri, window } from '../support/fakeVscode.ts';

const report = madeReport({ layers: 3, heads: 4, kvHeads: 2, tokens: 300 });
const text = report.looked.lines.tokens.map((_, i) => `line ${i}`).join('\r\n');

const caches: CacheFigures[] = [{
  model: 'Made-up-1B', roles: ['completion'], blocks: 5, bytes: 5e6, budget: 1e9, float16: 9e6, underWay: { blocks: 1, bytes: 1e6 }, saved: 70, computed: 30,
  groups: [{ path: '/somebody/own/long.ts', blocks: 4, tokens: 250, reused: 1, exact: 4, delta: 2, approximate: 0, moved: 0, superseded: 0, bytes: 4e6 }],
}];

interface Call {
  name: 'inspect' | 'attentionMap';
  options: { text: string; name: string; attention?: string; layer?: number };
  hear: (event: { id: number; event: 'progress'; stage: string; share: number }) => void;
  cancel: CancelFlag;
  answer: (result: unknown) => void;
  fail: (error: DeltaError) => void;
}

class PanelWindow {
  readonly calls: Call[] = [];
  readonly clock = new FakeClock();
  readonly tally = new Tally();
  readonly memento = new Map<string, unknown>();
  readonly changed = new EventEmitter<void>();
  readonly chatChanged = new EventEmitter<void>();
  readonly slots = { completion: { state: 'ready' }, chat: { state: 'off' } };
  readonly looks: string[] = [];
  live: LiveFigures | null = { ...madeLive({ layers: 3, heads: 4, kvHeads: 2, position: 200 }, { wrote: { path: '/somebody/own/long.ts', text: 'const a' } }), looked: null };
  /** What a look asked for. */
  asked: { known?: string } = {};
  runtime = {
    state: 'ready', progress: 0, onDidChange: this.changed.event,
    onDidChangeChat: this.chatChanged.event,
    slot: (role: 'completion' | 'chat') => this.slots[role],
    look: async (name: string, options: { known?: string }) => {
      this.looks.push(name);
      if (name === 'live') this.asked = options;
      return name === 'live' ? this.live : caches;
    },
    inspect: (name: Call['name'], options: Call['options'], hear: Call['hear'], cancel: CancelFlag) => new Promise((answer, fail) => void this.calls.push({ name, options, hear, cancel, answer, fail })),
  };
  visualizer!: Visualizer;
  page!: ReturnType<typeof fakeWebviewPanel>;
  state!: PanelState;
  private heard: unknown;
  private read = 0;
  private seq = 0;

  start(): void {
    const settings = new SettingsReader(window.createOutputChannel() as never);
    this.visualizer = startVisualizer({
      runtime: this.runtime as never, settings, tally: this.tally, clock: this.clock, log: window.createOutputChannel() as never, extensionUri: Uri.file('/extension') as never, extensionVersion: '1.2.3',
      workspaceState: { get: (key: string) => this.memento.get(key), update: async (key: string, value: unknown) => void this.memento.set(key, structuredClone(value)) } as never,
    });
  }

  async open(): Promise<void> {
    await this.command('open');
    this.page = fake.panels.at(-1)!;
    await this.hello();
  }

  async hello(): Promise<void> {
    if (this.heard !== this.page) this.read = 0;
    this.heard = this.page;
    await this.say({ type: 'hello', protocol: PANEL_PROTOCOL, epoch: null, seq: 0 });
  }

  async say(message: FromPanel | object): Promise<void> {
    this.page.say(message);
    await quiet();
    this.hear();
  }

  async command(name: string): Promise<void> {
    void fake.commands.get(`deltallm.visualizer.${name}`)!();
    await quiet();
    this.hear();
  }

  get call(): Call {
    return this.calls.at(-1)!;
  }

  /** The call under way comes to its end. */
  async answer(result: unknown = report): Promise<void> {
    this.call.answer(result);
    await quiet();
    this.hear();
  }

  hear(): void {
    for (const message of (this.page?.posted.slice(this.read) ?? []) as ToPanel[]) {
      this.read++;
      if (message.type === 'state') [this.state, this.seq] = [message.state, message.seq];
      else {
        expect(message.seq).toBe(++this.seq);
        this.state = { ...this.state, ...message.parts };
      }
    }
  }
}

let panel: PanelWindow;
beforeEach(() => {
  fake.reset();
  panel = new PanelWindow();
  fake.open(text, 'typescript', Uri.file('/work space/long.ts'));
  panel.start();
});
afterEach(() => panel.visualizer.dispose());

const measured = async () => {
  await panel.open();
  await panel.say({ type: 'measure' });
  await panel.answer();
};

describe('the page', () => {
  it('may load its two files and nothing else, and knows the file and the mode', async () => {
    await panel.open();
    expect(panel.page.panel.webview.html).toContain('dist/visualizer.js');
    expect(panel.page.panel.webview.html).toContain("default-src &#39;none&#39;");
    expect(panel.page.panel.webview.options).toMatchObject({ enableScripts: true, enableCommandUris: false });
    expect(panel.state).toMatchObject({ file: 'long.ts', mode: 'balanced', busy: null, measurement: null, note: null });
    expect(panel.calls).toEqual([]);
  });

  it('is one: the command shows it again', async () => {
    await panel.open();
    await panel.command('open');
    expect([fake.panels.length, panel.page.panel.revealed]).toEqual([1, 1]);
  });

  it.each([{ type: 'measure', more: 1 }, { type: 'nothing' }, { type: 'map', layer: -1, head: 0 }, { type: 'useMode', mode: 'fast' }, { type: 'saveImage', png: new Uint8Array([1, 2, 3, 4]) }, 'measure', null, { type: 'reveal', of: 'measurement', line: 1.5 }])('is not believed: %j', async (message) => {
    await measured();
    const [calls, settings] = [panel.calls.length, { ...fake.settings }];
    await panel.say(message as object);
    // A field that is too many does no harm: it is left out.
    expect(panel.calls.length).toBe(calls + Number((message as { more?: number } | null)?.more ?? 0));
    expect(fake.settings).toEqual(settings);
    expect(fake.logLines.filter((line) => line.includes('is none')).length).toBe(Number((message as { more?: number } | null)?.more !== 1));
  });
});

describe('measuring', () => {
  it('reads the file of the editor in the mode of the settings, and shows its lines', async () => {
    await panel.open();
    await panel.say({ type: 'measure' });
    expect(panel.call).toMatchObject({ name: 'inspect', options: { text, name: 'long.ts', attention: 'delta', most: 4096 } });
    expect(panel.state.busy).toEqual({ what: 'measuring', mode: 'balanced', name: 'long.ts', share: 0, loading: false });
    panel.call.hear({ id: 1, event: 'progress', stage: 'inspecting', share: 0.415 });
    await quiet();
    panel.hear();
    expect(panel.state.busy!.share).toBe(0.415);
    await panel.answer();
    expect(panel.state).toMatchObject({ busy: null, measurement: { mode: 'balanced', version: '1.2.3', stale: false, report: { model: 'Made-up-1B' } } });
    expect(panel.state.measurement!.lines.slice(0, 2)).toEqual(['line 0', 'line 1']);
  });

  it('shows that the model loads first', async () => {
    await panel.open();
    Object.assign(panel.runtime, { state: 'loading', progress: 0.3 });
    await panel.say({ type: 'measure' });
    panel.changed.fire();
    await quiet();
    panel.hear();
    expect(panel.state.busy).toMatchObject({ loading: true, share: 0.3 });
    Object.assign(panel.runtime, { state: 'ready' });
    panel.changed.fire();
    panel.hear();
    expect(panel.state.busy).toMatchObject({ loading: false });
  });

  it('stops when it is cancelled, and can be begun again', async () => {
    await panel.open();
    await panel.say({ type: 'measure' });
    await panel.say({ type: 'cancel' });
    expect(panel.call.cancel.isSet).toBe(true);
    panel.call.fail(new DeltaError('cancelled'));
    await quiet();
    panel.hear();
    expect(panel.state).toMatchObject({ busy: null, note: 'Stopped.', measurement: null });
    await panel.say({ type: 'measure' });
    await panel.answer();
    expect(panel.state).toMatchObject({ note: null, measurement: { stale: false } });
  });

  it('says in one sentence what went wrong, and one thing runs at a time', async () => {
    await panel.open();
    await panel.say({ type: 'measure' });
    await panel.say({ type: 'measure' });
    expect(panel.calls.length).toBe(1);
    panel.call.fail(new DeltaError('outOfMemory'));
    await quiet();
    panel.hear();
    expect(panel.state).toMatchObject({ busy: null, note: 'There is too little free memory: close something, or choose a smaller model or cache.' });
    expect(fake.messages).toEqual([]);
  });

  it('never reads what may hold secrets', async () => {
    fake.open('KEY=1', 'plaintext', Uri.file('/work space/.env'));
    fake.events.activeEditor.fire(fake.window.activeTextEditor);
    await panel.open();
    await panel.say({ type: 'measure' });
    expect(panel.calls).toEqual([]);
    expect(panel.state.note).toMatch(/never read/);
  });

  it('ends with the panel', async () => {
    await panel.open();
    await panel.say({ type: 'measure' });
    panel.page.close();
    expect(panel.call.cancel.isSet).toBe(true);
  });

  it('says when the file has changed since', async () => {
    await measured();
    fake.window.activeTextEditor!.document.change(0, 0, '// more\n');
    panel.hear();
    expect(panel.state.measurement!.stale).toBe(true);
  });

  it('knows the file while the panel has the keyboard', async () => {
    await panel.open();
    fake.events.activeEditor.fire(undefined);
    panel.hear();
    expect(panel.state.file).toBe('long.ts');
  });
});

describe('comparing', () => {
  it('measures what is not known yet, with the exact mode by definition', async () => {
    await measured();
    await panel.say({ type: 'compare' });
    expect(panel.calls.slice(1).map(({ options }) => options.attention)).toEqual(['compact']);
    await panel.answer({ ...report, attention: 'compact', next: { ...report.next, top1: 0.9 } });
    const { comparison, busy } = panel.state;
    expect(busy).toBeNull();
    expect(comparison).toMatchObject({ name: 'long.ts', stopped: false, columns: [{ mode: 'exact', figures: { keyWork: 0, sinksKept: 1, top1: 1, kl: 0, bytes: 2 * report.whole.bytes.float16 } }, { mode: 'balanced', figures: { top1: 0.962 } }, { mode: 'compact', figures: { top1: 0.9 } }] });
  });

  it('keeps what it has when it is cancelled, and runs again', async () => {
    await measured();
    await panel.say({ type: 'compare' });
    await panel.say({ type: 'cancel' });
    panel.call.fail(new DeltaError('cancelled'));
    await quiet();
    panel.hear();
    expect(panel.state.comparison).toMatchObject({ stopped: true, columns: [{}, { figures: { top1: 0.962 } }, { figures: null }] });
    await panel.say({ type: 'compare' });
    await panel.answer();
    expect(panel.state.comparison).toMatchObject({ stopped: false, columns: [{}, {}, { figures: { top1: 0.962 } }] });
  });

  it('writes the mode that is chosen', async () => {
    await measured();
    await panel.say({ type: 'useMode', mode: 'compact' });
    expect(fake.settings['deltallm.mode']).toBe('compact');
    expect(panel.state.mode).toBe('compact');
  });
});

describe('one head', () => {
  it('is looked at on the text that was measured', async () => {
    await measured();
    fake.window.activeTextEditor!.document.change(0, 0, '// more\n');
    await panel.say({ type: 'map', layer: 2, head: 1 });
    expect(panel.call).toMatchObject({ name: 'attentionMap', options: { text, layer: 2, head: 1, most: 300 } });
    const mass = new Float32Array(4);
    await panel.answer({ schema: 2, model: 'x', name: 'long.ts', layer: 2, head: 1, tokens: 2, bins: 2, sinks: 4, window: report.window, mass });
    expect(panel.state.map).toEqual({ name: 'long.ts', layer: 2, head: 1, tokens: 2, bins: 2, sinks: 4, window: report.window, mass });
  });
});

describe('what the panel gives away', () => {
  it('is a table in Markdown without source text', async () => {
    await measured();
    await panel.say({ type: 'copyMarkdown' });
    expect(fake.clipboard).toMatch(/^\*\*Skipped \d+\.\d % of the key work\. Sinks kept: \d+\.\d %\.\*\*\n/);
    expect(fake.clipboard.match(/^\| \d+ \| (?:\d+\.\d % \| ){4}\d+\.\d % \|$/gm)).toHaveLength(3);
    expect(fake.clipboard).not.toContain('line 1');
  });

  it('is the JSON of the command line, and a PNG', async () => {
    await measured();
    fake.saveAs = Uri.file('/saved');
    await panel.say({ type: 'saveJson' });
    expect(JSON.parse(fake.disk.get('/saved')!.text)).toEqual(report);
    const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 1]);
    await panel.say({ type: 'saveImage', png });
    expect(Buffer.from(fake.disk.get('/saved')!.text, 'latin1')).toEqual(Buffer.from(png));
  });

  it('leads to a line', async () => {
    await measured();
    await panel.say({ type: 'reveal', of: 'measurement', line: 3 });
    expect(fake.shownDocuments.at(-1)).toMatchObject({ options: { selection: { start: { line: 3 } } } });
    await panel.say({ type: 'reveal', of: 'measurement', line: 1e6 });
    expect(fake.shownDocuments.at(-1)).toMatchObject({ options: { selection: { start: { line: text.split('\n').length - 1 } } } });
  });
});

describe('another life of the window', () => {
  it('shows what was measured, with the text of now, and keeps no text itself', async () => {
    await measured();
    expect(JSON.stringify([...panel.memento])).not.toContain('line 1');
    panel.visualizer.dispose();
    panel.start();
    panel.page = fakeWebviewPanel();
    await fake.serializers.get('deltallm.visualizer')!.deserializeWebviewPanel(panel.page.panel, {});
    await quiet();
    await panel.hello();
    expect(panel.state.measurement).toMatchObject({ stale: false, report: { model: 'Made-up-1B' } });
    expect(panel.state.measurement!.lines[1]).toBe('line 1');
    await panel.say({ type: 'map', layer: 0, head: 0 });
    expect(panel.call.name).toBe('attentionMap');
  });

  it('says when the file is another one by then, or gone', async () => {
    await measured();
    for (const change of [() => fake.window.activeTextEditor!.document.change(0, 0, 'x'), () => fake.reset()]) {
      panel.visualizer.dispose();
      change();
      panel.start();
      panel.page = fakeWebviewPanel();
      await fake.serializers.get('deltallm.visualizer')!.deserializeWebviewPanel(panel.page.panel, {});
      await quiet();
      await panel.hello();
      expect(panel.state.measurement!.stale).toBe(true);
    }
    expect(panel.state.measurement!.lines).toEqual([]);
    const before = panel.calls.length;
    await panel.say({ type: 'compare' });
    expect([panel.calls.length, panel.state.note]).toEqual([before, 'The text that was measured is not at hand any more: measure a file again.']);
  });

  it('gets everything again after it was hidden', async () => {
    await measured();
    panel.page.show(false);
    panel.page.show(true);
    await panel.hello();
    expect(panel.state.measurement!.report).toEqual(report);
  });
});

describe('the cache and the time', () => {
  const stages = { tokenize: 1, queue: 2, attention: 3, products: 4, head: 5, sampling: 6 };
  const record = { at: 0, path: '/a', languageId: 'x', manual: false, answer: 'returned', reason: null, origin: 'generation', text: '', confidence: null, tokens: { prompt: 10, reused: 4, computed: 6, generated: 2 }, ms: { pause: 1, waiting: 2, prefill: 3, decode: 4, total: 11 }, stages, prompt: null } as const;
  const counted = () => panel.looks.filter((name) => name === 'census').length;

  it('follow the requests while the panel is open, and no call is made while there is none', async () => {
    panel.tally.add({ ...record });
    panel.visualizer.answered();
    await panel.clock.pass(2000);
    expect(panel.looks).toEqual([]);
    await panel.open();
    expect(panel.state.time).toEqual({ pause: 1, waiting: 2, ...stages, reading: 3, writing: 4, total: 11, computed: 6, written: 2 });
    expect(panel.state.cache).toEqual([{ ...caches[0], groups: [{ ...caches[0].groups[0], path: 'long.ts' }] }]);
    const before = counted();
    for (let i = 0; i < 20; i++) panel.visualizer.answered();
    await panel.clock.pass(600);
    expect(counted()).toBe(before + 1);
    panel.page.close();
    panel.visualizer.answered();
    await panel.clock.pass(600);
    expect(counted()).toBe(before + 1);
  });
});

describe('live figures', () => {
  const become = async (state: string, role: 'completion' | 'chat' = 'completion') => {
    panel.slots[role].state = state;
    (role === 'chat' ? panel.chatChanged : panel.changed).fire();
    await quiet();
  };
  const looks = () => panel.looks.filter((name) => name === 'live').length;

  it('are asked for by nobody while there is no panel, or none that is seen', async () => {
    await become('writing');
    await panel.clock.pass(5000);
    expect(panel.looks).toEqual([]);
    await become('ready');
    await panel.open();
    panel.page.show(false);
    panel.looks.length = 0;
    await become('writing');
    await panel.clock.pass(5000);
    panel.page.close();
    await become('reading');
    await panel.clock.pass(5000);
    expect(panel.looks).toEqual([]);
  });

  it.each(['completion', 'chat'] as const)('come four times a second at most while something is written, and once more when it is over: %s', async (role) => {
    await panel.open();
    panel.looks.length = 0;
    for (const state of ['reading', 'writing', 'reading', 'writing']) await become(state, role);
    expect(looks()).toBe(1);
    for (let i = 0; i < 20; i++) await panel.clock.pass(50);
    expect(looks()).toBe(5);
    await become('ready', role);
    await panel.clock.pass(250);
    expect([looks(), panel.looks.at(-1)]).toEqual([6, 'census']);
    await panel.clock.pass(10_000);
    expect(looks()).toBe(6);
    panel.hear();
    const { looked: _, ...live } = panel.live!;
    expect(panel.state.live).toEqual({ ...live, wrote: { path: 'long.ts', text: 'const a' } });
    expect([panel.state.suggestion, panel.state.look]).toEqual([null, null]);
  });

  it('bring the document of a suggestion once, by its name, and a click leads into it', async () => {
    const looked: LiveLooked = {
      request: 'first', path: '/somebody/own/long.ts', uri: 'file:///somebody/own/long.ts', text: 'a\r\nb', written: 'c', cursor: 1, rows: 1, lines: Float32Array.of(0.2, 0.5), sinks: 0.1, rest: 0.1, own: 0.1, regions: Uint8Array.of(1, 2), sinkLines: [0],
    };
    panel.live = { ...panel.live!, looked };
    fake.disk.set('/somebody/own/long.ts', { text: 'a\r\nb' } as never);
    await panel.open();
    const { path: _, uri: __, text: ___, ...look } = looked;
    expect(panel.state.suggestion).toEqual({ request: 'first', name: 'long.ts', lines: ['a', 'b'] });
    expect(panel.state.look).toEqual(look);
    panel.live = { ...panel.live!, looked: { ...looked, text: null, written: 'cd', rows: 2 } };
    await become('writing');
    expect(panel.asked).toEqual({ sample: true, known: 'first' });
    panel.hear();
    expect(panel.state.suggestion!.lines).toEqual(['a', 'b']);
    expect(panel.state.look).toMatchObject({ written: 'cd', rows: 2 });
    const opened = fake.shownDocuments.length;
    await panel.say({ type: 'reveal', of: 'suggestion', line: 1 });
    expect(fake.shownDocuments.length).toBe(opened + 1);
    expect(JSON.stringify([...panel.memento])).not.toContain('long.ts');
    await panel.say({ type: 'reveal', of: 'measurement', line: 1 });
    expect(fake.shownDocuments.length).toBe(opened + 1);
  });

  it('are not there without a model', async () => {
    panel.live = null;
    await panel.open();
    expect(panel.state.live).toBeNull();
  });
});

describe('in another language', () => {
  it('everything that is shown is in it', async () => {
    fake.bundle = Object.fromEntries(Object.keys(JSON.parse(readFileSync('l10n/bundle.l10n.json', 'utf8')) as object).map((text) => [text, `¤${text}`]));
    await measured();
    const { words } = panel.page.posted.find((message) => (message as { type: string }).type === 'state') as { words: Record<string, string> };
    expect(Object.keys(words).length).toBeGreaterThan(80);
    expect(Object.values(words).filter((text) => !text.startsWith('¤'))).toEqual([]);
    await panel.say({ type: 'copyMarkdown' });
    await panel.say({ type: 'imageCopied' });
    await panel.say({ type: 'compare' });
    panel.call.fail(new DeltaError('outOfMemory'));
    await quiet();
    panel.hear();
    expect([panel.state.note, ...fake.statusMessages].map((text) => text![0])).toEqual(['¤', '¤', '¤']);
    expect(fake.clipboard.startsWith('**¤')).toBe(true);
  });
});
