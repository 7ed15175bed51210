// An editor as VS Code is one for completions: it tells of every change, asks again after it, drops answers for another version, keeps ghost text that
// is typed through, and closes brackets and quotes by itself.
import type { Completer } from '../../src/completion/completer.ts';
import type { Answer, CompletionRequest } from '../../src/completion/request.ts';
import type { Clock } from '../../src/completion/source.ts';
import type { Abandoned } from '../../src/completion/waiting.ts';

export interface Asked {
  readonly request: CompletionRequest;
  readonly abandoned: Token;
  answers: Answer[];
  /** When it was answered, by the clock. */
  answeredAt: number;
}

export class Token implements Abandoned {
  isSet = false;
  private listeners = new Set<() => void>();

  onSet(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  set(): void {
    if (this.isSet) return;
    this.isSet = true;
    for (const listener of this.listeners) listener();
    this.listeners.clear();
  }

  get listening(): number {
    return this.listeners.size;
  }
}

const closers: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '"': '"' };

export class FakeEditor {
  cursor = 0;
  version = 1;
  /** At the cursor; null: none. */
  ghost: string | null = null;
  /** A request is abandoned only when the next one is made. */
  cancelsLate = false;
  readonly asked: Asked[] = [];
  /** After every change of the document: it was told, and not yet asked about. */
  onChange: () => void = () => {};
  onGhost: (before: string | null, after: string | null, cause: 'change' | 'answer') => void = () => {};
  private endWait: () => void = () => {};

  constructor(
    private readonly completer: Completer,
    private readonly clock: Clock,
    readonly document: string,
    public text = '',
    /** VS Code's own pause before it asks, milliseconds. */
    public debounce = 0,
    readonly languageId = 'typescript',
  ) {}

  get eol(): string {
    return this.text.includes('\r\n') ? '\r\n' : '\n';
  }

  get before(): string {
    return this.text.slice(0, this.cursor);
  }

  get after(): string {
    return this.text.slice(this.cursor);
  }

  /** One key as the user presses it. */
  type(char: string): void {
    const next = this.text[this.cursor];
    if (char === '\n') return this.enter();
    if (Object.values(closers).includes(char) && next === char && this.closedByEditor(char)) return this.replace(this.cursor, 1, char, this.cursor + 1);
    if (char in closers && (next === undefined || /[\s)\]}]/.test(next))) return this.replace(this.cursor, 0, char + closers[char], this.cursor + 1);
    this.replace(this.cursor, 0, char, this.cursor + char.length);
  }

  backspace(): void {
    if (this.cursor === 0) return;
    const last = this.text[this.cursor - 1];
    if (closers[last] !== undefined && this.text[this.cursor] === closers[last]) return this.replace(this.cursor - 1, 2, '', this.cursor - 1);
    const length = this.text.slice(0, this.cursor).endsWith('\r\n') ? 2 : 1;
    this.replace(this.cursor - length, length, '', this.cursor - length);
  }

  /** Takes the first `length` characters of the ghost text, as accept-word and accept-line do. */
  accept(length: number): void {
    const taken = this.ghost?.slice(0, length).replaceAll('\n', this.eol);
    if (taken) this.replace(this.cursor, 0, taken, this.cursor + taken.length);
  }

  /** A change at any place; the cursor goes to `cursor`. */
  replace(offset: number, removed: number, inserted: string, cursor: number): void {
    const isTyped = offset === this.cursor && removed === 0 && cursor === offset + inserted.length;
    const typed = inserted.replaceAll('\r\n', '\n');
    const goesOn = isTyped && this.ghost !== null && this.ghost.startsWith(typed) && this.ghost.length > typed.length;
    this.text = this.text.slice(0, offset) + inserted + this.text.slice(offset + removed);
    this.cursor = cursor;
    this.version++;
    if (!this.cancelsLate) this.asked.at(-1)?.abandoned.set();
    this.completer.edited(this.document, { offset, removed, inserted });
    this.onChange();
    this.display(goesOn ? this.ghost!.slice(typed.length) : null, 'change');
    this.ask();
  }

  /** The cursor goes elsewhere, with a click. */
  click(cursor: number): void {
    this.cursor = cursor;
    this.asked.at(-1)?.abandoned.set();
    this.completer.forget(this.document);
    this.display(null, 'change');
    this.ask();
  }

  leave(): void {
    this.endWait();
    this.asked.at(-1)?.abandoned.set();
    this.display(null, 'change');
  }

  /** Asks the provider after the debounce. */
  ask(manual = false): void {
    this.endWait();
    this.endWait = this.clock.wait(manual ? 0 : this.debounce, () => void this.request(manual));
  }

  async request(manual = false): Promise<Answer> {
    const { document, version, cursor, before, after } = this;
    this.asked.at(-1)?.abandoned.set();
    const snapshot = { path: document, languageId: this.languageId, before, after };
    const asked: Asked = { request: { document, version, snapshot, manual }, abandoned: new Token(), answers: [], answeredAt: 0 };
    this.asked.push(asked);
    const answer = await this.completer.complete(asked.request, asked.abandoned);
    asked.answers.push(answer);
    asked.answeredAt = this.clock.now();
    if (!asked.abandoned.isSet && version === this.version && cursor === this.cursor) this.display('show' in answer ? answer.show.text : null, 'answer');
    return answer;
  }

  private display(ghost: string | null, cause: 'change' | 'answer'): void {
    const before = this.ghost;
    this.ghost = ghost;
    this.onGhost(before, ghost, cause);
  }

  private enter(): void {
    const line = this.before.slice(this.before.lastIndexOf('\n') + 1);
    const indent = /^[ \t]*/.exec(line)![0];
    const opened = /[({[]$/.test(line);
    const left = this.eol + indent + (opened ? '  ' : '');
    const right = opened && /^[)}\]]/.test(this.after) ? this.eol + indent : '';
    this.replace(this.cursor, 0, left + right, this.cursor + left.length);
  }

  private closedByEditor(char: string): boolean {
    const line = this.before.slice(this.before.lastIndexOf('\n') + 1);
    return line.includes(Object.keys(closers).find((opener) => closers[opener] === char)!);
  }
}
