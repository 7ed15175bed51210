// The order of a fill-in-the-middle prompt that a model was trained for.
import type { FimOrder } from './fim.ts';

/** Names (general.name of the GGUF) of models trained suffix-first; all others are prompted prefix-first, as their authors do. */
const SUFFIX_FIRST = [/^starter\b/i];

/** SPM where the model was trained for it: typing then only appends to the prompt. */
export const fimOrder = (modelName: string): FimOrder => (SUFFIX_FIRST.some((name) => name.test(modelName)) ? 'spm' : 'psm');
