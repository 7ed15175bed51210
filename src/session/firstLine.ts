// How sure the model was of what it wrote: token by token, and of the first line, which decides whether ghost text is shown.

/** What was known of a token when it was taken, besides its probability. */
export interface Signs {
  /** Of the model alone, in nats. */
  readonly entropy: number;
  /** Tokens of the longest earlier match in the file, 0 without any, and the share of it that said this token. */
  readonly file: number;
  readonly fileShare: number;
  /** The share of the neighbours, where they were asked, that said it. */
  readonly besideShare: number;
  /** Words that the analogy was drawn from, 0 without any, and the share of the analogies that said it. */
  readonly analogy: number;
  readonly analogyShare: number;
  /** It is what an analogy said in which no name is new: the same would stand twice under two names. */
  readonly repeats: boolean;
}

/** Tokens that complete a piece of the text together (a character may take several): the piece, without carriage returns, and their natural log-probabilities. */
export interface Score {
  readonly text: string;
  readonly sum: number;
  readonly count: number;
  /** Of the first of them; undefined where the text around took no part. */
  readonly signs?: Signs;
  /** By a model that nobody measured here: what is known of the loaded one says nothing of it. */
  readonly elsewhere?: true;
}

/** The scores of a text that is being written. */
export class Scores {
  readonly all: Score[] = [];
  private open: { sum: number; count: number; signs?: Signs } = { sum: 0, count: 0 };

  /** Takes a token by the text that it completes (may be empty) and its natural log-probability. */
  push(text: string, logProbability: number, signs?: Signs): void {
    this.open.sum += logProbability;
    if (this.open.count++ === 0 && signs) this.open.signs = signs;
    const piece = text.replaceAll('\r', '');
    if (piece === '') return;
    this.all.push({ text: piece, ...this.open });
    this.open = { sum: 0, count: 0 };
  }
}

/** Those of what is left of the text behind its first `typed` characters. A token of which a part was typed is not certain yet: it stays. */
export function scoresBehind(scores: readonly Score[], typed: number): readonly Score[] {
  let first = 0;
  let left = typed;
  while (first < scores.length && left >= scores[first].text.length) left -= scores[first++].text.length;
  if (left === 0 || first === scores.length) return scores.slice(first);
  return [{ ...scores[first], text: scores[first].text.slice(left) }, ...scores.slice(first + 1)];
}

/**
 * Those of the first line that is not blank, where only `kept`, a beginning of the text, is left of it; none without any. A token belongs to the line when
 * a part of its text does: one that holds the line break before it and its indentation, or its last characters and the line break behind it. Blank lines
 * before it do not count, nor do tokens that a stop rule cut off.
 */
export function firstLineScores(scores: readonly Score[], kept: string): readonly Score[] {
  const text = scores.map((score) => score.text).join('');
  const first = text.search(/\S/);
  if (first < 0) return [];
  const begin = text.lastIndexOf('\n', first) + 1;
  const newline = text.indexOf('\n', first);
  const line = text.slice(begin, newline < 0 ? undefined : newline);
  const left = kept.replaceAll('\r', '').slice(begin).split('\n', 1)[0];
  if (left.trim() === '') return [];
  // The line break behind a line that was kept whole is part of the decision.
  const end = left.trimEnd() === line.trimEnd() ? begin + line.length + 1 : begin + left.length;
  const found: Score[] = [];
  let at = 0;
  for (const score of scores) {
    if (at >= end) break;
    at += score.text.length;
    if (at > begin) found.push(score);
  }
  return found;
}

/** Mean natural log-probability of that line; 0 without any. */
export function firstLineLogProbability(scores: readonly Score[], kept: string): number {
  const line = firstLineScores(scores, kept);
  let [sum, count] = [0, 0];
  for (const score of line) [sum, count] = [sum + score.sum, count + score.count];
  return count > 0 ? sum / count : 0;
}
