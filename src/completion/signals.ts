// What is known of a text before it is shown: how sure the model was, what the text around said to it, and what kind of place it stands at.
import type { Snapshot } from '../prompt/snapshot.ts';
import { firstLineScores, type Score } from '../session/firstLine.ts';
import { placeOf } from '../session/textEnd.ts';
import { endsLine, standing } from './elsewhere.ts';
import { BEHIND } from './habit.ts';
import { unknownNames } from './names.ts';

/** Of the first line of a text, in the order of the weights. Each is about between 0 and 1, so that one penalty suits all. */
export const SIGNALS = [
  'mean', // mean natural log-probability
  'least', // that of the unlikeliest token
  'first', // that of the first token
  'whole', // that of the whole line
  'certain', // share of the tokens that were all but certain
  'entropy', // of the model at the first token, nats
  'entropyMost', // the largest of the line
  'match', // tokens of the longest earlier match of the file where it begins
  'agrees', // mean share of the file's answer that said what was written
  'unique', // the file says one thing only where the line begins, and that was written
  'neighbours', // mean share of the neighbours' answer
  'analogy', // words that an analogy was drawn from where the line begins
  'renamed', // mean share of the analogies that said what was written
  'repeats', // share of the tokens that only repeat a place that is like this one under other names
  'characters', // of the line
  'several', // more lines follow
  'empty', // nothing stands before the cursor on its line
  'argument', // within brackets
  'member', // behind a dot
  'value', // behind an equals sign or a word that a value follows
  'comment',
  'string',
  'closed', // something stands right of the cursor
  'unknown', // names that the document does not have
  'copied', // the line stands in the document already
  'sibling', // the line is another one's of the document or beside it, word for word: it stands there once and not behind the same line as here, or what is written is long and ends another line
] as const;
export type Signal = (typeof SIGNALS)[number];

/** One number a signal, `beside` being the texts that lie beside the document; null where the text around took no part or nothing is left, for nothing is known then but probabilities. */
export function signalsOf(scores: readonly Score[], kept: string, snapshot: Snapshot, beside: readonly string[] = []): number[] | null {
  const line = firstLineScores(scores, kept);
  const signs = line.map((score) => score.signs);
  // What was typed of a suggestion has no signs.
  const begin = signs.find((sign) => sign !== undefined);
  if (!begin) return null;
  const known = signs.filter((sign) => sign !== undefined);
  const tokens = line.reduce((sum, { count }) => sum + count, 0);
  const whole = line.reduce((sum, score) => sum + score.sum, 0);
  const mean = (of: (sign: (typeof known)[number]) => number): number => known.reduce((sum, sign) => sum + of(sign), 0) / known.length;
  const left = snapshot.before.slice(snapshot.before.lastIndexOf('\n') + 1);
  const text = kept.replaceAll('\r', '').replace(/^\s*\n/, '');
  const first = text.split('\n', 1)[0];
  const within = placeOf(snapshot).within?.name;
  const written = first.trim();
  const stands = (left.trim() === '' || text !== kept ? first : left + first).trim();
  const found: Record<Signal, number> = {
    mean: whole / tokens,
    least: Math.max(-8, Math.min(...line.map(({ sum }) => sum))) / 4,
    first: Math.max(-8, line[0].sum) / 4,
    whole: Math.max(-30, whole) / 10,
    certain: line.filter(({ sum }) => sum > -0.05).length / line.length,
    entropy: begin.entropy / 4,
    entropyMost: Math.max(...known.map(({ entropy }) => entropy)) / 4,
    match: Math.min(16, begin.file) / 16,
    agrees: mean(({ fileShare }) => fileShare),
    unique: begin.fileShare > 0.98 ? 1 : 0,
    neighbours: mean(({ besideShare }) => besideShare),
    analogy: Math.min(16, begin.analogy) / 16,
    renamed: mean(({ analogyShare }) => analogyShare),
    repeats: mean((sign) => (sign.repeats ? 1 : 0)),
    characters: Math.log1p(first.trim().length) / 4,
    several: text.trimEnd().includes('\n') ? 1 : 0,
    empty: left.trim() === '' ? 1 : 0,
    argument: BEHIND.argument.test(left) ? 1 : 0,
    member: BEHIND.member.test(left) ? 1 : 0,
    value: BEHIND.value.test(left) ? 1 : 0,
    comment: within === 'comment' ? 1 : 0,
    string: within !== undefined && within !== 'comment' ? 1 : 0,
    closed: /^[^\n]*\S/.test(snapshot.after) ? 1 : 0,
    unknown: Math.min(3, unknownNames(first, snapshot).length) / 3,
    copied: letters(stands) >= TELLING && standing(stands, snapshot).same > 0 ? 1 : 0,
    sibling: isSiblings(stands, written, snapshot, beside) ? 1 : 0,
  };
  return SIGNALS.map((signal) => found[signal]);
}

function isSiblings(stands: string, written: string, snapshot: Snapshot, beside: readonly string[]): boolean {
  if (CONFIGURATION.has(snapshot.languageId)) return false;
  const { same, behindTheSame } = standing(stands, snapshot, beside);
  return same === 0 ? letters(written) >= LONG && endsLine(written, snapshot, beside) : letters(written) >= SIBLINGS && same === 1 && !behindTheSame;
}

/** Where a line means the same wherever it stands. */
const CONFIGURATION = new Set(['yaml', 'dockercompose', 'json', 'jsonc', 'toml', 'ini', 'properties', 'dockerfile']);

/** Letters and digits of a line from which it means anything that it stands twice; of what is written, from which it is a sibling's, and from which it is one's end. */
const [TELLING, SIBLINGS, LONG] = [8, 4, 12];
const letters = (line: string): number => (line.match(/[\p{L}\p{N}]/gu) ?? []).length;
