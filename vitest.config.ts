import { defineConfig } from 'vitest/config';

const project = (name: string, timeout: number) => ({
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
    projects: [project('unit', 60_000), project('native', 600_000), project('addon', 300_000), project('parity', 900_000), project('fullsize', 900_000)],
  },
});
