// What the runtime remembers of one conversation between its requests: the text around, what was deleted from it, how well guessing ahead went.
import type { End } from '../cache/lease.ts';
import type { KvCache } from '../cache/store.ts';
import { analogies, AnalogyLines } from '../locality/analogy.ts';
import { AnalogyIndex } from '../locality/analogyIndex.ts';
import { joined } from '../locality/continuations.ts';
import { Deletions } from '../locality/deletions.ts';
import type { DocumentTokens } from '../locality/documentTokens.ts';
import { DraftLength } from '../locality/draftLength.ts';
import { Foreign } from '../locality/foreign.ts';
import { TokenIndex } from '../locality/tokenIndex.ts';
import { normalise } from '../prompt/budget.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Around } from './session.ts';
import { Transcript } from './transcript.ts';

/** The name of the one conversation that ghost text is. */
export const COMPLETIONS = '';

/** What a request has to do with the text around it. */
interface Sources {
  /** The document at a cursor as it is. */
  whole?: Snapshot;
  /** The document as the prompt shows it; undefined where the prompt is all there is. */
  seen?: Snapshot;
  mixes: boolean;
  ahead: boolean;
  neighbours?: { index: TokenIndex; lines: readonly (readonly string[])[] };
  /** Whether what follows under other names takes part. Default true. */
  renames?: boolean;
}

/** Requests of one conversation run one after the other: this state is one request's at a time. */
export class Conversation {
  readonly transcript: Transcript;
  /** Of the text that was last generated from: the next one usually differs at its end only. */
  private readonly index = new TokenIndex();
  /** Of the document that was last completed in. */
  private readonly deletions: Deletions;
  private readonly lengths = new DraftLength();
  /** Where in the cache the last requests of each document ended, the document of the last one at the end. */
  private readonly ends = new Map<string, Ended[]>();

  private readonly lines = new AnalogyLines();

  constructor(private readonly tokenizer: Tokenizer, private readonly documents: DocumentTokens) {
    this.transcript = new Transcript(tokenizer);
    this.deletions = new Deletions((text) => tokenizer.encode(text));
  }

  /** The text that the prompt is the end of, undefined where it is used for nothing. */
  around(tokens: Int32Array, { whole, seen, mixes, ahead, neighbours, renames = true }: Sources): Around | undefined {
    const { documents, deletions, index, lengths } = this;
    if (ahead && whole) deletions.become(whole.uri ?? whole.path, normalise(whole.before + whole.after));
    else deletions.forget();
    if (!mixes && !ahead) return undefined;
    if (seen) index.become(joined([documents.after(normalise(seen.after)), documents.before(normalise(seen.before))]));
    else index.become(tokens);
    const renamed = mixes && renames && whole ? this.analogies(whole, neighbours?.lines) : undefined;
    const others = [...(renamed ? [renamed.index] : []), deletions.index, ...(neighbours ? [neighbours.index] : [])];
    const foreign = neighbours && whole ? new Foreign(whole.before + whole.after, (id) => this.tokenizer.decode([id])) : undefined;
    return { index, mixes, neighbours: neighbours?.index, foreign, analogies: renamed, lookup: ahead ? { lengths, others } : undefined };
  }

  /** What may follow under other names; undefined where nothing agrees. */
  private analogies({ before, after }: Snapshot, others: readonly (readonly string[])[] = []): AnalogyIndex | undefined {
    const found = analogies(this.lines, normalise(before), normalise(after), others);
    return found.length > 0 ? new AnalogyIndex(found, (text) => this.tokenizer.encode(text)) : undefined;
  }

  /** A request in a document is over: what those before it left behind of a text that is no more is of little use, and of none at the same place. */
  over(cache: KvCache, snapshot: Snapshot, end: End | undefined): void {
    if (!end) return;
    const document = snapshot.uri ?? snapshot.path;
    const left = (this.ends.get(document) ?? []).filter((older) => {
      if (older.end === end) return false;
      if (sameText(older.snapshot, snapshot) && 'pieces' in older.end === 'pieces' in end) return true;
      const here = samePlace(older.snapshot, snapshot);
      cache.supersede(older.end, end, here);
      // What was read strictly is kept for what moves; a later strict reading of the place takes its.
      return !here || ('pieces' in end && !('pieces' in older.end));
    });
    this.ends.delete(document);
    this.ends.set(document, [...left, { end, snapshot }].slice(-PLACES));
    const [oldest] = this.ends.keys();
    if (this.ends.size > DOCUMENTS) this.ends.delete(oldest);
  }
}

/** Where a request ended. */
interface Ended {
  end: End;
  snapshot: Snapshot;
}

/** Characters that are typed or taken back at one place, between one request and the next. */
const NEAR = 200;

const sameText = (a: Snapshot, b: Snapshot): boolean => a.before.length + a.after.length === b.before.length + b.after.length && a.before + a.after === b.before + b.after;

/** Whether the text before the cursor differs at most in its last characters. */
function samePlace({ before: a }: Snapshot, { before: b }: Snapshot): boolean {
  const least = Math.max(a.length, b.length) - NEAR;
  return Math.min(a.length, b.length) >= least && a.slice(0, Math.max(0, least)) === b.slice(0, Math.max(0, least));
}

/** Requests of one document that are remembered. */
const PLACES = 16;
/** Documents whose last request is remembered. */
const DOCUMENTS = 32;
/** Conversations remembered, the ones used last. */
const KEPT = 8;

export class Conversations {
  private readonly known = new Map<string, Conversation>();

  constructor(private readonly tokenizer: Tokenizer, private readonly documents: DocumentTokens) {}

  /** The conversation of a name; one that nobody knows any more begins anew, which costs time and changes nothing. */
  of(name: string): Conversation {
    const conversation = this.known.get(name) ?? new Conversation(this.tokenizer, this.documents);
    this.known.delete(name);
    this.known.set(name, conversation);
    for (const oldest of this.known.keys()) {
      if (this.known.size <= KEPT) break;
      this.known.delete(oldest);
    }
    return conversation;
  }
}
