// Longer texts than a model was trained for, by turning more slowly: what `rope.scaling.*` asks for, as one RoPE configuration.
import type { RopeConfig } from '../manifest.ts';

/** YaRN (arXiv 2309.00071): pairs that turn often within the trained context stay, those that turn rarely are slowed down, and those between are mixed. */
export interface Yarn {
  /** How much longer texts become. */
  factor: number;
  /** Tokens that the model was trained on before. */
  trained: number;
  /** Full turns within them, from which a pair stays, and up to which it is slowed down. */
  fast: number;
  slow: number;
  /** Share of the mixture that is used; 1 unless the file says otherwise. */
  mixed: number;
  /** Multiplies the usual factor on cosine and sine. */
  attention: number;
}

export function yarn({ base, rotated }: Pick<RopeConfig, 'base' | 'rotated'>, { factor, trained, fast, slow, mixed, attention }: Yarn): RopeConfig {
  /** The pair that makes so many turns. */
  const pairOf = (turns: number) => (rotated * Math.log(trained / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const from = Math.max(0, Math.floor(pairOf(fast)));
  const to = Math.min(rotated - 1, Math.ceil(pairOf(slow)));
  const factors = Array.from({ length: rotated / 2 }, (_, pair) => {
    const ramp = Math.min(1, Math.max(0, (pair - from) / Math.max(0.001, to - from)));
    const kept = (1 - ramp) * mixed;
    return 1 / ((1 - kept) / factor + kept);
  });
  return { base, rotated, linear: 1, factors, scale: attention * (mixed === 0 ? 1 : 1 + 0.1 * Math.log(factor)) };
}
