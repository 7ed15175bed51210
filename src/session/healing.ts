// Token healing: what stands right before a cursor is the beginning of a token more often than a token (" foo", ".foo", "foo" when "fo" is typed), and as a
// token of its own it hardly ever stood before such text. So the prompt ends before it, and what is generated must begin with it.
import type { Span } from '../prompt/fim.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** ASCII, so that a character is a byte. */
const WORD = /[A-Za-z0-9_$]*$/;
const SIGN = /[!-/:-@[-`{-~]/;
/** Characters of a begun word at most; what is longer is no word. */
const LONGEST = 40;

/** The snapshot without its tail, and the tail: the begun word before the cursor, with the blanks or the sign before it. */
export function withoutTail(snapshot: Snapshot): { snapshot: Snapshot; tail: string } {
  const { before } = snapshot;
  const at = beginningOfTail(before);
  return { snapshot: { ...snapshot, before: before.slice(0, at) }, tail: before.slice(at) };
}

function beginningOfTail(before: string): number {
  const word = WORD.exec(before.slice(-LONGEST - 1))![0].length;
  if (word > LONGEST) return before.length;
  const start = before.length - word;
  let at = start;
  while (before[at - 1] === ' ' || before[at - 1] === '\t') at--;
  return at === start && SIGN.test(before[at - 1] ?? '') ? at - 1 : at;
}

/** The spans of a prompt that was made without `tail`, for the document that has it. */
export function spansWith(tail: string, spans: readonly Span[], cursor: number): Span[] {
  const moved = (at: number): number => (at >= cursor ? at + tail.length : at);
  return spans.map((span) => ({ ...span, start: span.name === 'suffix' ? moved(span.start) : span.start, end: moved(span.end) }));
}

/** What the generated text still has to begin with. */
export class Owed {
  private left: string;

  constructor(
    private readonly tokenizer: Pick<Tokenizer, 'bytes' | 'isControl' | 'size'>,
    tail: string,
  ) {
    this.left = tail;
  }

  /** Makes impossible what does not begin with what is owed, nor is a beginning of it. Where nothing is left possible, nothing is owed any more. */
  restrict(logits: Float32Array): void {
    if (this.left === '') return;
    const { tokenizer, left } = this;
    const allowed: [id: number, logit: number][] = [];
    for (let id = 0; id < Math.min(tokenizer.size, logits.length); id++) {
      if (logits[id] > -Infinity && !tokenizer.isControl(id) && agrees(tokenizer.bytes(id), left)) allowed.push([id, logits[id]]);
    }
    if (allowed.length === 0) {
      this.left = '';
      return;
    }
    logits.fill(-Infinity);
    for (const [id, logit] of allowed) logits[id] = logit;
  }

  /** How many characters at the beginning of this token's text were owed. */
  accept(id: number): number {
    if (this.left === '') return 0;
    const paid = Math.min(this.tokenizer.bytes(id).length, this.left.length);
    this.left = this.left.slice(paid);
    return paid;
  }
}

function agrees(bytes: Uint8Array, owed: string): boolean {
  if (bytes.length === 0) return false;
  for (let i = 0; i < bytes.length && i < owed.length; i++) if (bytes[i] !== owed.charCodeAt(i)) return false;
  return true;
}
