// How delta tables are found: what it is that would make others of them.
import type { DeltaConfig } from '../manifest.ts';
import { FOLDER_FORMAT } from '../manifest.ts';

/** Sparsity of the modes *balanced* and *compact*, and the coding that docs/delta-format.md settled on. */
export const BALANCED = 0.6;
export const COMPACT = 0.7;
export const CODING: Omit<DeltaConfig, 'keySparsity' | 'compactSparsity' | 'tokens'> = { reference: 'mean', law: 'uniform', sinks: 4, windowMin: 2, windowMax: 4, windowDivisor: 64 };

/**
 * Where there are texts enough for a basis: the sparsity of the modes where zeros are shared out among heads; contexts of so many tokens, as many as the texts give
 * between two numbers, the first of which also show what zeros cost; the power of the predicted importance, 0: it is not used. Where what is far costs so little, the
 * last blocks are most of what is left: four of them stay exact.
 */
export const BASIS = { shared: { balanced: 0.7, compact: 0.8 }, texts: { least: 6, most: 12, costs: 6 }, length: 4096, power: 0.1, window: 4 };

/**
 * Where zeros are shared out among KV heads: rows of each text whose next tokens are looked at, where texts were given; and of the one sample, of models up to so many
 * parameters, of which it is measured while nobody waits.
 */
export const HEADS = { textRows: 512, sampleRows: 384, parameters: 2e9 };

/** Raised when delta tables come out differently. */
export const METHOD_NUMBER = 8;

/** Changes whenever the same file would be measured differently: part of a model's identity. */
export const METHOD = JSON.stringify({ format: FOLDER_FORMAT, method: METHOD_NUMBER, sparsity: [BALANCED, COMPACT], ...CODING });
