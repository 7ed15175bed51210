import { existsSync, readFileSync } from 'node:fs';
import { buildSync } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { networkViolations } from '../support/bundleRules.ts';

const metaPath = 'dist/meta.json';
const textOf = (output: string): string => readFileSync(output, 'utf8');

describe('the bundles', () => {
  it('have no way to the network', (context) => {
    context.skip(!existsSync(metaPath), 'dist/ is not built');
    const meta = JSON.parse(readFileSync(metaPath, 'utf8'));
    const outputs = Object.keys(meta.outputs).filter((output) => !output.endsWith('.map'));
    expect(outputs).toEqual(expect.arrayContaining(['dist/cli.js', 'dist/worker.js', 'dist/extension.cjs', 'dist/chat.js', 'dist/chat.css', 'dist/visualizer.js']));
    expect(networkViolations(meta, textOf).filter((violation) => !/^dist\/(?:download|remote)\.cjs /.test(violation))).toEqual([]);
  });

  it('have one that downloads, and the extension alone knows its name', (context) => {
    context.skip(!existsSync(metaPath), 'dist/ is not built');
    const meta = JSON.parse(readFileSync(metaPath, 'utf8'));
    const { inputs, imports } = meta.outputs['dist/download.cjs'] as { inputs: Record<string, unknown>; imports: { path: string }[] };
    expect(Object.keys(inputs).filter((path) => !/^src\/(download|shared)\//.test(path))).toEqual([]);
    // By their plain names: those that VS Code replaces.
    expect(imports.map(({ path }) => path).filter((path) => !path.startsWith('node:')).sort()).toEqual(['http', 'https']);
    expect(networkViolations({ ...meta, outputs: { 'dist/download.cjs': meta.outputs['dist/download.cjs'] } }, textOf).length).toBeGreaterThan(0);
    const others = Object.entries(meta.outputs as Record<string, { inputs: Record<string, unknown> }>).filter(([output]) => output !== 'dist/download.cjs' && !output.endsWith('.map'));
    expect(others.filter(([, { inputs: from }]) => Object.keys(from).some((path) => path.startsWith('src/download/')))).toEqual([]);
    // The one call that loads it: `bundle('download')`, from a click on the page of models.
    const loaders = others.map(([output]) => output).filter((output) => /["'`]download["'`]\)/.test(textOf(output)) || textOf(output).includes('download.cjs'));
    expect(loaders).toEqual(['dist/extension.cjs']);
    expect(textOf('dist/extension.cjs').match(/["'`]download["'`]\)/g)).toHaveLength(1);
  });

  it("have one that talks to a team's server, and the extension alone knows its name", (context) => {
    context.skip(!existsSync(metaPath), 'dist/ is not built');
    const meta = JSON.parse(readFileSync(metaPath, 'utf8'));
    const { inputs, imports } = meta.outputs['dist/remote.cjs'] as { inputs: Record<string, unknown>; imports: { path: string }[] };
    expect(Object.keys(inputs).filter((path) => !/^(?:src\/(?:remote|shared)|node_modules\/openai)\//.test(path))).toEqual([]);
    // The global fetch is all that it has.
    expect(imports).toEqual([]);
    expect(networkViolations({ ...meta, outputs: { 'dist/remote.cjs': meta.outputs['dist/remote.cjs'] } }, textOf)).toContainEqual(expect.stringMatching(/calls fetch/));
    const others = Object.entries(meta.outputs as Record<string, { inputs: Record<string, unknown> }>).filter(([output]) => output !== 'dist/remote.cjs' && !output.endsWith('.map'));
    expect(others.filter(([, { inputs: from }]) => Object.keys(from).some((path) => /^(?:src\/remote|node_modules\/openai)\//.test(path)))).toEqual([]);
    const loaders = others.map(([output]) => output).filter((output) => /["'`]remote["'`]\)/.test(textOf(output)) || textOf(output).includes('remote.cjs'));
    expect(loaders).toEqual(['dist/extension.cjs']);
    expect(textOf('dist/extension.cjs').match(/["'`]remote["'`]\)/g)).toHaveLength(1);
  });

  it('answer a fetch of a library with an error', async () => {
    const { forbiddenFetch } = await import('../../src/shared/forbiddenFetch.ts');
    await expect(async () => forbiddenFetch()).rejects.toThrow();
  });
});

describe('the check', () => {
  const check = (source: string, expected: RegExp | undefined, options = {}) => {
    const { metafile, outputFiles } = buildSync({
      stdin: { contents: source, loader: 'ts', resolveDir: '.' }, bundle: true, write: false, metafile: true, platform: 'node', format: 'esm', outfile: 'planted.js', ...options,
    });
    const found = networkViolations(metafile, () => outputFiles[0].text);
    if (expected) expect(found).toContainEqual(expect.stringMatching(expected));
    else expect(found).toEqual([]);
  };

  it.each([
    ["import { get } from 'node:https'; get('x');", /imports node:https/],
    ["import * as net from 'net'; console.log(net);", /imports net/],
    ["const { lookup } = await import('dns/promises'); lookup('x');", /imports dns\/promises/],
    ["import { createRequire } from 'node:module'; createRequire(import.meta.url)('node:tls');", /loads a network module/],
    ["process.getBuiltinModule('node:net').connect(1);", /loads a network module/],
    ['await fetch(location);', /calls fetch/],
    ["await globalThis.fetch('x');", /reaches for the global fetch/],
    ["new WebSocket('x');", /opens a connection/],
    ["console.log('http', 'https://example.org'); // fetch('x')", undefined],
    ['declare const source: { fetch(): void }; source.fetch();', undefined],
    ['function fetch() { return 1; } console.log(fetch());', undefined],
  ])('judges %j', (source, expected) => check(source, expected));

  it.each([
    ['a { background: url(https://example.org/a.png) }', /loads by address/],
    ['@import "https://example.org/a.css";', /loads by address/],
    ['a { color: inherit } /* url(x) */', undefined],
  ])('judges the style sheet %j', (text, expected) => {
    const found = networkViolations({ inputs: {}, outputs: { 'planted.css': { imports: [], bytes: 1, inputs: {}, exports: [] } } }, () => text);
    if (expected) expect(found).toEqual([expect.stringMatching(expected)]);
    else expect(found).toEqual([]);
  });

  it('accepts a fetch that the build replaced', () => {
    check("await fetch('x');", undefined, { define: { fetch: 'forbiddenFetch' }, inject: ['src/shared/forbiddenFetch.ts'] });
  });
});
