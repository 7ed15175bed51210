// How sure the model was of what it wrote: token by token, and of the first line, which decides whether ghost text is shown.

/** Tokens that complete a piece of the text together (a character may take several): the piece, without carriage returns, and their natural log-probabilities. */
export interface Score {
  readonly text: string;
  readonly sum: number;
  readonly count: number;
}

/** The scores of a text that is being written. */
export class Scores {
  readonly all: Score[] = [];
  private open = { sum: 0, count: 0 };

  /** Takes a token by the text that it completes (may be empty) and its natural log-probability. */
  push(text: string, logProbability: number): void {
    this.open.sum += logProbability;
    this.open.count++;
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
 * Mean natural log-probability of the first line that is not blank, where only `kept`, a beginning of the text, is left of it; 0 without any. A token
 * belongs to the line when a part of its text does: one that holds the line break before it and its indentation, or its last characters and the line
 * break behind it. Blank lines before it do not count, nor do tokens that a stop rule cut off.
 */
export function firstLineLogProbability(scores: readonly Score[], kept: string): number {
  const text = scores.map((score) => score.text).join('');
  const first = text.search(/\S/);
  if (first < 0) return 0;
  const begin = text.lastIndexOf('\n', first) + 1;
  const newline = text.indexOf('\n', first);
  const line = text.slice(begin, newline < 0 ? undefined : newline);
  const left = kept.replaceAll('\r', '').slice(begin).split('\n', 1)[0];
  if (left.trim() === '') return 0;
  // The line break behind a line that was kept whole is part of the decision.
  const end = left.trimEnd() === line.trimEnd() ? begin + line.length + 1 : begin + left.length;
  let [at, sum, count] = [0, 0, 0];
  for (const score of scores) {
    if (at >= end) break;
    at += score.text.length;
    if (at > begin) [sum, count] = [sum + score.sum, count + score.count];
  }
  return count > 0 ? sum / count : 0;
}
