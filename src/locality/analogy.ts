// Analogies: where the text before a cursor agrees, line by line, with an earlier place up to renamed words, the same renaming is done to what followed there.
// A `store` that became a `product` makes `Stores` into `Products`, in names, parts of names, strings and comments.
import { Renaming } from './renaming.ts';

/** A text of its own that begins as the text at the cursor does and goes on as an earlier place would under other names. */
export interface Analogy {
  /** The last lines before the cursor, up to the word that is begun, then the renamed continuation. Line ends are \n. */
  readonly text: string;
  /** The renamed continuation alone. */
  readonly continuation: string;
  /** Words before the cursor that agree with the earlier place, renamed ones included, and how many of them are renamed. */
  readonly words: number;
  readonly renamed: number;
}

/** Lines before the cursor's that are aligned at most: the header of a function and what stands above it. */
const MOST_LINES = 12;
/** Lines of a continuation at most: what a completion may have. */
const MOST_CONTINUED = 12;
/** Words of the aligned text from which it says anything. */
const LEAST_WORDS = 3;
/** Of the aligned words, at least this share stays as it was: what differs everywhere is another text of the same shape. */
const LEAST_SAME = 1 / 3;
/** Analogies of one place at most, the ones that agree longest. */
const MOST = 3;
/** Lines of each text that are looked at, those nearest to the cursor. */
const MOST_LOOKED_AT = 4000;
/** Characters. A longer line is data. */
const LONGEST_LINE = 300;
/** Lines that are remembered taken apart. */
const MOST_KEPT = 20_000;

/** A line as words and what stands between them; keywords stand between words, so that only like statements are alike. */
interface Line {
  readonly text: string;
  readonly words: readonly string[];
  /** One more than words. */
  readonly between: readonly string[];
  /** All that stands between, as one text: lines of the same shape differ in their words alone. */
  readonly shape: string;
}

const WORD = /[\p{L}_$][\p{L}\p{N}_$]*|\p{N}[\p{L}\p{N}_]*/gu;
/** Characters of a word that is begun at the cursor. */
const BEGUN = /[\p{L}\p{N}_$]*$/u;
const KEYWORDS = new Set(
  ('abstract and as assert async await begin break case catch class const constructor continue def default defer del delete do elif else elsif end ensure enum except export extends extern ' +
    'final finally fn for foreach from func function go goto if impl implements import in instanceof interface is lambda let local loop match mod module mut new not of or override package ' +
    'pass private protected pub public raise readonly rescue return select self sizeof static struct super switch template then this throw throws trait try type typedef typeof union unless until use using ' +
    'val var virtual void when where while with yield').split(' '),
);

/** Takes lines apart, each once. */
export class AnalogyLines {
  private known = new Map<string, Line>();

  of(text: string): Line {
    let line = this.known.get(text);
    if (!line) {
      if (this.known.size >= MOST_KEPT) this.known = new Map();
      this.known.set(text, (line = lineOf(text)));
    }
    return line;
  }
}

function lineOf(text: string): Line {
  const words: string[] = [];
  const between: string[] = [];
  let open = 0;
  for (const { 0: word, index } of text.length > LONGEST_LINE ? [] : text.matchAll(WORD)) {
    if (KEYWORDS.has(word)) continue;
    words.push(word);
    between.push(text.slice(open, index));
    open = index + word.length;
  }
  between.push(text.slice(open));
  return { text, words, between, shape: between.join('\u0000') };
}

/**
 * What may follow `before` (line ends are \n), by places in it, in `after`, which stands behind the cursor, and in the lines of `others`; the best last. None where
 * nothing agrees, or nothing is renamed: what agrees word for word the index finds by itself.
 */
export function analogies(lines: AnalogyLines, before: string, after: string, others: readonly (readonly string[])[] = []): Analogy[] {
  const typed = BEGUN.exec(before.slice(-LONGEST_LINE))![0];
  const above = before.slice(0, before.length - typed.length).split('\n').slice(-MOST_LOOKED_AT);
  const cursor = lines.of(above.pop()!);
  const found: (Analogy & { distance: number })[] = [];
  const ahead = after.slice(after.indexOf('\n') + 1).split('\n').slice(0, MOST_LOOKED_AT);
  const texts = [above, ...(after.includes('\n') ? [ahead] : []), ...others.map((text) => text.slice(0, MOST_LOOKED_AT))];
  for (const [order, text] of texts.entries()) {
    for (let at = text.length - 1; at >= 0; at--) {
      const renaming = agreement(lines, above, cursor, text, at);
      if (!renaming) continue;
      const continuation = continued(lines, renaming, cursor, text, at);
      if (!continuation.startsWith(typed) || continuation.trim() === '') continue;
      const head = above.slice(-2).concat(cursor.text).join('\n');
      const { words, renamed } = renaming;
      found.push({ text: head + continuation, continuation, words, renamed, distance: order * MOST_LOOKED_AT + (order === 0 ? text.length - at : at) });
    }
  }
  found.sort((a, b) => a.words - a.renamed - (b.words - b.renamed) || b.distance - a.distance);
  const best = found.filter(({ continuation }, i) => found.findLastIndex((other) => other.continuation === continuation) === i).slice(-MOST);
  return best.map(({ text, continuation, words, renamed }) => ({ text, continuation, words, renamed }));
}

/** The renaming that makes the lines that end with a beginning of line `at` those that end at the cursor; null where they are not alike, or the same. */
function agreement(lines: AnalogyLines, above: readonly string[], cursor: Line, text: readonly string[], at: number): Renaming | null {
  const line = lines.of(text[at]);
  const count = cursor.words.length;
  if (line.words.length < count || !line.between[count].startsWith(cursor.between[count])) return null;
  if (count < line.words.length || line.between[count] !== cursor.between[count]) {
    for (let i = 0; i < count; i++) if (line.between[i] !== cursor.between[i]) return null;
  } else if (line.shape !== cursor.shape || line.text === cursor.text) return null;
  const renaming = new Renaming();
  if (!renaming.learn(line.words.slice(0, count), cursor.words)) return null;
  let aligned = 0;
  for (; aligned < MOST_LINES; aligned++) {
    const [there, here] = [text[at - 1 - aligned], above[above.length - 1 - aligned]];
    if (there === undefined || here === undefined) break;
    const [old, now] = [lines.of(there), lines.of(here)];
    if (old.shape !== now.shape || !renaming.learn(old.words, now.words)) break;
  }
  const { words, renamed } = renaming;
  return renamed > 0 && words >= LEAST_WORDS && words - renamed >= LEAST_SAME * words ? renaming : null;
}

/** What followed there, renamed, from where the cursor is. */
function continued(lines: AnalogyLines, renaming: Renaming, cursor: Line, text: readonly string[], at: number): string {
  const { words, between } = lines.of(text[at]);
  const count = cursor.words.length;
  let rest = between[count].slice(cursor.between[count].length);
  for (let i = count; i < words.length; i++) rest += renaming.of(words[i]) + between[i + 1];
  const below = text.slice(at + 1, at + 1 + MOST_CONTINUED).map((line) => line.replace(WORD, (word) => (KEYWORDS.has(word) ? word : renaming.of(word))));
  return [rest, ...below].join('\n');
}
