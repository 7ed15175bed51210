// How a file's weights are stored, in the word that people choose files by: "Q4_K_M".
import { typeName } from '../format/gguf.ts';
import type { GgufHeader } from '../format/ggufHeader.ts';

/** `general.file_type`: what the file was meant to be. Mixtures have names that no tensor type has. */
const MIXTURES: Readonly<Record<number, string>> = {
  11: 'Q3_K_S', 12: 'Q3_K_M', 13: 'Q3_K_L', 14: 'Q4_K_S', 15: 'Q4_K_M', 16: 'Q5_K_S', 17: 'Q5_K_M', 21: 'Q2_K_S', 22: 'IQ3_XS', 27: 'IQ3_M', 29: 'IQ2_M',
};
/** Added to the number when a converter guessed it. */
const GUESSED = 1024;
/** BitNet's own converter gave these numbers, which mean other types elsewhere, to types of its own. */
const BITNET_TYPES: Readonly<Record<number, string>> = { 36: 'I2_S', 37: 'I8_S', 38: 'TL1', 39: 'TL2' };

/** The type of most weights, or the mixture that the file claims to be where that type goes with it; '' without matrices. */
export function quantisationOf({ metadata, tensors }: Pick<GgufHeader, 'metadata' | 'tensors'>): string {
  const weights = new Map<number, number>();
  for (const { type, shape } of tensors) if (shape.length > 1) weights.set(type, (weights.get(type) ?? 0) + shape.reduce((a, b) => a * b, 1));
  const [most] = [...weights].sort(([, a], [, b]) => b - a);
  if (!most) return '';
  const bitnet = String(metadata['general.architecture']).startsWith('bitnet') ? BITNET_TYPES[most[0]] : undefined;
  const type = bitnet ?? typeName(most[0]);
  const mixture = MIXTURES[Number(metadata['general.file_type']) % GUESSED] ?? '';
  return mixture.startsWith(`${type}_`) ? mixture : type;
}
