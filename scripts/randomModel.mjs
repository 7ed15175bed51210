// node scripts/randomModel.mjs PRESET OUT.gguf [TYPE]: writes a model of random weights and real shape, for speed and numerics.

import { importTs } from './importTs.mjs';

const { presets, writeRandomLlama } = await importTs('test/support/writeGguf.ts');
const [preset, out, type] = process.argv.slice(2);
if (!(preset in presets) || !out) {
  console.error(`usage: node scripts/randomModel.mjs PRESET OUT.gguf [F32|F16|BF16|Q8_0|Q4_0]\npresets: ${Object.keys(presets).join(', ')}`);
  process.exit(2);
}
const started = performance.now();
const bytes = writeRandomLlama(out, { ...presets[preset], ...(type ? { type } : {}) });
console.log(`${out}: ${(bytes / 1e6).toFixed(1)} MB in ${((performance.now() - started) / 1000).toFixed(1)} s`);
