// What was shown on a line and typed against: the rest of it is not offered again at each word.
import type { Snapshot } from '../prompt/snapshot.ts';

/** Words and signs that were typed where a text has others, from which it is rejected: a single one may be another name for the same. */
const TOKENS = 2;
/** Texts of one line that are remembered. */
const MOST = 8;
/** Letters and digits that an offer must have: a closing bracket comes again by right. */
const TELLING = 4;

interface Offer {
  readonly document: string;
  /** Where its line begins, and where the cursor was. */
  readonly line: number;
  readonly at: number;
  readonly text: string;
}

const tokensOf = (text: string): string[] => text.match(/[\p{L}\p{N}_$]+|[^\s\p{L}\p{N}_$]/gu) ?? [];
const firstLine = (text: string): string => text.split('\n', 1)[0].trim();

export class Rejections {
  private offers: Offer[] = [];

  /** A text was shown at a place. */
  add(document: string, { before }: Snapshot, text: string): void {
    const line = before.lastIndexOf('\n') + 1;
    this.offers = [...this.offers.filter((offer) => offer.document === document && offer.line === line), { document, line, at: before.length, text: text.split('\n', 1)[0] }].slice(-MOST);
  }

  /** Whether a text only ends as one did that the user has typed against on this line. */
  has(document: string, { before }: Snapshot, text: string): boolean {
    const end = firstLine(text);
    if ((end.match(/[\p{L}\p{N}]/gu) ?? []).length < TELLING) return false;
    const line = before.lastIndexOf('\n') + 1;
    return this.offers.some((offer) => {
      if (offer.document !== document || offer.line !== line || before.length < offer.at || !offer.text.trim().endsWith(end)) return false;
      const [typed, offered] = [before.slice(offer.at), offer.text].map(tokensOf);
      // The last may still be begun.
      return typed.filter((token, i) => token !== offered[i] && !(i === typed.length - 1 && offered[i]?.startsWith(token))).length >= TOKENS;
    });
  }

  clear(): void {
    this.offers = [];
  }
}
