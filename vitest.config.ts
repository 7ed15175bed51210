import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const project = (name: string, timeout: number) => ({
  // VS Code exists only inside its host: what the editor's part does with it is seen in a stand-in.
  resolve: { alias: { vscode: fileURLToPath(new URL('test/support/fakeVscode.ts', import.meta.url)) } },
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: timeout,
    hookTimeout: timeout,
    pool: 'forks' as const,
    globalSetup: ['test/support/globalSetup.ts'],
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [project('unit', 60_000), project('native', 600_000), project('addon', 300_000), project('parity', 900_000), project('fullsize', 900_000), project('recipe', 600_000), project('systems', 600_000), project('view', 300_000)],
  },
});
