// Before any project's tests: telemetry off in the environment that the test processes inherit.

import { existsSync } from 'node:fs';

export default function setup(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  if (!existsSync('package.json') || !existsSync('src/README.md')) throw new Error('Run the tests in the root of the repository.');
}
