// As much of the module `vscode` as the extension uses, with `fake` to look behind it: what was shown, registered and asked for.
// It has no behaviour of its own but documents, tabs, events and settings; what the real one does is seen by the tests under test/host.
import { readFileSync } from 'node:fs';
import { TabInputTextDiff, type WorkspaceEdit } from './fakeVscodeParts.ts';
export * from './fakeVscodeParts.ts';

const manifestSettings: Record<string, { default: unknown } | undefined> = JSON.parse(readFileSync('package.json', 'utf8')).contributes.configuration.properties;

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
  readonly start: Position;
  readonly end: Position;
  constructor(start: Position | number, end: Position | number, lastLine = 0, lastCharacter = 0) {
    [this.start, this.end] = typeof start === 'number' ? [new Position(start, end as number), new Position(lastLine, lastCharacter)] : [start, end as Position];
  }
  get isEmpty(): boolean {
    return this.start.line === this.end.line && this.start.character === this.end.character;
  }
}

export class Selection extends Range {
  readonly anchor = this.start;
  readonly active = this.end;
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
  with({ path = this.path }: { path?: string }): Uri {
    return new Uri(this.scheme, path);
  }
  toString(): string {
    return `${this.scheme}:${/^(?:file|https?)$/i.test(this.scheme) ? '//' : ''}${this.path}`;
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
    readonly command?: { command: string; title: string },
  ) {}
}

export const InlineCompletionTriggerKind = { Invoke: 0, Automatic: 1 };
export const TextEditorSelectionChangeKind = { Keyboard: 1, Mouse: 2, Command: 3 };
export const StatusBarAlignment = { Left: 1, Right: 2 };
export const ViewColumn = { Active: -1, Beside: -2, One: 1 };
export const CompletionItemKind = { Text: 0, Method: 1, Function: 2, Field: 4, Variable: 5, Property: 9, Keyword: 13, Snippet: 14, File: 16, Folder: 18 };
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
  get isDirty(): boolean {
    return this.version > 1;
  }
  getText = (range?: Range) => {
    // A few lines cost what they are; all of a long document costs something with every key.
    if (!range) fake.documentReads++;
    return range ? this.text.slice(this.offsetAt(range.start), this.offsetAt(range.end)) : this.text;
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
  selection: new EventEmitter<{ textEditor: FakeEditor; selections: Selection[]; kind?: number }>(),
  activeEditor: new EventEmitter<FakeEditor | undefined>(),
  tabs: new EventEmitter<{ closed: FakeTab[] }>(),
  created: new EventEmitter<Uri>(),
  deleted: new EventEmitter<Uri>(),
  trust: new EventEmitter<void>(),
  secrets: new EventEmitter<{ key: string }>(),
};

interface FakeTab {
  label: string;
  input: unknown;
}

/** A page in the side bar: what the extension gave it and sent it; `say` is a message from it. */
export function fakeWebviewView() {
  const [messages, visibility, disposed] = [new EventEmitter<unknown>(), new EventEmitter<void>(), new EventEmitter<void>()];
  const posted: unknown[] = [];
  const view = {
    visible: true,
    webview: {
      html: '', options: {} as Record<string, unknown>, cspSource: 'vscode-webview://fake', asWebviewUri: (uri: Uri) => Uri.parse(`vscode-webview:${uri.path}`), onDidReceiveMessage: messages.event,
      postMessage: async (message: unknown) => posted.push(structuredClone(message)) > 0,
    },
    onDidChangeVisibility: visibility.event,
    onDidDispose: disposed.event,
  };
  return {
    view, posted, say: (message: unknown) => messages.fire(message),
    show: (visible: boolean) => {
      view.visible = visible;
      visibility.fire();
    },
    dispose: () => disposed.fire(),
  };
}

/** A page in the editor area; `close` is what the user does, `say` a message from it. */
export function fakeWebviewPanel() {
  const { view, posted, say } = fakeWebviewView();
  const [states, closed] = [new EventEmitter<void>(), new EventEmitter<void>()];
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    closed.fire();
  };
  const panel = { visible: true, webview: view.webview, revealed: 0, reveal: () => void panel.revealed++, onDidChangeViewState: states.event, onDidDispose: closed.event, dispose: close };
  return {
    panel, posted, say, close,
    show: (visible: boolean) => {
      panel.visible = visible;
      states.fire();
    },
  };
}

/** A list that stays open until it is hidden: `type`, `choose` and `press` are what the user does. */
export class FakeQuickPick {
  items: { label: string }[] = [];
  value = '';
  title = '';
  placeholder = '';
  canSelectMany = false;
  matchOnDescription = false;
  matchOnDetail = false;
  busy = false;
  shown = false;
  selectedItems: { label: string }[] = [];
  private readonly accepted = new EventEmitter<void>();
  private readonly pressed = new EventEmitter<{ item: unknown; button: unknown }>();
  private readonly hidden = new EventEmitter<void>();
  onDidAccept = this.accepted.event;
  onDidTriggerItemButton = this.pressed.event;
  onDidHide = this.hidden.event;
  show(): void {
    this.shown = true;
  }
  hide(): void {
    if (!this.shown) return;
    this.shown = false;
    this.hidden.fire();
  }
  dispose(): void {
    this.hide();
  }
  choose(...labels: string[]): void {
    this.selectedItems = this.items.filter(({ label }) => labels.includes(label));
    this.accepted.fire();
  }
  press(label: string, button: number): void {
    const item = this.items.find((other) => other.label === label) as { label: string; buttons: unknown[] };
    this.pressed.fire({ item, button: item.buttons[button] });
  }
}

export interface FakeEditor {
  document: FakeDocument;
  selection: Selection;
  selections: Selection[];
  edit(change: (builder: { replace(range: Range, text: string): void }) => void): Promise<boolean>;
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
  /** The same in the settings of the workspace. */
  workspaceSettings: {} as Record<string, unknown>,
  /** Every sentence of every notification, with its buttons. */
  messages: [] as { kind: 'info' | 'warning' | 'error'; text: string; buttons: string[] }[],
  /** What the user clicks in a notification: the label, or nothing. */
  click: undefined as string | undefined,
  quickPicks: [] as { items: { label: string; command: string }[]; title: string; placeHolder: string }[],
  /** Commands or labels of the entries that the user picks. */
  pick: undefined as string | string[] | undefined,
  /** Lists of `createQuickPick`. */
  lists: [] as FakeQuickPick[],
  /** What the user types into an input box, and the file that he chooses in a dialog. */
  input: undefined as string | undefined,
  dialog: undefined as Uri | undefined,
  dialogs: [] as { filters: Record<string, string[]> }[],
  shownDocuments: [] as { document: unknown; options: { selection?: Range } | undefined }[],
  openedLinks: [] as string[],
  contextKeys: {} as Record<string, unknown>,
  tabs: [] as FakeTab[],
  /** Edits of the workspace, each one step of undo; false: VS Code does not let it happen. */
  edits: [] as { uri: string; text: string }[][],
  mayEdit: true,
  /** Other extensions. */
  installed: [] as string[],
  diagnostics: [] as [Uri, { range: Range; message: string; severity: number; source?: string }[]][],
  webviewProviders: new Map<string, { resolveWebviewView(view: unknown): void }>(),
  panels: [] as ReturnType<typeof fakeWebviewPanel>[],
  serializers: new Map<string, { deserializeWebviewPanel(panel: unknown, state: unknown): Promise<void> }>(),
  /** Where the user saves something. */
  saveAs: undefined as Uri | undefined,
  codeActions: [] as { provideCodeActions(...args: unknown[]): unknown }[],
  languageModels: new Map<string, unknown>(),
  participants: new Map<string, (...args: unknown[]) => Promise<unknown>>(),
  statusBar: [] as StatusBarItem[],
  statusMessages: [] as string[],
  logLines: [] as string[],
  commands: new Map<string, (...args: never[]) => unknown>(),
  /** Of commands that are not registered here: VS Code's own. */
  executed: [] as { id: string; args: unknown[] }[],
  /** What VS Code does in such a command. */
  perform: undefined as ((id: string, args: unknown[]) => unknown) | undefined,
  providers: [] as unknown[],
  contents: new Map<string, { provideTextDocumentContent: (uri: Uri) => string | Promise<string> }>(),
  openedTexts: [] as string[],
  clipboard: '',
  documentReads: 0,
  /** Paths of the workspace's folders; a nested one stands before what it lies in. */
  folders: ['/work space'],
  trusted: true,
  /** What the extension keeps in VS Code's store of secrets, and how often it looked there. */
  secrets: new Map<string, string>(),
  secretReads: 0,
  /** Path → what lies on the disk; every reading of a text is counted. */
  disk: new Map<string, { text: string; mtime: number; type?: number }>(),
  diskReads: [] as string[],
  /** Folders that were listed. */
  listings: [] as string[],
  /** English text → what this language says. */
  bundle: null as Record<string, string> | null,
});

/** VS Code's store of secrets. */
export const secrets = {
  get: async (key: string) => {
    fake.secretReads++;
    return fake.secrets.get(key);
  },
  store: async (key: string, value: string) => {
    fake.secrets.set(key, value);
    events.secrets.fire({ key });
  },
  delete: async (key: string) => {
    fake.secrets.delete(key);
    events.secrets.fire({ key });
  },
  onDidChange: events.secrets.event,
};

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
    Object.assign(env, { language: 'en' });
  },
  set(name: string, value: unknown): void {
    fake.settings[name] = value;
    events.configuration.fire({ affectsConfiguration: (section) => name === section || name.startsWith(`${section}.`) });
  },
  /** Opens a document in the active editor, the cursor at its end. */
  open(text: string, languageId = 'typescript', uri = Uri.file(`/work space/sämple.${languageId}`)): FakeEditor {
    const document = new FakeDocument(uri, languageId, text);
    const end = document.positionAt(text.length);
    const selection = new Selection(end, end);
    const editor: FakeEditor = {
      document, selection, selections: [selection],
      edit: async (change) => fake.mayEdit && applied((builder) => change({ replace: (range, text) => builder.push({ uri: document.uri, range, text }) })),
    };
    workspace.textDocuments = [...workspace.textDocuments.filter((other) => other.uri.toString() !== uri.toString()), document];
    Object.assign(window, { activeTextEditor: editor, visibleTextEditors: [editor] });
    return editor;
  },
};

/** One step of undo: all replacements, the last ones first. */
function applied(fill: (replacements: { uri: { toString(): string }; range: { start: Position; end: Position }; text: string }[]) => void): boolean {
  const replacements: Parameters<typeof fill>[0] = [];
  fill(replacements);
  fake.edits.push(replacements.map(({ uri, text }) => ({ uri: uri.toString(), text })));
  for (const { uri, range, text } of replacements.reverse()) {
    const document = workspace.textDocuments.find((other) => other.uri.toString() === uri.toString())!;
    const start = document.offsetAt(range.start);
    document.change(start, document.offsetAt(range.end) - start, text);
  }
  return true;
}

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
  showQuickPick: async (given: { label: string; command: string }[] | Promise<{ label: string; command: string }[]>, options: { title: string; placeHolder: string; canPickMany?: boolean }) => {
    const items = await given;
    fake.quickPicks.push({ items, ...options });
    const chosen = items.filter(({ command, label }) => fake.pick !== undefined && [fake.pick].flat().some((pick) => command === pick || label === pick));
    return options.canPickMany ? chosen : chosen[0];
  },
  createQuickPick: () => {
    const list = new FakeQuickPick();
    fake.lists.push(list);
    return list;
  },
  showInputBox: async () => fake.input,
  showOpenDialog: async (options: { filters: Record<string, string[]> }) => {
    fake.dialogs.push(options);
    return fake.dialog && [fake.dialog];
  },
  showTextDocument: async (document: unknown, options?: { selection?: Range }) => void fake.shownDocuments.push({ document, options }),
  registerWebviewViewProvider: (id: string, provider: { resolveWebviewView(view: unknown): void }) => {
    fake.webviewProviders.set(id, provider);
    return { dispose: () => void fake.webviewProviders.delete(id) };
  },
  createWebviewPanel: () => {
    const made = fakeWebviewPanel();
    fake.panels.push(made);
    return made.panel;
  },
  registerWebviewPanelSerializer: (id: string, serializer: { deserializeWebviewPanel(panel: unknown, state: unknown): Promise<void> }) => {
    fake.serializers.set(id, serializer);
    return { dispose: () => void fake.serializers.delete(id) };
  },
  showSaveDialog: async () => fake.saveAs,
  tabGroups: {
    get all() {
      return [{ tabs: fake.tabs }];
    },
    get activeTabGroup() {
      return { activeTab: fake.tabs.at(-1) };
    },
    close: async (tabs: FakeTab[]) => {
      fake.tabs = fake.tabs.filter((tab) => !tabs.includes(tab));
      events.tabs.fire({ closed: tabs });
      return true;
    },
    onDidChangeTabs: events.tabs.event,
  },
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
  onDidGrantWorkspaceTrust: events.trust.event,
  getWorkspaceFolder: (uri: Uri) => {
    const path = fake.folders.find((folder) => uri.path.startsWith(`${folder}/`));
    return path === undefined ? undefined : { uri: Uri.file(path) };
  },
  get workspaceFolders() {
    return fake.folders.map((path) => ({ uri: Uri.file(path), name: path.slice(path.lastIndexOf('/') + 1) }));
  },
  asRelativePath: (uri: Uri) => {
    const folder = fake.folders.find((path) => uri.path.startsWith(`${path}/`));
    return folder === undefined ? uri.path : uri.path.slice(folder.length + 1);
  },
  findFiles: async () => [...fake.disk].filter(([path, { type = FileType.File }]) => type === FileType.File && fake.folders.some((folder) => path.startsWith(`${folder}/`))).map(([path]) => Uri.file(path)),
  applyEdit: async (edit: WorkspaceEdit) => fake.mayEdit && applied((replacements) => replacements.push(...(edit.replacements as never[]))),
  fs: {
    createDirectory: async () => {},
    writeFile: async (uri: Uri, bytes: Uint8Array) => void fake.disk.set(uri.path, { text: Buffer.from(bytes).toString('latin1'), mtime: fake.disk.size }),
    rename: async (from: Uri, to: Uri) => {
      fake.disk.set(to.path, onDisk(from));
      fake.disk.delete(from.path);
    },
    delete: async (uri: Uri) => {
      onDisk(uri);
      fake.disk.delete(uri.path);
    },
    readDirectory: async (uri: Uri) => {
      fake.listings.push(uri.path);
      const within = [...fake.disk].filter(([path]) => path.startsWith(`${uri.path}/`)).map(([path, { type = FileType.File }]) => [path.slice(uri.path.length + 1), type] as const);
      if (within.length === 0 && !fake.folders.includes(uri.path)) throw Object.assign(new Error('no such folder'), { code: 'FileNotFound' });
      return [...new Map(within.map(([name, type]) => (name.includes('/') ? [name.slice(0, name.indexOf('/')), FileType.Directory] : [name, type])))];
    },
    stat: async (uri: Uri) => ({ type: onDisk(uri).type ?? FileType.File, mtime: onDisk(uri).mtime, size: Buffer.byteLength(onDisk(uri).text, 'latin1') }),
    readFile: async (uri: Uri) => {
      fake.diskReads.push(uri.path);
      return new Uint8Array(Buffer.from(onDisk(uri).text, 'latin1'));
    },
  },
  getConfiguration: (section: string) => {
    const defaultOf = (name: string) => manifestSettings[`${section}.${name}`]?.default;
    const setBy = (name: string) => [fake.settings[`${section}.${name}`], fake.workspaceSettings[`${section}.${name}`]];
    return {
      /** As VS Code does: the strongest, objects joined by their keys. */
      get: (name: string) => {
        const values = [defaultOf(name), ...setBy(name)].filter((value) => value !== undefined);
        const isObject = typeof values.at(-1) === 'object' && values.at(-1) !== null && !Array.isArray(values.at(-1));
        return isObject ? Object.assign({}, ...values) : values.at(-1);
      },
      inspect: (name: string) => ({ defaultValue: defaultOf(name), globalValue: setBy(name)[0], workspaceValue: setBy(name)[1] }),
      update: async (name: string, value: unknown, target?: number) => {
        const settings = target === ConfigurationTarget.Workspace ? fake.workspaceSettings : fake.settings;
        if (value === undefined) delete settings[`${section}.${name}`];
        else settings[`${section}.${name}`] = value;
        events.configuration.fire({ affectsConfiguration: (asked) => `${section}.${name}` === asked || `${section}.${name}`.startsWith(`${asked}.`) });
      },
    };
  },
  createFileSystemWatcher: () => ({ onDidCreate: events.created.event, onDidDelete: events.deleted.event, dispose() {} }),
  onDidChangeConfiguration: events.configuration.event,
  onDidChangeTextDocument: events.changed.event,
  onDidCloseTextDocument: events.closed.event,
  registerTextDocumentContentProvider: (scheme: string, provider: { provideTextDocumentContent: (uri: Uri) => string | Promise<string> }) => {
    fake.contents.set(scheme, provider);
    return { dispose() {} };
  },
  openTextDocument: async (uri: Uri | { language: string; content: string }) => {
    if ('content' in uri) return fake.open(uri.content, uri.language, Uri.from({ scheme: 'untitled', path: `Untitled-${workspace.textDocuments.length + 1}` })).document;
    const open = workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
    if (open) return open;
    if (!fake.contents.has(uri.scheme)) return new FakeDocument(uri, 'plaintext', Buffer.from(onDisk(uri).text, 'latin1').toString('utf8'));
    const text = fake.contents.get(uri.scheme)!.provideTextDocumentContent(uri);
    fake.openedTexts.push(typeof text === 'string' ? text : await text);
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
    if (id === 'setContext') fake.contextKeys[args[0] as string] = args[1];
    if (id === 'vscode.diff') fake.tabs.push({ label: args[2] as string, input: new TabInputTextDiff(args[0] as Uri, args[1] as Uri) });
    return fake.perform?.(id, args);
  },
};

export const extensions = { getExtension: (id: string) => (fake.installed.includes(id) ? { id } : undefined) };

export const languages = {
  getDiagnostics: (uri?: Uri) => (uri ? fake.diagnostics.filter(([other]) => other.toString() === uri.toString()).flatMap(([, found]) => found) : fake.diagnostics),
  registerCodeActionsProvider: (_selector: unknown, provider: { provideCodeActions(...args: unknown[]): unknown }) => {
    fake.codeActions.push(provider);
    return { dispose: () => void fake.codeActions.splice(fake.codeActions.indexOf(provider), 1) };
  },
  registerInlineCompletionItemProvider: (_selector: unknown, provider: unknown) => {
    fake.providers.push(provider);
    return { dispose: () => void fake.providers.splice(fake.providers.indexOf(provider), 1) };
  },
};

export const lm = {
  registerLanguageModelChatProvider: (vendor: string, provider: unknown) => {
    fake.languageModels.set(vendor, provider);
    return { dispose: () => void fake.languageModels.delete(vendor) };
  },
};

export const chat = {
  createChatParticipant: (id: string, handler: (...args: unknown[]) => Promise<unknown>) => {
    fake.participants.set(id, handler);
    return { dispose: () => void fake.participants.delete(id) };
  },
};

export const l10n = {
  get bundle() {
    return fake.bundle ?? undefined;
  },
  t: (text: string, ...args: unknown[]) => {
    const translated = fake.bundle ? fake.bundle[text] : text;
    if (translated === undefined) throw new Error(`Not in the bundle: ${text}`);
    return translated.replace(/\{(\d+)\}/g, (_, index) => String(args[Number(index)]));
  },
};

export const env = {
  appName: 'Visual Studio Code',
  language: 'en',
  openExternal: async (uri: Uri) => fake.openedLinks.push(uri.toString()) > 0,
  remoteName: undefined,
  clipboard: { writeText: async (text: string) => void (fake.clipboard = text) },
};
