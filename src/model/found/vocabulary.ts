// Whether a vocabulary can be used, from a sample of it: checking all of it takes a second, in which nobody else on the thread would get a turn.
import { tokenizerFromMetadata } from '../../tokenizer/fromGguf.ts';
import { findFim, fimKeys, type NamedIds } from '../../tokenizer/specialTokens.ts';
import type { Metadata } from '../format/ggufHeader.ts';

const PREFIX = 'tokenizer.ggml.';
/** Of each list; the first tokens of a vocabulary are its bytes and characters. */
const SAMPLE = 1_000;

/** Throws what making a tokenizer throws for one of another kind, or for one that lacks something. */
export function checkVocabulary(metadata: Metadata, path: string): void {
  // Ids of tokens that are not in the sample would be outside of the vocabulary.
  const entries = Object.entries(metadata).filter(([key]) => !(key.startsWith(PREFIX) && key.endsWith('_token_id')));
  tokenizerFromMetadata(Object.fromEntries(entries.map(([key, value]) => [key, Array.isArray(value) && key.startsWith(PREFIX) ? value.slice(0, SAMPLE) : value])), path);
}

/** Whether there are tokens that mark the place to fill. */
export function canFill(metadata: Metadata): boolean {
  const tokens = metadata[`${PREFIX}tokens`];
  if (!Array.isArray(tokens)) return false;
  const id = (name: string) => Number(metadata[PREFIX + name] ?? -1);
  const named = Object.entries(fimKeys).map(([role, names]) => [role, names.map(id).find((one) => Number.isInteger(one) && one >= 0 && one < tokens.length)]);
  const idOf = new Map<string, number>();
  for (let i = 0; i < tokens.length; i++) if (typeof tokens[i] === 'string') idOf.set(tokens[i] as string, i);
  return findFim(Object.fromEntries(named) as NamedIds['fim'], idOf, tokens) !== null;
}
