// A snapshot of the cursor → the tokens of a fill-in-the-middle prompt, as models are trained on it:
//   PSM  <prefix>text before<suffix>text after<middle>
//   SPM  <prefix><suffix>text after<middle>text before
// Where a tokenizer writes a blank before a text, there is one before the prefix and none before the suffix.
// Other files stand before all of it, so that they are read once however much is typed.
// In SPM order typing only appends, so a cached prompt stays valid up to the last few tokens.
import { DeltaError } from '../shared/errors.ts';
import type { FimTokens } from '../tokenizer/files.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { FimBudget, Part } from './budget.ts';
import { cutPrefix, cutSuffix, normalise } from './budget.ts';
import type { FilesBefore } from './otherFiles.ts';
import type { Snapshot } from './snapshot.ts';

export type FimOrder = 'psm' | 'spm';

export interface FimOptions {
  order: FimOrder;
  /** Of the whole prompt, other files included. */
  budget: FimBudget;
  /** Other files, in front. */
  files?: FilesBefore;
  /** For the sentence when the model cannot fill in. */
  modelName?: string;
}

/** One part of the document: where it lies (characters from the file's beginning) and what became of it. */
export interface Span {
  name: 'prefix' | 'suffix';
  start: number;
  end: number;
  /** 0 for a dropped span. */
  tokens: number;
  /** Left out because the budget was used up. */
  dropped: boolean;
}

export interface FimPrompt {
  tokens: number[];
  /** In the order of the document, together the whole of it. */
  spans: Span[];
  /**
   * The text before the cursor as the model reads it. Token healing would take the last tokens off the prompt and let the
   * model write the end of this text again.
   */
  prefixText: string;
}

/** First token and the three markers. */
const markers = 4;

export function fimPrompt(snapshot: Snapshot, tokenizer: Pick<Tokenizer, 'encode' | 'special'>, options: FimOptions): FimPrompt {
  const { fim, bos, addBos } = tokenizer.special;
  if (fim === null) throw new DeltaError('noFim', options.modelName ?? 'in use');
  const { total, suffix: suffixLimit, anchor } = options.budget;
  const { lead, inPrefix } = options.files ?? { lead: [], inPrefix: [] };
  const encode = (text: string, atStart = false): number[] => tokenizer.encode(text, { atStart });
  // Behind other files in the same prefix no text begins.
  const encodePrefix = inPrefix.length > 0 ? (text: string): number[] => tokenizer.encode(text) : encode;
  const room = Math.max(0, total - markers - lead.length - inPrefix.length);
  const share = Math.max(0, Math.min(suffixLimit, room));
  // A cursor between "\r" and "\n" stands at the end of the line. The prefix's limit does not depend on how long the suffix
  // is, or edits below the cursor would move the prompt's beginning.
  const before = snapshot.before.endsWith('\r') && snapshot.after.startsWith('\n') ? snapshot.before.slice(0, -1) : snapshot.before;
  const prefix = cutPrefix(before, room - share, encodePrefix, anchor);
  const suffix = cutSuffix(snapshot.after, share, encode);

  const start = addBos && bos !== null ? [bos] : [];
  return {
    tokens: [...start, ...lead, ...arrange(fim, options.order, [...inPrefix, ...prefix.tokens], suffix.tokens)],
    spans: spansOf(snapshot, prefix, suffix),
    prefixText: normalise(before.slice(prefix.start)),
  };
}

function arrange(fim: FimTokens, order: FimOrder, prefix: readonly number[], suffix: readonly number[]): number[] {
  if (fim.layout === 'suffixFirst') return [fim.suffix, ...suffix, fim.prefix, ...prefix];
  if (order === 'spm') return [fim.prefix, fim.suffix, ...suffix, fim.middle, ...prefix];
  return [fim.prefix, ...prefix, fim.suffix, ...suffix, fim.middle];
}

function spansOf({ before, after }: Snapshot, prefix: Part, suffix: Part): Span[] {
  const end = before.length + after.length;
  const suffixEnd = before.length + suffix.end;
  const spans: Span[] = [
    { name: 'prefix', start: 0, end: prefix.start, tokens: 0, dropped: true },
    { name: 'prefix', start: prefix.start, end: before.length, tokens: prefix.tokens.length, dropped: false },
    { name: 'suffix', start: before.length, end: suffixEnd, tokens: suffix.tokens.length, dropped: false },
    { name: 'suffix', start: suffixEnd, end, tokens: 0, dropped: true },
  ];
  return spans.filter((span) => span.end > span.start);
}
