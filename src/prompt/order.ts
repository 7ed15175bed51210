// The order of a fill-in-the-middle prompt that a model was trained for, and whether for other files in it.
import type { FilesForm, FimTokens } from '../tokenizer/files.ts';
import type { FimOrder } from './fim.ts';

/** Names (general.name of the GGUF) of models trained suffix-first; all others are prompted prefix-first, as their authors do. */
const SUFFIX_FIRST = [/^starter\b/i];

/** SPM where the model was trained for it: typing then only appends to the prompt. */
export const fimOrder = (modelName: string): FimOrder => (SUFFIX_FIRST.some((name) => name.test(modelName)) ? 'spm' : 'psm');

/** Of models that have the tokens of those trained on several files, and were trained on one at a time, as far as is known. */
const ONE_FILE = [/^starter\b/i, /^qwen(?!.*coder)/i];

/** The form in which a model reads several files; undefined where it was trained on one at a time. */
export const filesForm = (modelName: string, fim: FimTokens | null): FilesForm | undefined => (ONE_FILE.some((name) => name.test(modelName)) ? undefined : fim?.files);
