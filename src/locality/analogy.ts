// Analogies: where the text before a cursor agrees, line by line, with an earlier place up to renamed words, the same renaming is done to what followed there.
// A `store` that became a `product` makes `Stores` into `Products`, in names, parts of names, strings and comments.
import { indentOf } from '../shared/indent.ts';
import { Renaming } from './renaming.ts';

/** A text of its own that begins as the text at the cursor does and goes on as an earlier place would under other names. */
export interface Analogy {
  /** The last lines before the cursor, up to the word that is begun, then the renamed continuation. Line ends are \n. */
  readonly text: string;
  /** The renamed continuation alone. */
  readonly continuation: string;
  /** Words before the cursor that say that both are alike: those that are the same, and those whose new names others had foretold. */
  readonly agreeing: number;
  /** Words that are renamed. */
  readonly renamed: number;
  /** What follows is short, ends its block, and has no new name in it: the same would stand twice under two names. */
  readonly repeats: boolean;
}

/** Lines before the cursor's that are aligned at most: the header of a function and what stands above it. */
const MOST_LINES = 12;
/** Lines of a continuation at most: what a completion may have. */
const MOST_CONTINUED = 12;
/** Words of the aligned text from which it says anything. */
const LEAST_WORDS = 3;
/** Of the aligned words, at least this share agrees: what differs everywhere is another text of the same shape. */
const LEAST_AGREEING = 1 / 4;
/** Analogies of one place at most, the ones that agree longest. */
const MOST = 3;
/** Lines of a block that may not stand twice; longer ones begin alike and go on differently. */
const SHORT = 2;
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
      const { continuation, repeats } = continued(lines, renaming, cursor, text, at);
      if (!continuation.startsWith(typed) || continuation.trim() === '') continue;
      const head = above.slice(-2).concat(cursor.text).join('\n');
      found.push({ text: head + continuation, continuation, agreeing: agreeing(renaming), renamed: renaming.renamed, repeats, distance: order * MOST_LOOKED_AT + (order === 0 ? text.length - at : at) });
    }
  }
  found.sort((a, b) => a.agreeing - b.agreeing || b.distance - a.distance);
  const best = found.filter(({ continuation }, i) => found.findLastIndex((other) => other.continuation === continuation) === i).slice(-MOST);
  return best.map(({ text, continuation, agreeing, renamed, repeats }) => ({ text, continuation, agreeing, renamed, repeats }));
}

const agreeing = ({ words, renamed, foretold }: Renaming): number => words - renamed + foretold;

/** The renaming that makes the lines that end with a beginning of line `at` those that end at the cursor; null where they are not alike, or the same. */
function agreement(lines: AnalogyLines, above: readonly string[], cursor: Line, text: readonly string[], at: number): Renaming | null {
  const line = lines.of(text[at]);
  const count = cursor.words.length;
  if (line.words.length < count || !line.between[count].startsWith(cursor.between[count])) return null;
  if (count < line.words.length || line.between[count] !== cursor.between[count]) {
    for (let i = 0; i < count; i++) if (line.between[i] !== cursor.between[i]) return null;
  } else if (line.shape !== cursor.shape || line.text === cursor.text) return null;
  const [last, lastHere] = [text[at - 1], above.at(-1)];
  if (count < LEAST_WORDS && (last === undefined || lastHere === undefined || lines.of(last).shape !== lines.of(lastHere).shape)) return null;
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
  return renamed > 0 && words >= LEAST_WORDS && agreeing(renaming) >= LEAST_AGREEING * words ? renaming : null;
}

/** What followed there, renamed, from where the cursor is. */
function continued(lines: AnalogyLines, renaming: Renaming, cursor: Line, text: readonly string[], at: number): Pick<Analogy, 'continuation' | 'repeats'> {
  const { words, between } = lines.of(text[at]);
  const count = cursor.words.length;
  let [rest, old] = ['', ''].map(() => between[count].slice(cursor.between[count].length));
  for (let i = count; i < words.length; i++) {
    rest += renaming.of(words[i]) + between[i + 1];
    old += words[i] + between[i + 1];
  }
  const below = text.slice(at + 1, at + 1 + MOST_CONTINUED);
  const renamed = below.map((line) => line.replace(WORD, (word) => (KEYWORDS.has(word) ? word : renaming.of(word))));
  const depth = indentOf(text[at]);
  const end = below.findIndex((line) => line.trim() !== '' && indentOf(line) < depth);
  const block = end < 0 ? below.length : end;
  const isShort = below.slice(0, block).filter((line) => line.trim() !== '').length < SHORT;
  return { continuation: [rest, ...renamed].join('\n'), repeats: isShort && rest === old && renamed.slice(0, block).every((line, i) => line === below[i]) };
}
