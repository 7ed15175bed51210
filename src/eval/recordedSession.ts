// A recorded editing session: one JSON object a line, each a thing that somebody does in an editor. Played, it gives the documents as they then are.
// {"do":"open","file":"engine.ts.txt","as":"src/engine.ts"}   a file beside the session; the cursor stands at its beginning
// {"do":"switch","to":"src/engine.ts"}                        to a document that is open; its cursor is where it was
// {"do":"cursor","behind":"text","nth":2} or {"do":"cursor","before":"text"}
// {"do":"type","text":"…"}                                    key by key; {"do":"paste","text":"…"}: at once
// {"do":"delete","count":3}                                   behind the cursor's back, key by key
// {"do":"move","from":"…","to":"…","behind":"…"}              the text from the one to the other, put behind a third
// {"do":"rename","text":"…","with":"…"}                       everywhere in the document, at once
// {"do":"undo","count":1} {"do":"redo","count":1}             what came since the cursor was last put somewhere counts as one
// {"do":"accept"}                                             takes what was suggested last
// {"do":"chat","ask":"…"}                                     about the document
// {"do":"pause"}                                              nobody does anything until all that is worth reading ahead is read
import { DeltaError } from '../shared/errors.ts';
import { languageOf } from '../shared/languages.ts';
import type { Snapshot } from '../prompt/snapshot.ts';

export type Action =
  | { do: 'open'; file: string; as: string }
  | { do: 'switch'; to: string }
  | { do: 'cursor'; behind?: string; before?: string; nth?: number }
  | { do: 'type' | 'paste'; text: string }
  | { do: 'delete'; count: number }
  | { do: 'move'; from: string; to: string; behind: string }
  | { do: 'rename'; text: string; with: string }
  | { do: 'undo' | 'redo'; count?: number }
  | { do: 'accept' | 'pause' }
  | { do: 'chat'; ask: string };

/** What has to be there besides `do`, by action. */
const FIELDS: Record<Action['do'], Readonly<Record<string, 'string' | 'number'>>> = {
  open: { file: 'string', as: 'string' }, switch: { to: 'string' }, cursor: {}, type: { text: 'string' }, paste: { text: 'string' }, delete: { count: 'number' },
  move: { from: 'string', to: 'string', behind: 'string' }, rename: { text: 'string', with: 'string' }, undo: {}, redo: {}, accept: {}, pause: {}, chat: { ask: 'string' },
};

/** Reads a session. Throws `fileUnreadable`, with the line, where it is none. */
export function parseSession(text: string, name: string): Action[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    let action: unknown;
    try {
      action = JSON.parse(line);
    } catch {
      throw wrong(name, i, 'it is no JSON');
    }
    const known = action as Record<string, unknown> | null;
    const fields = typeof known?.do === 'string' && Object.hasOwn(FIELDS, known.do) ? FIELDS[known.do as Action['do']] : undefined;
    if (!fields) throw wrong(name, i, 'it says nothing that somebody does');
    for (const [field, type] of Object.entries(fields)) if (typeof known![field] !== type) throw wrong(name, i, `"${field}" is missing`);
    return [action as Action];
  });
}

const wrong = (name: string, line: number, why: string) => new DeltaError('fileUnreadable', name, `line ${line + 1}: ${why}`);

interface State {
  text: string;
  cursor: number;
}

interface Document extends State {
  done: State[];
  undone: State[];
  /** Whether the next change begins a step of its own to undo. */
  fresh: boolean;
}

/** The documents of a session as they are played. */
export class PlayedDocuments {
  private readonly documents = new Map<string, Document>();
  private path = '';

  open(path: string, text: string): void {
    this.documents.set(path, { text, cursor: 0, done: [], undone: [], fresh: true });
    this.path = path;
  }

  /** The text around the cursor. */
  get snapshot(): Snapshot {
    const { text, cursor } = this.now;
    return { path: this.path, languageId: languageOf(this.path, text), before: text.slice(0, cursor), after: text.slice(cursor) };
  }

  /** Does one thing and stops after every key of it; `suggested` is what would be accepted. */
  *play(action: Action, suggested = ''): Generator<void> {
    const now = this.documents.get(this.path)!;
    switch (action.do) {
      case 'switch': this.path = action.to; this.now.fresh = true; return yield;
      case 'cursor': now.fresh = true; now.cursor = this.place(action); return yield;
      case 'type': for (const key of action.text) yield this.insert(key); return;
      case 'paste': now.fresh = true; this.insert(action.text); now.fresh = true; return yield;
      case 'accept': now.fresh = true; this.insert(suggested); now.fresh = true; return yield;
      case 'delete': for (let i = 0; i < action.count; i++) yield this.change(now.text.slice(0, Math.max(0, now.cursor - 1)) + now.text.slice(now.cursor), Math.max(0, now.cursor - 1)); return;
      case 'move': this.move(action.from, action.to, action.behind); return yield;
      case 'rename': this.rename(action.text, action.with); return yield;
      case 'undo': case 'redo': for (let i = 0; i < (action.count ?? 1); i++) yield this.back(action.do); return;
    }
  }

  private get now(): Document {
    const now = this.documents.get(this.path);
    if (!now) throw new DeltaError('usage', `The session has opened no document "${this.path}"`);
    return now;
  }

  private insert(text: string): void {
    const { now } = this;
    this.change(now.text.slice(0, now.cursor) + text + now.text.slice(now.cursor), now.cursor + text.length);
  }

  private change(text: string, cursor: number): void {
    const { now } = this;
    if (now.fresh) now.done.push({ text: now.text, cursor: now.cursor });
    now.fresh = false;
    now.undone.length = 0;
    [now.text, now.cursor] = [text, cursor];
  }

  private move(from: string, to: string, behind: string): void {
    const { now } = this;
    const start = this.find(from, 1);
    const end = this.find(to, 1, start + from.length) + to.length;
    const rest = now.text.slice(0, start) + now.text.slice(end);
    const at = rest.indexOf(behind);
    if (at < 0) throw missing(behind);
    now.fresh = true;
    this.change(rest.slice(0, at + behind.length) + now.text.slice(start, end) + rest.slice(at + behind.length), at + behind.length + end - start);
    now.fresh = true;
  }

  private rename(text: string, other: string): void {
    const { now } = this;
    this.find(text, 1);
    const before = now.text.slice(0, now.cursor).replaceAll(text, other);
    now.fresh = true;
    this.change(before + now.text.slice(now.cursor).replaceAll(text, other), before.length);
    now.fresh = true;
  }

  private back(way: 'undo' | 'redo'): void {
    const { now } = this;
    const [from, to] = way === 'undo' ? [now.done, now.undone] : [now.undone, now.done];
    const state = from.pop();
    if (!state) throw new DeltaError('usage', `The session has nothing to ${way}`);
    to.push({ text: now.text, cursor: now.cursor });
    [now.text, now.cursor, now.fresh] = [state.text, state.cursor, true];
  }

  private place({ behind, before, nth = 1 }: Extract<Action, { do: 'cursor' }>): number {
    if (behind !== undefined) return this.find(behind, nth) + behind.length;
    if (before !== undefined) return this.find(before, nth);
    return this.now.text.length;
  }

  private find(text: string, nth: number, from = 0): number {
    let at = from - 1;
    for (let i = 0; i < nth; i++) {
      at = this.now.text.indexOf(text, at + 1);
      if (at < 0) throw missing(text);
    }
    return at;
  }
}

const missing = (text: string) => new DeltaError('usage', `The document does not say "${text}" there`);
