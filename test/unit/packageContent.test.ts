import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';

const script = (name: string): Promise<Record<string, any>> => import(new URL(`../../scripts/packaging/${name}.mjs`, import.meta.url).href);
const unbuilt = ['dist/cli.js', 'dist/worker.js', 'dist/extension.cjs', 'dist/download.cjs', 'dist/modelsHost.cjs', 'dist/served.cjs', 'dist/remote.cjs', 'dist/models.js', 'dist/models.css', 'dist/chat.js', 'dist/chat.css', 'dist/visualizer.js', 'dist/visualizer.css', 'native/build/Release/deltallm.node'].find((path) => !existsSync(path));
const linux = process.platform === 'linux' && process.arch === 'x64';
const patchelf = spawnSync('patchelf', ['--version']).status === 0;
const reason = unbuilt ? `${unbuilt} is not built` : !linux ? 'the package is for linux-x64' : !patchelf && !process.env.CI ? 'patchelf is not installed' : undefined;

const modules = 'dist/node_modules';
const binaries = `${modules}/onnxruntime-node/bin/napi-v6/linux/x64`;
const version = JSON.parse(readFileSync('node_modules/onnxruntime-node/package.json', 'utf8')).version as string;
const library = `libonnxruntime-deltallm.so.${version}`;

describe('the package', () => {
  const base = mkdtempSync(join(tmpdir(), 'deltallm-packageContent-'));
  const stage = join(base, 'stage');
  let files: { path: string; bytes: number }[] = [];
  const paths = () => files.map(({ path }) => path);
  const needsStage = (context: TestContext) => context.skip(reason !== undefined, reason);

  beforeAll(async () => {
    if (reason) return;
    execFileSync(process.execPath, ['scripts/package.mjs', '--stage', stage], { stdio: 'inherit' });
    files = (await script('report')).filesOf(stage);
  }, 600_000);
  afterAll(() => rmSync(base, { recursive: true }));

  it('holds the bundles, the addon, ONNX Runtime for linux-x64, the model and what was measured of it, the calibration texts, the prompts, the shown texts and the papers, and nothing else', (context) => {
    needsStage(context);
    const expected = [
      'CHANGELOG.md', 'LICENSE', 'README.md', 'ThirdPartyNotices.txt', 'media/icon.png', 'package.json', 'package.nls.json', 'l10n/bundle.l10n.json',
      'dist/cli.js', 'dist/extension.cjs', 'dist/download.cjs', 'dist/modelsHost.cjs', 'dist/served.cjs', 'dist/remote.cjs', 'dist/models.js', 'dist/models.css', 'dist/worker.js', 'dist/chat.js', 'dist/chat.css', 'dist/visualizer.js', 'dist/visualizer.css',
      'models/starter/starter-q8_0.gguf',
      ...['manifest.json', 'confidence.json', 'delta.f32', 'delta-compact.f32', 'basis.f32'].map((name) => `models/starter/measured/${name}`),
      ...['where', 'try', 'models', 'chat'].map((name) => `media/walkthrough/${name}.svg`),
      ...['document', 'explain', 'fix', 'tests'].map((name) => `prompts/${name}.md`),
      ...readdirSync('models/calibration').map((name) => `models/calibration/${name}`),
      'native/build/Release/deltallm.node',
      `${modules}/onnxruntime-node/package.json`, `${modules}/onnxruntime-common/package.json`, `${modules}/onnxruntime-common/dist/cjs/package.json`,
      ...['backend', 'binding', 'index', 'version'].map((name) => `${modules}/onnxruntime-node/dist/${name}.js`),
      ...[library, 'onnxruntime_binding.node'].map((name) => `${binaries}/${name}`),
    ];
    const ofMany = new RegExp(`^${modules}/onnxruntime-common/dist/cjs/[\\w-]+\\.js$`);
    expect(paths().filter((path) => !ofMany.test(path)).sort()).toEqual(expected.sort());
  });

  it('has no sources, no source maps, no pretended language, no other platform', (context) => {
    needsStage(context);
    const unwanted = /\.(map|cc|h|gyp|tsx?|dll|dylib)$|qps-ploc|win32|darwin|arm64|(^|\/)(src|test|scripts|\.\w+)\//;
    expect(paths().filter((path) => unwanted.test(path) && !path.startsWith('models/calibration/'))).toEqual([]);
    for (const path of ['dist/cli.js', 'dist/worker.js', 'dist/extension.cjs', 'dist/download.cjs', 'dist/modelsHost.cjs', 'dist/served.cjs', 'dist/remote.cjs', 'dist/models.js', 'dist/models.css', 'dist/chat.js', 'dist/chat.css', 'dist/visualizer.js', 'dist/visualizer.css']) expect(readFileSync(join(stage, path), 'utf8')).not.toContain('sourceMappingURL');
  });

  it('declares no scripts and no dependencies, for there is nothing to install', (context) => {
    needsStage(context);
    const manifest = JSON.parse(readFileSync(join(stage, 'package.json'), 'utf8'));
    expect(Object.keys(manifest)).not.toEqual(expect.arrayContaining([expect.stringMatching(/scripts|dependencies|private|overrides/i)]));
    for (const path of [manifest.main, manifest.icon, manifest.bin.deltallm]) expect(paths()).toContain(path.replace(/^\.\//, ''));
  });

  it('carries ONNX Runtime under a name of its own, which its binding asks for beside itself', (context) => {
    needsStage(context);
    const dynamic = (name: string) => execFileSync('objdump', ['-p', join(stage, binaries, name)], { encoding: 'utf8' });
    expect(dynamic(library)).toMatch(new RegExp(`SONAME\\s+${library.replaceAll('.', '\\.')}\n`));
    const binding = dynamic('onnxruntime_binding.node');
    expect(binding).toMatch(new RegExp(`NEEDED\\s+${library.replaceAll('.', '\\.')}\n`));
    expect(binding).toMatch(/RUNPATH\s+\$ORIGIN\/?\n/);
    expect(binding).not.toContain('libonnxruntime.so');
  });

  it('is as small as promised', async (context) => {
    needsStage(context);
    const { checkSize, limits, sizes } = await script('report');
    expect(limits).toEqual({ withoutModel: 60, whole: 150 });
    expect(sizes(files).whole).toBeGreaterThan(sizes(files).withoutModel);
    checkSize(files);
  });

  it('names no folder of the machine that built it', (context) => {
    needsStage(context);
    const ours = paths().filter((path) => !path.includes('node_modules'));
    expect(ours.filter((path) => readFileSync(join(stage, path)).includes(process.cwd()))).toEqual([]);
  });

  it('keeps the licences of what it contains, each with its text', (context) => {
    needsStage(context);
    const parts = readFileSync(join(stage, 'ThirdPartyNotices.txt'), 'utf8').split('-'.repeat(80));
    for (const name of ['onnxruntime-node', 'onnxruntime-common', 'protobufjs', '@huggingface/tokenizers', 'lit-html', 'markdown-it', 'dompurify', 'highlight.js', 'openai']) {
      const part = parts.find((text) => text.includes(`${name} `)) ?? '';
      expect(part, name).toMatch(/copyright|licensed/i);
      expect(part.length, name).toBeGreaterThan(800);
    }
  });

  it('completes on its own, far from the repository, and measures nothing', (context) => {
    needsStage(context);
    const sample = join(base, 'sample.ts');
    cpSync('src/shared/errors.ts', sample);
    const stdout = execFileSync(process.execPath, [join(stage, 'dist/cli.js'), 'complete', '--file', sample, '--line', '5', '--column', '1', '--max', '4', '--json'], {
      cwd: base, encoding: 'utf8', env: { PATH: process.env.PATH, HOME: base, DELTALLM_CACHE: join(base, 'cache') },
    });
    expect(JSON.parse(stdout).tokens.generated).toBeGreaterThan(0);
    expect(existsSync(join(base, 'cache', 'models'))).toBe(false);
  });
});

describe('the size check', () => {
  const model = 'models/starter/starter-q8_0.gguf';
  it.each([
    [[{ path: 'dist/cli.js', bytes: 60e6 }, { path: model, bytes: 90e6 }], undefined],
    [[{ path: 'dist/cli.js', bytes: 60.2e6 }], /60\.2 MB without the model/],
    [[{ path: 'dist/cli.js', bytes: 50e6 }, { path: model, bytes: 100.4e6 }], /150\.4 MB/],
  ])('judges %j', async (files, expected) => {
    const { checkSize } = await script('report');
    if (expected) expect(() => checkSize(files)).toThrow(expected);
    else checkSize(files);
  });
});
