import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Sweeps over many cases, of which other files have one, and what takes long beside what it guards: a routine run leaves them to the whole check. */
const sweeps = ['unit/ggufHostile', 'addon/onnxFolder', 'addon/keptFiles', 'addon/readOnlyFolder', 'addon/replay', 'addon/splitModel', 'addon/modelShelf', 'addon/confidenceCall', 'view/hostile', 'view/keyboard', 'view/visualizerAccess', 'view/panelReplay'];
const isRoutine = process.env.DELTALLM_TEST === 'routine';

/** `timeout`: milliseconds after which a test hangs, on the slowest and busiest machine; no test may need it to fail. */
const project = (name: string, timeout: number) => ({
  // VS Code exists only inside its host: what the editor's part does with it is seen in a stand-in.
  resolve: { alias: { vscode: fileURLToPath(new URL('test/support/fakeVscode.ts', import.meta.url)) } },
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    exclude: isRoutine ? sweeps.map((file) => `test/${file}.test.ts`) : [],
    testTimeout: timeout,
    hookTimeout: timeout,
    expect: { poll: { timeout } },
    pool: 'forks' as const,
    globalSetup: ['test/support/globalSetup.ts'],
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [project('unit', 300_000), project('native', 900_000), project('addon', 900_000), project('studies', 900_000), project('programs', 900_000), project('parity', 900_000), project('fullsize', 900_000), project('recipe', 900_000), project('systems', 900_000), project('view', 900_000)],
  },
});
