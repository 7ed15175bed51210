// The measured confidence of a model, kept beside its weights: read with care, written whole or not at all.
import { randomUUID } from 'node:crypto';
import { promises as fs, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MOST_POINTS } from './confidence.ts';
import type { ConfidenceCurve } from './protocol.ts';

const FILE = 'confidence.json';
/** Raised when what is measured changes: a curve of another format is measured again. */
const FORMAT = 3;
const MOST_BYTES = 64_000;

/** The curve kept in a model folder; null where there is none that can be used. `source`: the hash of the file that the model was made from. */
export async function readConfidence(folder: string, source: string): Promise<ConfidenceCurve | null> {
  try {
    const path = join(folder, FILE);
    const stat = await fs.stat(path);
    return stat.isFile() && stat.size <= MOST_BYTES ? parseConfidence(await fs.readFile(path, 'utf8'), source) : null;
  } catch {
    return null;
  }
}

const isShare = (x: unknown): x is number => typeof x === 'number' && x >= 0 && x <= 1;

/** Null for whatever is not a curve of this model. */
export function parseConfidence(text: string, source: string): ConfidenceCurve | null {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return null;
  }
  const file = (found ?? {}) as Partial<ConfidenceCurve> & { format?: unknown; source?: unknown };
  if (file.format !== FORMAT || file.source !== source) return null;
  const { samples, points, locality } = file;
  if (typeof locality !== 'boolean' || !Number.isSafeInteger(samples) || samples! < 0 || !Array.isArray(points) || points.length > MOST_POINTS) return null;
  if (!points.every((p) => Number.isFinite(p?.threshold) && p.threshold <= 0 && isShare(p.coverage) && isShare(p.precision))) return null;
  // Rounding may lift a mean of equal shares by a hair.
  const ordered = points.every((p, i) => i === 0 || (p.threshold < points[i - 1].threshold && p.coverage > points[i - 1].coverage && p.precision <= points[i - 1].precision + 1e-9));
  return ordered ? { samples: samples!, points: points.map(({ threshold, coverage, precision }) => ({ threshold, coverage, precision })), locality } : null;
}

/** Keeps the curve in the model folder; where that cannot be written, it is measured again next time. */
export async function keepConfidence(folder: string, source: string, curve: ConfidenceCurve): Promise<void> {
  const partial = join(folder, `${FILE}.${randomUUID()}`);
  try {
    // What a process left that was killed between the two steps below.
    for (const name of await fs.readdir(folder)) if (name.startsWith(`${FILE}.`)) await fs.rm(join(folder, name), { force: true });
    writeFileSync(partial, JSON.stringify({ format: FORMAT, source, ...curve }));
    renameSync(partial, join(folder, FILE));
  } catch {
    await fs.rm(partial, { force: true }).catch(() => {});
  }
}
