// How delta tables are found: what it is that would make others of them.
import type { DeltaConfig } from '../manifest.ts';
import { FOLDER_FORMAT } from '../manifest.ts';

/** Sparsity of the modes *balanced* and *compact*, and the coding that docs/delta-format.md settled on. */
export const BALANCED = 0.6;
export const COMPACT = 0.7;
export const CODING: Omit<DeltaConfig, 'keySparsity' | 'compactSparsity' | 'tokens'> = { reference: 'mean', law: 'uniform', sinks: 4, windowMin: 2, windowMax: 4, windowDivisor: 64 };

/**
 * Where there are texts enough for a basis: contexts of so many tokens; the power of the predicted importance, 0: it is not used; and how many more zeros are asked
 * for on them than are wanted, for text that nothing was measured on has about as many fewer. Where what is far costs so little, the last blocks are most of what is
 * left: four of them stay exact.
 */
export const BASIS = { texts: 6, length: 4096, power: 0.1, margin: 0.015, window: 4 };

/** Raised when delta tables come out differently. */
export const METHOD_NUMBER = 7;

/** Changes whenever the same file would be measured differently: part of a model's identity. */
export const METHOD = JSON.stringify({ format: FOLDER_FORMAT, method: METHOD_NUMBER, sparsity: [BALANCED, COMPACT], ...CODING });
