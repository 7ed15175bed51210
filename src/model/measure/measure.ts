// What is measured of a loaded model before its first token: the delta tables of each mode, on sample code of our own.
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../shared/packageRoot.ts';
import type { RunPass } from '../../shared/pass.ts';
import type { Addon, DeltaTables } from '../../binding/addon.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { Forward } from '../forward.ts';
import type { DeltaConfig } from '../manifest.ts';
import type { Mode } from '../stores.ts';
import { calibrate } from './calibrate.ts';
import { BALANCED, CODING, COMPACT } from './method.ts';

/** Tokens of sample code: somebody waits for the first token of a large model. */
const SAMPLE = { small: 2048, large: 256, huge: 128, smallParameters: 100e6, hugeParameters: 2e9 };

/** Measures `forward`, whose manifest states the coding, in passes of `pass`. */
export async function measure(forward: Forward, tokenizer: Tokenizer, addon: Addon, progress: (share: number) => void, pass: RunPass): Promise<{ delta: DeltaConfig; tables: Record<Mode, DeltaTables[]> }> {
  const { parameters, shape } = forward.manifest;
  const sample = await sampleCode(tokenizer, Math.min(shape.context, parameters <= SAMPLE.smallParameters ? SAMPLE.small : parameters <= SAMPLE.hugeParameters ? SAMPLE.large : SAMPLE.huge));
  const { calibrations: [balanced, compact] } = await calibrate(forward, addon, sample, [BALANCED, COMPACT], progress, pass);
  return {
    delta: { ...CODING, keySparsity: balanced.keySparsity, compactSparsity: compact.keySparsity, tokens: sample.length },
    tables: { delta: balanced.tables, compact: compact.tables },
  };
}

/** The first tokens of our sample code, repeated where it is too short. */
async function sampleCode(tokenizer: Tokenizer, wanted: number): Promise<number[]> {
  const folder = join(packageRoot(), 'models/calibration');
  const ids: number[] = [];
  for (const name of (await fs.readdir(folder)).sort()) {
    if (ids.length >= wanted) break;
    ids.push(...tokenizer.encode(await fs.readFile(join(folder, name), 'utf8')));
  }
  while (ids.length < wanted) ids.push(...ids);
  return ids.slice(0, wanted);
}
