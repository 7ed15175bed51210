// Ghost text: VS Code's requests become plain data for the completer, its answers become items. What the user does elsewhere ends what nobody waits for.
import {
  commands, InlineCompletionItem, InlineCompletionTriggerKind, languages, window, workspace,
  type CancellationToken, type Command, type Disposable, type InlineCompletionContext, type InlineCompletionItemProvider, type LogOutputChannel, type Memento, type Position, type TextDocument, type TextEditor,
} from 'vscode';
import { Completer, type CompleterHost } from '../completion/completer.ts';
import type { DocumentFacts } from '../completion/eligible.ts';
import type { Existing } from '../completion/existing.ts';
import { Keeping } from '../completion/keeping.ts';
import { Landing, type ReadAhead } from '../completion/landing.ts';
import type { NoneReason, Refusal, RequestRecord } from '../completion/request.ts';
import type { TextSource } from '../completion/source.ts';
import type { CancelFlag } from '../shared/cancel.ts';
import { Tally } from '../completion/tally.ts';
import type { Reuse } from '../session/protocol.ts';
import { abandonedOf } from './abandoned.ts';
import { clock } from './clock.ts';
import { FolderNames } from './folderNames.ts';
import { KeptHabit } from './keptHabit.ts';
import { NeighbourDocuments } from './neighbours.ts';
import { OfferedMembers } from './offeredMembers.ts';
import { factsOf, placeOf, refusalBy } from './place.ts';
import type { Settings } from './settingsTable.ts';
import { sayThatItComes } from './waitingWord.ts';

/** VS Code's command; `providerId` makes it ask this provider alone. Only an explicit request is asked again at the same place of the same version. */
const TRIGGER = 'editor.action.inlineSuggest.trigger';
/**
 * Asks again, keeps what is shown on top and goes on to the next text: ours, longer, without a frame in which there is none. Does nothing where no ghost
 * text is on the screen, for example since Escape.
 */
const NEXT = 'editor.action.inlineSuggest.showNext';
const HIDE = 'editor.action.inlineSuggest.hide';

export interface CompletionsNeeds {
  source: TextSource;
  /** Whether the model is still being loaded. */
  isLoading: () => boolean;
  /** Reads what nobody waits for, where a model is loaded. */
  readAhead: ReadAhead;
  /** Writes a text that nobody waits for, where a model is loaded. */
  writeAhead: CompleterHost['writeAhead'];
  /** Writes what was read to the disk, for the next start, where a model is loaded, until it is cancelled. */
  keep: (cancel: CancelFlag) => Promise<unknown>;
  settings: () => Settings;
  /** Where counts of what the user took are kept. */
  state: Pick<Memento, 'get' | 'update'>;
  /** "publisher.name". */
  extensionId: string;
  log: LogOutputChannel;
  /** What VS Code does when a suggestion in this document is taken. */
  whenTaken?: (document: TextDocument) => Command | undefined;
  /** A request was answered, with a text or without. Not called for those that gave way to another. */
  onAnswer: () => void;
}

export class Completions implements InlineCompletionItemProvider, Disposable {
  readonly tally = new Tally();
  /** The last request for which a prompt was made. */
  lastPrompted: RequestRecord | undefined;
  private readonly completer: Completer;
  private readonly neighbours: NeighbourDocuments;
  private readonly folders = new FolderNames((beside) => {
    const facts = factsOf(beside);
    return (path) => this.refusalOf({ ...facts, path }) === null;
  });
  private readonly members = new OfferedMembers(clock);
  private readonly landing: Landing;
  private readonly keeping: Keeping;
  private readonly subscriptions: Disposable[];
  /** The last request's document, version and cursor; where the last edit left the cursor may be. */
  private asked: { document: string; version: number; offset: number } | undefined;
  private edited: { document: string; from: number; to: number } | undefined;
  /** We ask again ourselves: not the user. Until VS Code has passed it on. */
  private askingAgain: object | null = null;
  /** The last suggestion that was asked for again. */
  private lengthened = 0;

  constructor(private readonly needs: CompletionsNeeds) {
    this.neighbours = new NeighbourDocuments(needs.settings, clock);
    this.landing = new Landing(clock, needs.readAhead);
    this.keeping = new Keeping(clock, needs.keep);
    this.completer = new Completer(needs.source, clock, {
      settings: () => {
        const settings = needs.settings();
        return { latencyMs: settings['completions.latencyBudget'], maxTokens: settings['completions.maxTokens'], promptTokens: settings['completions.promptTokens'], eagerness: settings['completions.eagerness'], nextAhead: settings['completions.nextAhead'] };
      },
      habit: new KeptHabit(needs.state),
      writeAhead: needs.writeAhead,
      record: (record) => this.record(record),
      longer: (document, { id }, manual) => this.once(id, () => this.askAgain(document, manual ? 'anew' : 'next')),
      late: (document, { id }) => this.once(id, () => this.askAgain(document)),
    });
    this.subscriptions = [
      this.neighbours,
      this.folders,
      languages.registerInlineCompletionItemProvider({ pattern: '**' }, this),
      workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length === 0 || !isOpenInEditor(document)) return;
        const id = document.uri.toString();
        this.landing.leave();
        this.keeping.touched();
        for (const { rangeOffset, rangeLength, text } of contentChanges) {
          this.completer.edited(id, { offset: rangeOffset, removed: rangeLength, inserted: text });
          this.edited = { document: id, from: rangeOffset, to: rangeOffset + text.length };
        }
      }),
      workspace.onDidCloseTextDocument((document) => this.completer.forget(document.uri.toString())),
      window.onDidChangeTextEditorSelection(({ textEditor, selections }) => {
        if (textEditor !== window.activeTextEditor) return;
        this.keeping.touched();
        this.cursorAt(textEditor.document, selections);
        this.landed(textEditor);
      }),
      window.onDidChangeActiveTextEditor((editor) => {
        if (editor) this.landed(editor);
        else this.landing.leave();
        const document = editor?.document.uri.toString();
        if (this.asked && this.asked.document !== document) this.completer.forget(this.asked.document);
      }),
    ];
    this.answerEarlyKeys();
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.landing.leave();
    this.keeping.stop();
    this.completer.dispose();
  }

  async provideInlineCompletionItems(document: TextDocument, position: Position, context: InlineCompletionContext, token: CancellationToken): Promise<InlineCompletionItem[]> {
    const invoked = context.triggerKind === InlineCompletionTriggerKind.Invoke;
    // Where an item of the list is selected by now, VS Code does not ask for it once more: the text that we came for may not go with it, another one may.
    const manual = invoked && !this.askingAgain;
    if (invoked) this.askingAgain = null;
    this.landing.leave();
    const refused = this.refusal(document);
    if (refused) {
      this.record(refusalRecord(document, manual, refused));
      return [];
    }
    const { snapshot, range, lead } = placeOf(document, position, context);
    const id = document.uri.toString();
    const offset = document.offsetAt(position);
    this.asked = { document: id, version: document.version, offset };
    const neighbours = this.neighbours.of(document);
    const existing = this.existingAt(document, position);
    const request = { document: id, version: document.version, snapshot, manual, ...(neighbours && { neighbours }), ...(existing && { existing }), ...(lead === '' ? {} : { cursor: offset }) };
    const answering = this.completer.complete(request, abandonedOf(token));
    if (manual) sayThatItComes(answering, this.needs.isLoading);
    const answer = await answering;
    return 'show' in answer ? [new InlineCompletionItem(lead + answer.show.text, range, this.needs.whenTaken?.(document))] : [];
  }

  /** Why the active document is not completed; null where it is, or where there is none. */
  get refusedHere(): Refusal | null {
    const document = window.activeTextEditor?.document;
    return document ? this.refusal(document) : null;
  }

  /** What is known to exist around a place. Where everything is shown nobody asks. */
  private existingAt(document: TextDocument, position: Position): Existing | undefined {
    if (this.needs.settings()['completions.eagerness'] === 'high') return undefined;
    this.folders.listAhead(document);
    return { folder: (path) => this.folders.of(document, path), members: this.members.at(document, position) };
  }

  private refusal(document: TextDocument): Refusal | null {
    return this.refusalOf(factsOf(document));
  }

  private refusalOf(facts: DocumentFacts): Refusal | null {
    return refusalBy(this.needs.settings(), facts);
  }

  /** The cursor is somewhere else: what a request there would read is read ahead. */
  private landed(editor: TextEditor): void {
    const { document } = editor;
    this.landing.at(() => {
      const { isEmpty, active } = editor.selection;
      if (document.isClosed || !isEmpty || !window.state.focused || this.needs.settings()['completions.promptTokens'] === 0 || this.refusal(document)) return null;
      const neighbours = this.neighbours.of(document);
      return { prompt: this.completer.prompt(placeOf(document, active, { selectedCompletionInfo: undefined }).snapshot).prompt, ...(neighbours && { neighbours }) };
    });
  }

  /**
   * Settings or the runtime changed: nothing that runs is wanted as it is, and what the runtime failed to answer may have an answer now. VS Code takes the
   * empty answer for the last word, so that we must ask.
   */
  forget(): void {
    const document = this.completer.busyWith ?? this.unserved;
    this.folders.clear();
    this.completer.forget();
    if (document !== null) this.askAgain(document);
  }

  /** The document of the last request, where the runtime was not there to answer it. */
  private get unserved(): string | null {
    return this.tally.answered?.reason === 'unavailable' ? (this.asked?.document ?? null) : null;
  }

  private record(record: RequestRecord): void {
    this.tally.add(record);
    if (record.prompt) this.lastPrompted = record;
    const { answer, reason, origin, ms, tokens } = record;
    if (answer !== 'superseded') this.needs.onAnswer();
    const counts = tokens ? `, ${tokens.prompt} tokens read (${tokens.reused} of them known${reuseOf(tokens.reuse)}), ${tokens.generated} written` : '';
    this.needs.log.debug(`Request in ${record.languageId}: ${answer}${reason ? ` (${reason})` : ''}${origin ? ` from ${origin}` : ''} after ${Math.round(ms.total)} ms${counts}.`);
  }

  private cursorAt(document: TextDocument, selections: readonly { isEmpty: boolean; active: Position }[]): void {
    const id = document.uri.toString();
    if (this.asked?.document !== id) return;
    const [first] = selections;
    const offset = document.offsetAt(first.active);
    const behindEdit = this.edited?.document === id && offset >= this.edited.from && offset <= this.edited.to;
    if (selections.length > 1 || !first.isEmpty || (offset !== this.asked.offset && !behindEdit)) this.completer.forget(id);
  }

  /** For the suggestion `id`, unless that was done before. */
  private once(id: number, askAgain: () => boolean): void {
    if (id !== this.lengthened && askAgain()) this.lengthened = id;
  }

  /**
   * Only where the text can still be shown: same document, same version, the cursor where it was, the window in use. False elsewhere. 'next': in the place
   * of the text that is shown; 'anew': the same where VS Code was asked by the user and asks nobody twice.
   */
  private askAgain(document: string, how: 'first' | 'next' | 'anew' = 'first'): boolean {
    const editor = window.activeTextEditor;
    const { asked } = this;
    if (!editor || !asked || !window.state.focused) return false;
    const { document: shown, selection } = editor;
    if (asked.document !== document || shown.uri.toString() !== document || shown.version !== asked.version) return false;
    if (!selection.isEmpty || shown.offsetAt(selection.active) !== asked.offset) return false;
    if (how === 'anew') void commands.executeCommand(HIDE);
    this.askUnasked(how === 'next');
    return true;
  }

  /** Keys that were typed before we were there asked nobody: what is at their end is asked for now. A document that came back unsaved with the window was not typed into. */
  private answerEarlyKeys(): void {
    const editor = window.activeTextEditor;
    if (editor && editor.document.isDirty && editor.document.version > 1 && editor.selection.isEmpty && window.state.focused && !this.refusal(editor.document)) this.askUnasked();
  }

  /** VS Code asks us without the user having asked it to. */
  private askUnasked(next = false): void {
    const again = (this.askingAgain = {});
    const passedOn = (): void => {
      if (this.askingAgain === again) this.askingAgain = null;
    };
    const asking = next ? commands.executeCommand(NEXT) : commands.executeCommand(TRIGGER, { providerId: `${this.needs.extensionId}:*`, explicit: true });
    asking.then(passedOn, (error: unknown) => {
      passedOn();
      this.needs.log.warn(`VS Code could not be asked to show a text: ${String(error)}`);
    });
  }
}

/** Asks VS Code for ghost text at the cursor, as a user's wish. */
export const triggerCompletion = (): Thenable<unknown> => commands.executeCommand(TRIGGER, { explicit: true });

const isOpenInEditor = (document: TextDocument): boolean => window.visibleTextEditors.some((editor) => editor.document === document);

function refusalRecord(document: TextDocument, manual: boolean, reason: NoneReason): RequestRecord {
  return {
    at: Date.now(), path: document.uri.path, languageId: document.languageId, manual, answer: 'suppressed', reason,
    origin: null, text: '', confidence: null, tokens: null, ms: { pause: 0, waiting: 0, prefill: 0, decode: 0, total: 0 }, stages: null, prompt: null,
  };
}

/** How what was known had been read, where that was not as it stands. */
const reuseOf = (reuse: Reuse | undefined): string => (reuse ? `: ${reuse.strict} as they stand, ${reuse.approximate} behind a change, ${reuse.moved} moved` : '');
