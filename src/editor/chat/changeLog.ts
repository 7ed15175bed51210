// What changed in the shown conversation, numbered: a page that was away gets the rest, or everything anew. Text that streams is put together, so that a page
// has at most some thirty messages a second to read.
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../completion/source.ts';
import { CHAT_PROTOCOL, type ChatChange, type ChatState, type ChatWords, type ToChatView } from '../../shared/chatProtocol.ts';

const FLUSH_MS = 33;
/** Kept for pages that come back: so many changes, and so many characters of them. */
const MOST_CHANGES = 400;
const MOST_CHARACTERS = 400_000;

export interface ChangeLogNeeds {
  clock: Clock;
  /** The conversation with everything that was told to this log. */
  whole: () => ChatState;
  words: () => ChatWords;
  /** To the page, where there is one that listens. */
  post: (message: ToChatView) => void;
}

export class ChangeLog {
  private epoch = randomUUID() as string;
  /** Of the last change that has a number. */
  private seq = 0;
  private kept: { seq: number; change: ChatChange; characters: number }[] = [];
  private characters = 0;
  /** In order; neighbours that say more of the same are one. */
  private pending: ChatChange[] = [];
  private endWait: (() => void) | undefined;
  private isOver = false;

  constructor(private readonly needs: ChangeLogNeeds) {}

  add(change: ChatChange): void {
    if (this.isOver) return;
    const last = this.pending.at(-1);
    const joined = last && join(last, change);
    if (joined) this.pending[this.pending.length - 1] = joined;
    else this.pending.push(change);
    if (!this.endWait) this.flush();
  }

  /** Another conversation is shown: pages begin anew. */
  restart(): void {
    this.epoch = randomUUID();
    this.seq = 0;
    this.forget();
    this.pending = [];
    this.needs.post(this.state());
  }

  /** What a page lacks that has `seq` of `epoch`. */
  hello(epoch: string | null, seq: number): void {
    this.number(false);
    const rest = this.kept.filter((entry) => entry.seq > seq);
    const known = epoch === this.epoch && seq <= this.seq && rest.length === this.seq - seq;
    if (!known) return this.needs.post(this.state());
    for (const entry of rest) this.needs.post({ type: 'change', epoch: this.epoch, seq: entry.seq, change: entry.change });
  }

  dispose(): void {
    this.isOver = true;
    this.endWait?.();
    this.endWait = undefined;
    this.pending = [];
  }

  private state(): ToChatView {
    return { type: 'state', protocol: CHAT_PROTOCOL, epoch: this.epoch, seq: this.seq, state: this.needs.whole(), words: this.needs.words() };
  }

  /** The first change goes at once; those that follow within a moment go together. */
  private flush(): void {
    this.endWait = undefined;
    if (this.pending.length === 0) return;
    this.number(true);
    this.endWait = this.needs.clock.wait(FLUSH_MS, () => this.flush());
  }

  private number(post: boolean): void {
    for (const change of this.pending.splice(0)) {
      const characters = JSON.stringify(change).length;
      this.kept.push({ seq: ++this.seq, change, characters });
      this.characters += characters;
      if (post) this.needs.post({ type: 'change', epoch: this.epoch, seq: this.seq, change });
    }
    while (this.kept.length > MOST_CHANGES || (this.characters > MOST_CHARACTERS && this.kept.length > 0)) this.characters -= this.kept.shift()!.characters;
  }

  private forget(): void {
    this.kept = [];
    this.characters = 0;
  }
}

/** Two changes as one, where the second only goes on with the first or takes its place. */
function join(first: ChatChange, second: ChatChange): ChatChange | null {
  if (first.kind === 'append' && second.kind === 'append' && first.turn === second.turn) return { ...first, text: first.text + second.text };
  if (first.kind === 'reasoning' && second.kind === 'reasoning' && first.turn === second.turn) return { ...first, text: first.text + second.text };
  if (first.kind === 'turn' && second.kind === 'turn' && first.turn.id === second.turn.id) return second;
  return first.kind === 'surroundings' && second.kind === 'surroundings' ? second : null;
}
