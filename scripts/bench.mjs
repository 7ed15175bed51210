// node scripts/bench.mjs MODULE [OPTIONS]: runs a benchmark of test/bench, which is TypeScript, in plain Node 20.

import { importTs } from './importTs.mjs';

const [module] = process.argv.splice(2, 1);
const { run } = await importTs(module);
await run();
