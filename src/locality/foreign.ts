// Names of the documents beside one that the document itself neither has nor imports: what says them there is worth less here.
import { hasName } from '../shared/names.ts';
import type { TokenIndex } from './tokenIndex.ts';

/** Tokens of a name that are looked at, before a place and behind it. */
const MOST_TOKENS = 8;
const WORD_END = /[\p{L}\p{N}_$]$/u;
/** A name that stands for itself: no member, no key, nothing quoted. */
const NAME = /^([^\p{L}\p{N}_$]*)([\p{L}_$][\p{L}\p{N}_$]*)(.?)/u;

export class Foreign {
  private readonly known = new Map<string, boolean>();

  /** @param document its whole text; @param pieceOf the text of a token */
  constructor(
    private readonly document: string,
    private readonly pieceOf: (id: number) => string,
  ) {}

  /** Whether the token at a place of an index belongs to a name that the document does not have. */
  isAt(index: TokenIndex, place: number): boolean {
    const piece = (at: number): string => (at >= 0 && at < index.length && index.at(at) >= 0 ? this.pieceOf(index.at(at)) : '\n');
    let start = place;
    while (place - start < MOST_TOKENS && /^[\p{L}\p{N}_$]/u.test(piece(start)) && WORD_END.test(piece(start - 1))) start--;
    let text = piece(start);
    for (let at = start + 1; at <= place + MOST_TOKENS && (/^[^\p{L}_$]*$/u.test(text) || WORD_END.test(text)); at++) {
      // Signs alone are no name: whatever follows them is another token's.
      if (at > place && !WORD_END.test(text)) return false;
      text += piece(at);
    }
    const [, signs, name, next] = NAME.exec(text) ?? [];
    if (name === undefined || /^[:='"`]/.test(next)) return false;
    const before = (piece(start - 1) + signs).trimEnd();
    return !/(?:\.|->|::|["'`@#/])$/.test(before) && !this.has(name);
  }

  private has(name: string): boolean {
    let has = this.known.get(name);
    if (has === undefined) this.known.set(name, (has = name.length < 2 || hasName(this.document, name)));
    return has;
  }
}
