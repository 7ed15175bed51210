// How each layer of a model attends: what its manifest says, layer by layer.
import type { LayerConfig } from '../binding/addon.ts';
import { Rotations } from '../attention/rope.ts';
import { inverseFrequencies, type Manifest, type RopeConfig } from './manifest.ts';

export type AttentionRule = Omit<LayerConfig, 'delta'>;
/** The part of a manifest that attention depends on. */
export type AttentionFacts = Pick<Manifest, 'shape' | 'rope' | 'attentionScale' | 'softcap' | 'others'>;

/** The rules of all layers; layers that turn alike share their frequencies. */
export function attentionRules({ shape, rope, attentionScale, softcap = 0, others }: AttentionFacts): AttentionRule[] {
  const rule = (turned: RopeConfig | null, slidingWindow: number): AttentionRule => ({
    scale: attentionScale, softcap, slidingWindow, inverseFrequencies: inverseFrequencies(turned), ropeScale: turned?.scale ?? 1,
  });
  const usual = rule(rope, 0);
  const other = others && rule(others.rope, others.window);
  return Array.from({ length: shape.layers }, (_, layer) => (other && others.layers.includes(layer) ? other : usual));
}

/** What turns the queries and keys of each layer at positions [0, tokens). */
export function rotationsOf(manifest: AttentionFacts, tokens: number): Rotations[] {
  const made = new Map<Float64Array, Rotations>();
  return attentionRules(manifest).map(({ inverseFrequencies: frequencies, ropeScale }) => {
    const known = made.get(frequencies) ?? new Rotations(tokens, frequencies, ropeScale);
    made.set(frequencies, known);
    return known;
  });
}

/** Whether all layers attend alike, with nothing but a scale between q·k and softmax: all that some measurements know. */
export const attendsPlainly = ({ rope, softcap, others }: Pick<AttentionFacts, 'rope' | 'softcap' | 'others'>): boolean => softcap === undefined && others === undefined && rope.scale === undefined;
