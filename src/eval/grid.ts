// The forms that are compared, and the comparison of laws and references at equal bytes.
import { BLOCK } from '../binding/addon.ts';
import type { Region } from '../attention/reference.ts';
import { Rotations } from '../attention/rope.ts';
import { LAWS } from '../attention/thresholdLaw.ts';
import type { Manifest } from '../model/manifest.ts';
import type { FarForm } from './onnxAttention.ts';
import { resampled } from './random.ts';
import type { Form, Row } from './study.ts';
import { BlockCoder, solve, type Reference, type Sides, type Solved, type Variant } from './variant.ts';

export interface WindowRule {
  windowMin: number;
  windowMax: number;
  windowDivisor: number;
}
/** A window of w blocks for every query. */
export const fixed = (w: number): WindowRule => ({ windowMin: w, windowMax: w, windowDivisor: 1 });
export const ruleName = ({ windowMin, windowMax, windowDivisor }: WindowRule): string => (windowMin === windowMax ? String(windowMin) : `b/${windowDivisor}, ${windowMin} to ${windowMax}`);

export const region = (sinks: number, { windowMin, windowMax, windowDivisor }: WindowRule): Region => ({
  sinks, windowBlocks: (b) => Math.min(windowMax, Math.max(windowMin, Math.ceil(b / windowDivisor))),
});

export const variantName = ({ law, reference, side, zeros }: Variant): string => `${Math.round(zeros * 100)} % ${law}, ${reference}, ${side}`;

/** All of laws × references × sides × zeros. */
export function allVariants(zeros: number[], references: Reference[]): Variant[] {
  return zeros.flatMap((z) => (['post', 'pre'] as const).flatMap((side) => references.flatMap((reference) => LAWS.map((law) => ({ law, reference, side, zeros: z })))));
}

/** Makes forms for one model; tables are solved once per variant. */
export class Forms {
  private readonly rotations: Rotations;
  private readonly solved = new Map<string, Solved>();

  constructor(
    private readonly manifest: Manifest,
    private readonly sides: Sides,
    capacity: number,
    inverseFrequencies: Float64Array,
  ) {
    this.rotations = new Rotations(capacity, inverseFrequencies);
  }

  tables(variant: Variant): Solved {
    const key = variantName(variant);
    let solved = this.solved.get(key);
    if (!solved) this.solved.set(key, (solved = solve(variant, this.sides, this.manifest.shape, this.manifest.rope.rotated)));
    return solved;
  }

  /** Far keys coded by `variant`. */
  coded(name: string, variant: Variant, where: Region, options: { quantised?: boolean; zeroThreshold?: boolean; values?: FarForm['values'] } = {}): Form {
    const solved = this.tables(variant);
    return {
      name,
      make: () => {
        const coder = new BlockCoder(solved, this.manifest.shape.keyLength, this.rotations, options.quantised ?? true, options.zeroThreshold ? 'zero' : 'solved');
        return { coder, far: { region: where, keys: coder.keys, values: options.values } };
      },
    };
  }

  plain(name: string, far?: FarForm): Form {
    return { name, make: () => ({ far }) };
  }
}

/** Bytes of one far key: per block a keyframe, and for every other token a mask and the deltas that are not zero (docs/delta-format.md). */
export function keyBytes(keyLength: number, reference: Reference, zeros: number, extraKeyframes: number): number {
  const frame = 2 * keyLength;
  const delta = keyLength / 8 + (1 - zeros) * keyLength;
  const coded = BLOCK - extraKeyframes - (reference === 'previous' ? 1 : 0);
  return (frame * (1 + extraKeyframes) + coded * delta + (BLOCK - coded) * (keyLength / 8)) / BLOCK;
}

/** KL at `bytes`, on the line through the two nearest measured points of ln KL over bytes. */
export function klAt(points: { bytes: number; kl: number }[], bytes: number): number {
  const sorted = [...points].sort((a, b) => a.bytes - b.bytes);
  let i = 0;
  while (i < sorted.length - 2 && sorted[i + 1].bytes < bytes) i++;
  const [a, b] = [sorted[i], sorted[Math.min(i + 1, sorted.length - 1)]];
  if (a === b || a.bytes === b.bytes) return a.kl;
  const share = (bytes - a.bytes) / (b.bytes - a.bytes);
  return Math.exp(Math.log(a.kl) + share * (Math.log(b.kl) - Math.log(a.kl)));
}

export interface GridRow extends Row {
  variant: Variant;
  /** Bytes of a far key of one head. */
  bytes: number;
}

export interface EqualBytes {
  law: string;
  reference: Reference;
  side: string;
  /** KL at the bytes of each of `zeros`, in the same order. */
  kl: number[];
  /** KL at the bytes of `balanced` zeros, as a share of that of the paper's reference with one threshold a layer (previous, uniform, post), and its 95 % interval over contexts. */
  share: number;
  shareInterval: [number, number];
}

/** KL of each law × reference × side at the bytes that the wanted zeros cost with one keyframe a block and the previous token as reference. */
export function equalBytes(rows: GridRow[], zeros: number[], balanced: number, keyLength: number, seed: number): EqualBytes[] {
  const groups = new Map<string, GridRow[]>();
  for (const row of rows) {
    const { law, reference, side } = row.variant;
    const key = `${side} ${reference} ${law}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const baseline = groups.get('post previous uniform');
  const at = (group: GridRow[], z: number, drawn?: Int32Array) => klAt(group.map((row) => ({ bytes: row.bytes, kl: drawn ? drawnKl(row, drawn) : row.kl })), keyBytes(keyLength, 'previous', z, 0));
  return [...groups.values()].map((group) => ({
    law: group[0].variant.law, reference: group[0].variant.reference, side: group[0].variant.side,
    kl: zeros.map((z) => at(group, z)),
    share: baseline ? at(group, balanced) / at(baseline, balanced) : NaN,
    shareInterval: baseline ? resampled(group[0].perSample.length, seed, (drawn) => at(group, balanced, drawn) / at(baseline, balanced, drawn)) : [NaN, NaN],
  }));
}

const drawnKl = ({ perSample }: Row, drawn: Int32Array) => drawn.reduce((n, i) => n + perSample[i].kl, 0) / drawn.reduce((n, i) => n + perSample[i].positions, 0);
