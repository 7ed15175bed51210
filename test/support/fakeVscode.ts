// As much of the module `vscode` as the extension uses, with `fake` to look behind it: what was shown, registered and asked for.
// It has no behaviour of its own but documents, events and settings; what the real one does is seen by the tests under test/host.

type Listener<T> = (event: T) => unknown;

export class EventEmitter<T> {
  private readonly listeners = new Set<Listener<T>>();
  event = (listener: Listener<T>) => {
    this.listeners.add(listener);
    return { dispose: () => void this.listeners.delete(listener) };
  };
  fire(event: T): void {
    for (const listener of [...this.listeners]) listener(event);
  }
  dispose(): void {
    this.listeners.clear();
  }
}

export class Position {
  constructor(
    readonly line: number,
    readonly character: number,
  ) {}
}

export class Range {
  constructor(
    readonly start: Position,
    readonly end: Position,
  ) {}
  get isEmpty(): boolean {
    return this.start.line === this.end.line && this.start.character === this.end.character;
  }
}

export class Selection extends Range {
  constructor(
    readonly anchor: Position,
    readonly active: Position,
  ) {
    super(anchor, active);
  }
}

export class Uri {
  private constructor(
    readonly scheme: string,
    readonly path: string,
  ) {}
  static file = (path: string) => new Uri('file', path);
  static from = ({ scheme, path = '' }: { scheme: string; path?: string }) => new Uri(scheme, path);
  static parse = (text: string) => new Uri(text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1).replace(/^\/\//, ''));
  static joinPath = (uri: Uri, ...names: string[]) => new Uri(uri.scheme, [uri.path, ...names].join('/'));
  get fsPath(): string {
    return this.path;
  }
  with({ path }: { path: string }): Uri {
    return new Uri(this.scheme, path);
  }
  toString(): string {
    return `${this.scheme}:${this.scheme === 'file' ? '//' : ''}${this.path}`;
  }
}

export class MarkdownString {
  value = '';
  appendText(text: string): this {
    this.value += text;
    return this;
  }
  appendMarkdown = this.appendText;
}

export class ThemeColor {
  constructor(readonly id: string) {}
}

export class InlineCompletionItem {
  constructor(
    readonly insertText: string,
    readonly range?: Range,
  ) {}
}

export const InlineCompletionTriggerKind = { Invoke: 0, Automatic: 1 };
export const StatusBarAlignment = { Left: 1, Right: 2 };
export const FileType = { Unknown: 0, File: 1, Directory: 2, SymbolicLink: 64 };
export const ConfigurationTarget = { Global: 1, Workspace: 2, WorkspaceFolder: 3 };
export const version = '1.106.1';

/** A document of the editor; `change` edits it as typing does, `at` gives a position. */
export class FakeDocument {
  version = 1;
  constructor(
    readonly uri: Uri,
    readonly languageId: string,
    private text: string,
  ) {}
  getText = () => {
    fake.documentReads++;
    return this.text;
  };
  get lineCount(): number {
    return this.text.split('\n').length;
  }
  lineAt(line: number) {
    const text = this.text.split('\n')[line].replace(/\r$/, '');
    return { text, range: new Range(new Position(line, 0), new Position(line, text.length)) };
  }
  offsetAt({ line, character }: Position): number {
    return this.text.split('\n').slice(0, line).reduce((sum, text) => sum + text.length + 1, 0) + character;
  }
  positionAt(offset: number): Position {
    const lines = this.text.slice(0, offset).split('\n');
    return new Position(lines.length - 1, lines[lines.length - 1].length);
  }
  change(rangeOffset: number, rangeLength: number, text: string): void {
    this.text = this.text.slice(0, rangeOffset) + text + this.text.slice(rangeOffset + rangeLength);
    this.version++;
    events.changed.fire({ document: this, contentChanges: [{ rangeOffset, rangeLength, text }] });
  }
}

const events = {
  configuration: new EventEmitter<{ affectsConfiguration: (section: string) => boolean }>(),
  changed: new EventEmitter<{ document: FakeDocument; contentChanges: { rangeOffset: number; rangeLength: number; text: string }[] }>(),
  closed: new EventEmitter<FakeDocument>(),
  selection: new EventEmitter<{ textEditor: FakeEditor; selections: Selection[] }>(),
  activeEditor: new EventEmitter<FakeEditor | undefined>(),
};

export interface FakeEditor {
  document: FakeDocument;
  selection: Selection;
}

interface StatusBarItem {
  text: string;
  name: string;
  tooltip: MarkdownString | undefined;
  accessibilityInformation: { label: string } | undefined;
  backgroundColor: ThemeColor | undefined;
  command: string;
  shown: boolean;
}

const fresh = () => ({
  /** `deltallm.…` → the value that the user wrote. */
  settings: {} as Record<string, unknown>,
  /** Every sentence of every notification, with its buttons. */
  messages: [] as { kind: 'info' | 'warning' | 'error'; text: string; buttons: string[] }[],
  /** What the user clicks in a notification: the label, or nothing. */
  click: undefined as string | undefined,
  quickPicks: [] as { items: { label: string; command: string }[]; title: string; placeHolder: string }[],
  pick: undefined as string | undefined,
  statusBar: [] as StatusBarItem[],
  statusMessages: [] as string[],
  logLines: [] as string[],
  commands: new Map<string, (...args: never[]) => unknown>(),
  /** Of commands that are not registered here: VS Code's own. */
  executed: [] as { id: string; args: unknown[] }[],
  /** What VS Code does in such a command. */
  perform: undefined as ((id: string) => unknown) | undefined,
  providers: [] as unknown[],
  contents: new Map<string, { provideTextDocumentContent: (uri: Uri) => string }>(),
  openedTexts: [] as string[],
  clipboard: '',
  documentReads: 0,
  /** Paths of the workspace's folders; a nested one stands before what it lies in. */
  folders: ['/work space'],
  trusted: true,
  /** Path → what lies on the disk; every reading of a text is counted. */
  disk: new Map<string, { text: string; mtime: number; type?: number }>(),
  diskReads: [] as string[],
  /** English text → what this language says. */
  bundle: null as Record<string, string> | null,
});

export const fake = {
  ...fresh(),
  events,
  get window() {
    return window;
  },
  reset(): void {
    Object.assign(fake, fresh());
    workspace.textDocuments = [];
    Object.assign(window, { activeTextEditor: undefined, visibleTextEditors: [], state: { focused: true } });
  },
  set(name: string, value: unknown): void {
    fake.settings[name] = value;
    events.configuration.fire({ affectsConfiguration: (section) => name === section || name.startsWith(`${section}.`) });
  },
  /** Opens a document in the active editor, the cursor at its end. */
  open(text: string, languageId = 'typescript', uri = Uri.file(`/work space/sämple.${languageId}`)): FakeEditor {
    const document = new FakeDocument(uri, languageId, text);
    const end = document.positionAt(text.length);
    const editor = { document, selection: new Selection(end, end) };
    workspace.textDocuments = [...workspace.textDocuments.filter((other) => other.uri.toString() !== uri.toString()), document];
    Object.assign(window, { activeTextEditor: editor, visibleTextEditors: [editor] });
    return editor;
  },
};

const message = (kind: 'info' | 'warning' | 'error') => async (text: string, ...buttons: string[]) => {
  fake.messages.push({ kind, text, buttons });
  return buttons.find((label) => label === fake.click);
};
const logged = (level: string) => (line: string) => void fake.logLines.push(`${level}: ${line}`);

export const window = {
  activeTextEditor: undefined as FakeEditor | undefined,
  visibleTextEditors: [] as FakeEditor[],
  state: { focused: true },
  createOutputChannel: () => ({ info: logged('info'), warn: logged('warn'), error: logged('error'), debug: logged('debug'), trace: logged('trace'), show() {}, dispose() {} }),
  createStatusBarItem: () => {
    const item = { shown: false, show: () => void (item.shown = true), hide: () => void (item.shown = false), dispose: () => void (item.shown = false) } as unknown as StatusBarItem;
    fake.statusBar.push(item);
    return item;
  },
  setStatusBarMessage: (text: string) => void fake.statusMessages.push(text),
  showInformationMessage: message('info'),
  showWarningMessage: message('warning'),
  showErrorMessage: message('error'),
  showQuickPick: async (items: { label: string; command: string }[], options: { title: string; placeHolder: string }) => {
    fake.quickPicks.push({ items, ...options });
    return items.find(({ command }) => command === fake.pick);
  },
  showTextDocument: async () => {},
  onDidChangeTextEditorSelection: events.selection.event,
  onDidChangeActiveTextEditor: events.activeEditor.event,
};

const onDisk = (uri: Uri) => {
  const entry = fake.disk.get(uri.path);
  if (!entry) throw new Error('FileNotFound');
  return entry;
};

export const workspace = {
  textDocuments: [] as FakeDocument[],
  get isTrusted() {
    return fake.trusted;
  },
  getWorkspaceFolder: (uri: Uri) => {
    const path = fake.folders.find((folder) => uri.path.startsWith(`${folder}/`));
    return path === undefined ? undefined : { uri: Uri.file(path) };
  },
  fs: {
    readDirectory: async (uri: Uri) =>
      [...fake.disk].filter(([path]) => path.slice(0, path.lastIndexOf('/')) === uri.path).map(([path, { type = FileType.File }]) => [path.slice(uri.path.length + 1), type]),
    stat: async (uri: Uri) => ({ mtime: onDisk(uri).mtime, size: Buffer.byteLength(onDisk(uri).text, 'latin1') }),
    readFile: async (uri: Uri) => {
      fake.diskReads.push(uri.path);
      return new Uint8Array(Buffer.from(onDisk(uri).text, 'latin1'));
    },
  },
  getConfiguration: (section: string) => ({
    get: (name: string) => fake.settings[`${section}.${name}`],
    inspect: (name: string) => ({ globalValue: fake.settings[`${section}.${name}`] }),
    update: async (name: string, value: unknown) => fake.set(`${section}.${name}`, value),
  }),
  onDidChangeConfiguration: events.configuration.event,
  onDidChangeTextDocument: events.changed.event,
  onDidCloseTextDocument: events.closed.event,
  registerTextDocumentContentProvider: (scheme: string, provider: { provideTextDocumentContent: (uri: Uri) => string }) => {
    fake.contents.set(scheme, provider);
    return { dispose() {} };
  },
  openTextDocument: async (uri: Uri) => {
    fake.openedTexts.push(fake.contents.get(uri.scheme)!.provideTextDocumentContent(uri));
    return {};
  },
};

export const commands = {
  registerCommand: (id: string, act: (...args: never[]) => unknown) => {
    if (fake.commands.has(id)) throw new Error(`command ${id} already exists`);
    fake.commands.set(id, act);
    return { dispose: () => void fake.commands.delete(id) };
  },
  executeCommand: async (id: string, ...args: unknown[]) => {
    const act = fake.commands.get(id);
    if (act) return act(...(args as never[]));
    fake.executed.push({ id, args });
    await fake.perform?.(id);
  },
};

export const languages = {
  registerInlineCompletionItemProvider: (_selector: unknown, provider: unknown) => {
    fake.providers.push(provider);
    return { dispose: () => void fake.providers.splice(fake.providers.indexOf(provider), 1) };
  },
};

export const l10n = {
  t: (text: string, ...args: unknown[]) => {
    const translated = fake.bundle ? fake.bundle[text] : text;
    if (translated === undefined) throw new Error(`Not in the bundle: ${text}`);
    return translated.replace(/\{(\d+)\}/g, (_, index) => String(args[Number(index)]));
  },
};

export const env = {
  appName: 'Visual Studio Code',
  remoteName: undefined,
  clipboard: { writeText: async (text: string) => void (fake.clipboard = text) },
};
