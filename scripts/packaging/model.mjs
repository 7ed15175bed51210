// The embedded model as it travels: converted already, so that the first use writes no weights. Kept in .cache while the model, the calibration texts and
// the bundles stay the same; a conversion measures which form of the output layer is fast, so two of them may differ in that.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { importTs } from '../importTs.mjs';
import { root, runQuietly } from '../steps.mjs';

/** The file it is made from, and where the runtime looks for it in the package. */
export const { STARTER_GGUF: gguf, STARTER_CONVERTED: convertedModel } = await importTs('src/model/starter.ts');

const inputs = () => [gguf, 'dist/worker.js', ...readdirSync(join(root, 'models/calibration')).sort().map((name) => `models/calibration/${name}`)];

/** Converts the embedded model, or finds the last conversion. @returns {Promise<string>} its folder */
export async function convertModel() {
  const hash = createHash('sha256');
  for (const path of inputs()) hash.update(path).update(readFileSync(join(root, path)));
  const folder = join(root, '.cache', 'package', `starter-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(join(folder, 'manifest.json'))) return folder;

  mkdirSync(join(root, '.cache', 'package'), { recursive: true });
  const work = mkdtempSync(join(root, '.cache', 'package', 'work-'));
  try {
    await runQuietly(process.execPath, ['dist/cli.js', 'import', gguf, '--out', join(work, 'model')], { env: { DELTALLM_CACHE: join(work, 'cache') } });
    if (!existsSync(folder)) renameSync(join(work, 'model'), folder);
    for (const old of readdirSync(join(root, '.cache', 'package'))) {
      if (old.startsWith('starter-') && !folder.endsWith(old)) rmSync(join(root, '.cache', 'package', old), { recursive: true });
    }
    return folder;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
