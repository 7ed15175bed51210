// Metrics of SQuAD 2.0, as its official script computes them (Rajpurkar et al. 2018, evaluate-v2.0.py), for one answer and for a whole set.

/** Lower case, without punctuation (ASCII), without articles, single blanks. */
export function normalised(answer: string): string {
  const plain = answer.toLowerCase().replace(/[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]/g, '');
  return plain.replace(/(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu, ' ').split(/\s+/).filter(Boolean).join(' ');
}

/** What counts as right: the answers that are not empty after normalisation; an empty one where the question has none. */
const golds = (answers: readonly string[]): string[] => {
  const kept = answers.filter((answer) => normalised(answer) !== '');
  return kept.length > 0 ? kept : [''];
};

/** 1 where the prediction is one of the answers after normalisation. */
export const exactMatch = (prediction: string, answers: readonly string[]): number => Math.max(...golds(answers).map((gold) => Number(normalised(gold) === normalised(prediction))));

/** The best F1 of words against any answer; where either has no words, 1 if both have none. */
export const f1 = (prediction: string, answers: readonly string[]): number => Math.max(...golds(answers).map((gold) => wordF1(gold, prediction)));

function wordF1(gold: string, prediction: string): number {
  const [right, given] = [gold, prediction].map((text) => normalised(text).split(' ').filter(Boolean));
  if (right.length === 0 || given.length === 0) return Number(right.length === given.length);
  const left = new Map<string, number>();
  for (const word of right) left.set(word, (left.get(word) ?? 0) + 1);
  let same = 0;
  for (const word of given) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    same++;
  }
  if (same === 0) return 0;
  const [precision, recall] = [same / given.length, same / right.length];
  return (2 * precision * recall) / (precision + recall);
}

/** A question: the score of the predicted answer, whether that is empty, how probable it is that there is none, and whether there is one. */
export interface Judged {
  score: number;
  isEmpty: boolean;
  noAnswer: number;
  hasAnswer: boolean;
}

/**
 * The mean score at the best threshold: where no answer is more probable than it, none is given. As in the official script the search begins with no answer to
 * anything and takes the questions in the order of their probabilities.
 */
export function bestScore(judged: readonly Judged[]): number {
  let current = judged.filter(({ hasAnswer }) => !hasAnswer).length;
  let best = current;
  for (const { score, isEmpty, hasAnswer } of judged.toSorted((a, b) => a.noAnswer - b.noAnswer)) {
    current += hasAnswer ? score : isEmpty ? 0 : -1;
    best = Math.max(best, current);
  }
  return judged.length > 0 ? best / judged.length : 0;
}
