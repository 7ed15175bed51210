// Token healing: the blanks before a cursor are the beginning of the token that comes (" foo"), and alone they are a token that hardly ever stands before
// text. So the prompt ends before them, and what is generated must begin with them.
import type { Span } from '../prompt/fim.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** The snapshot without the blanks before the cursor, and those blanks. */
export function withoutBlanks(snapshot: Snapshot): { snapshot: Snapshot; blanks: string } {
  const before = snapshot.before.replace(/[ \t]+$/, '');
  return { snapshot: { ...snapshot, before }, blanks: snapshot.before.slice(before.length) };
}

/** The spans of a prompt that was made without `blanks`, for the document that has them. */
export function spansWith(blanks: string, spans: readonly Span[], cursor: number): Span[] {
  const moved = (at: number): number => (at >= cursor ? at + blanks.length : at);
  return spans.map((span) => ({ ...span, start: span.name === 'suffix' ? moved(span.start) : span.start, end: moved(span.end) }));
}

/** What the generated text still has to begin with. ASCII, so that a character is a byte. */
export class Owed {
  private left: string;

  constructor(
    private readonly tokenizer: Pick<Tokenizer, 'bytes' | 'isControl' | 'size'>,
    blanks: string,
  ) {
    this.left = blanks;
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
