// What a completion must be better than: the most similar earlier line repeated, and the file's own n-grams without a model.
import { degenerate } from '../completion/degenerate.ts';
import { pointless } from '../completion/worth.ts';
import { continuations, joined } from '../locality/continuations.ts';
import { TokenIndex } from '../locality/tokenIndex.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import { withoutTail } from '../session/healing.ts';
import { completionText } from '../session/textEnd.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Outcome } from './completions.ts';
import type { Cursor } from './cursors.ts';
import { editSimilarity, firstLine } from './similarity.ts';

/** A text, and how sure its author is: a natural logarithm. */
export interface Guess {
  text: string;
  confidence: number;
}

export const BASELINES = {
  'most similar earlier line': (snapshot) => similarLine(snapshot),
  'n-grams of the file': (snapshot, tokenizer, most) => ngrams(snapshot, tokenizer, most),
} satisfies Record<string, (snapshot: Snapshot, tokenizer: Tokenizer, most: number) => Guess | null>;

/** Characters of the line that are looked for in other lines at most. */
const LONGEST_OVERLAP = 80;

/**
 * Behind text on the line: what follows in the line that holds the longest end of it. At the beginning of a line: the line below the one that is most
 * similar to the line above. Of equals the nearest; null without any.
 */
export function similarLine({ before }: Snapshot): Guess | null {
  const lines = before.split('\n');
  const prefix = lines.pop()!.trimStart();
  const best: Guess = { text: '', confidence: -Infinity };
  if (prefix === '') {
    const above = lines.at(-1)?.trim();
    for (let i = 1; i < lines.length; i++) {
      const confidence = Math.log(editSimilarity(lines[i - 1].trim(), above ?? ''));
      if (lines[i].trim() !== '' && confidence >= best.confidence) Object.assign(best, { text: lines[i].trimStart(), confidence });
    }
  } else {
    for (const line of lines) {
      let length = Math.min(prefix.length, LONGEST_OVERLAP);
      while (length > 0 && !line.includes(prefix.slice(-length))) length--;
      const text = length > 0 ? line.slice(line.lastIndexOf(prefix.slice(-length)) + length) : '';
      const confidence = Math.log(length / prefix.length);
      if (text !== '' && confidence >= best.confidence) Object.assign(best, { text, confidence });
    }
  }
  return best.text === '' ? null : best;
}

/** Token by token the likeliest of what followed in this file, to the end of the line; its mean log-probability. Null where it has nothing to say. */
export function ngrams(snapshot: Snapshot, tokenizer: Pick<Tokenizer, 'encode' | 'decode'>, most: number): Guess | null {
  const index = new TokenIndex();
  const { snapshot: { before, after }, tail } = withoutTail(snapshot);
  index.become(joined([tokenizer.encode(after), tokenizer.encode(before)]));
  const ids: number[] = [];
  let sum = 0;
  while (ids.length < most && !/\S[^\n]*\n/.test(tokenizer.decode(ids))) {
    const found = continuations(index);
    if (!found) break;
    // What is written must begin with what the token to come has begun with, as it must for a model.
    const text = tokenizer.decode(ids);
    const fits = (next: string): boolean => next.startsWith(tail) || tail.startsWith(next);
    const possible = [...found.shares].filter(([id]) => text.length >= tail.length || fits(text + tokenizer.decode([id])));
    if (possible.length === 0) break;
    const [id, share] = possible.reduce((best, other) => (other[1] > best[1] ? other : best));
    ids.push(id);
    index.push(id);
    sum += Math.log(share / possible.reduce((all, [, part]) => all + part, 0));
  }
  const text = tokenizer.decode(ids);
  return text.length <= tail.length ? null : { text: text.slice(tail.length), confidence: sum / ids.length };
}

/** A baseline at every cursor, by the stop rules of completions. */
export function baselineOutcomes(guess: (snapshot: Snapshot) => Guess | null, cursors: readonly Cursor[]): Outcome[] {
  return cursors.map(({ rule, line, column, snapshot, expected }) => {
    const silent = pointless(snapshot);
    const said = silent ? null : guess(snapshot);
    const end = completionText(snapshot);
    if (said) end.push(`${said.text}\n`);
    end.finish(false);
    const text = said ? end.result('') : '';
    const [written, wanted] = [firstLine(text), firstLine(expected)];
    return {
      path: snapshot.path, rule, line, column, silent, expected: wanted, written, exact: silent === null && written === wanted,
      similarity: silent === null ? editSimilarity(written, wanted) : 0, degenerate: degenerate(text, snapshot), confidence: said && Number.isFinite(said.confidence) ? said.confidence : null,
      mean: null, text, scores: [], tokens: { prompt: 0, reused: 0, computed: 0, generated: 0 }, ms: 0,
    };
  });
}
