// Imports a TypeScript module of this repository in plain Node 20: bundled in memory, packages left to Node.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @param {string} path relative to the repository root */
export async function importTs(path) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [path],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
  });
  // Inside the repository, so that bare imports resolve; removed at once, for the module is loaded.
  const folder = join(root, 'node_modules', '.cache', 'importTs');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${path.replace(/\W+/g, '-')}-${process.pid}.mjs`);
  writeFileSync(file, outputFiles[0].contents);
  try {
    return await import(pathToFileURL(file).href);
  } finally {
    rmSync(file);
  }
}
