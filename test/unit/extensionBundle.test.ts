import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const metaPath = 'dist/meta.json';
const skipped = !existsSync(metaPath);
const meta = skipped ? undefined : JSON.parse(readFileSync(metaPath, 'utf8'));
const output = meta?.outputs['dist/extension.cjs'] as { bytes: number; inputs: Record<string, unknown>; imports: { path: string; external?: boolean }[] };

describe('what the editor loads at its start', () => {
  it('is at most 300 KB', (context) => {
    context.skip(skipped, 'dist/ is not built');
    expect(output.bytes).toBeLessThanOrEqual(300_000);
  });

  it('holds the editor, the completer and the client, and neither a library nor anything of the engine', (context) => {
    context.skip(skipped, 'dist/ is not built');
    const inputs = Object.keys(output.inputs);
    expect(inputs).toEqual(expect.arrayContaining(['src/extension.ts', 'src/editor/completions.ts', 'src/completion/completer.ts', 'src/session/client.ts']));
    expect(inputs.filter((path) => /node_modules|^src\/(model|binding|tokenizer|cache|attention|eval|cli)\/|engine\.ts|worker\.ts/.test(path))).toEqual([]);
  });

  it('asks for VS Code and Node alone, and starts the worker by its path', (context) => {
    context.skip(skipped, 'dist/ is not built');
    const asked = output.imports.filter(({ external }) => external).map(({ path }) => path);
    expect(asked.filter((path) => path !== 'vscode' && !path.startsWith('node:'))).toEqual([]);
    expect(asked).toContain('node:worker_threads');
    expect(meta.outputs['dist/worker.js']).toBeDefined();
  });
});
