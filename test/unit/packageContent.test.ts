import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const reason = ['dist/cli.js', 'dist/worker.js', 'dist/extension.cjs', 'native/build/Release/deltallm.node'].find((path) => !existsSync(path));
const linux = process.platform === 'linux' && process.arch === 'x64';

describe('the package', () => {
  const base = mkdtempSync(join(tmpdir(), 'deltallm-packageContent-'));
  const stage = join(base, 'stage');
  let files: string[] = [];

  beforeAll(() => {
    if (reason) return;
    execFileSync(process.execPath, ['scripts/package.mjs', '--stage', stage], { stdio: 'inherit' });
    files = readdirSync(stage, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(stage.length + 1));
  });
  afterAll(() => rmSync(base, { recursive: true }));

  it('holds the bundles, the addon, ONNX Runtime for linux-x64, the embedded model, the calibration texts and the papers, and nothing else', (context) => {
    context.skip(reason !== undefined, `${reason} is not built`);
    const modules = 'dist/node_modules';
    const expected = [
      'CHANGELOG.md', 'LICENSE', 'README.md', 'ThirdPartyNotices.txt', 'media/icon.png', 'package.json',
      'dist/cli.js', 'dist/extension.cjs', 'dist/worker.js',
      'models/starter/starter-tiny-q8_0.gguf',
      ...readdirSync('models/calibration').map((name) => `models/calibration/${name}`),
      'native/build/Release/deltallm.node',
      `${modules}/onnxruntime-node/package.json`, `${modules}/onnxruntime-common/package.json`, `${modules}/onnxruntime-common/dist/cjs/package.json`,
      ...['backend', 'binding', 'index', 'version'].map((name) => `${modules}/onnxruntime-node/dist/${name}.js`),
      ...['libonnxruntime.so.1', 'onnxruntime_binding.node'].map((name) => `${modules}/onnxruntime-node/bin/napi-v6/linux/x64/${name}`),
    ];
    const common = new RegExp(`^${modules}/onnxruntime-common/dist/cjs/[\\w-]+\\.js$`);
    expect(files.filter((file) => !common.test(file)).sort()).toEqual(expected.sort());
  });

  it('stays below 60 MB unpacked', (context) => {
    context.skip(reason !== undefined, `${reason} is not built`);
    expect(files.reduce((sum, file) => sum + statSync(join(stage, file)).size, 0)).toBeLessThan(60e6);
  });

  it('names no folder of the machine that built it', (context) => {
    context.skip(reason !== undefined, `${reason} is not built`);
    const ours = files.filter((file) => !file.includes('node_modules'));
    expect(ours.filter((file) => readFileSync(join(stage, file)).includes(process.cwd()))).toEqual([]);
  });

  it('keeps the licences of what it contains', (context) => {
    context.skip(reason !== undefined, `${reason} is not built`);
    const notices = readFileSync(join(stage, 'ThirdPartyNotices.txt'), 'utf8');
    for (const name of ['onnxruntime-node', 'protobufjs', '@huggingface/tokenizers']) expect(notices).toContain(`${name} `);
  });

  it('completes on its own, far from the repository', (context) => {
    context.skip(reason !== undefined, `${reason} is not built`);
    context.skip(!linux, 'the package is for linux-x64');
    const sample = join(base, 'sample.ts');
    cpSync('src/shared/errors.ts', sample);
    const stdout = execFileSync(process.execPath, [join(stage, 'dist/cli.js'), 'complete', '--file', sample, '--line', '5', '--column', '1', '--max', '4', '--json'], {
      cwd: base, encoding: 'utf8', env: { PATH: process.env.PATH, HOME: base, DELTALLM_CACHE: join(base, 'cache') },
    });
    expect(JSON.parse(stdout).tokens.generated).toBeGreaterThan(0);
  });
});
