// Builds the native part for another system than this one: native/build/TARGET/deltallm.node. What is compiled, and with which flags, stands in native/binding.gyp
// alone; node-gyp itself knows no cross compilers.
//
//   node scripts/crossNative.mjs linux-arm64   g++-aarch64-linux-gnu
//   node scripts/crossNative.mjs win32-x64     g++-mingw-w64-x86-64

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { StepError } from './steps.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const native = join(root, 'native');
const require = createRequire(import.meta.url);

/**
 * GCC on Windows does not align the stack for wide registers (GCC bug 54412): aligned moves are assembled as unaligned ones, which cost the same on aligned data.
 * @type {Record<string, { compiler: string, archive: string, package: string, variables: Record<string, string | number>, flags: string[], link: string[] }>}
 */
export const crossTargets = {
  'linux-arm64': {
    compiler: 'aarch64-linux-gnu-g++', archive: 'aarch64-linux-gnu-ar', package: 'g++-aarch64-linux-gnu',
    variables: { OS: 'linux', arm64_gcc: 1, x86_64_gcc: 0 }, flags: [], link: [],
  },
  'win32-x64': {
    compiler: 'x86_64-w64-mingw32-g++', archive: 'x86_64-w64-mingw32-ar', package: 'g++-mingw-w64-x86-64',
    variables: { OS: 'win', arm64_gcc: 0, x86_64_gcc: 1 }, flags: ['-Wa,-muse-unaligned-vector-move', '-Wno-attributes'], link: ['-static', '-static-libgcc', '-static-libstdc++'],
  },
};

/** What node-gyp adds on the systems where it builds (scripts/buildNative.mjs). */
const COMMON = ['-O3', '-fno-omit-frame-pointer', '-pthread', '-fno-rtti', '-fno-exceptions', '-std=gnu++17', '-DBUILDING_NODE_EXTENSION', '-DNODE_GYP_MODULE_NAME=deltallm'];

/** @typedef {{ target_name: string, type?: string, sources: string[], dependencies?: string[], cflags?: string[], ldflags?: string[], libraries?: string[], conditions?: Condition[] }} Target */
/** @typedef {{ defines?: string[], cflags?: string[], cflags_cc?: string[], conditions?: Condition[] }} Defaults @typedef {[string, any]} Condition */

/** binding.gyp with its conditions decided. @param {Record<string, string | number>} variables */
function readGyp(variables) {
  // Its grammar is that of Python's literals; without comments, ours is JavaScript's too.
  const text = readFileSync(join(native, 'binding.gyp'), 'utf8').replace(/^\s*#.*$/gm, '');
  const holds = (/** @type {string} */ condition) => {
    const [, name, value] = /^(\w+)==("?\w+"?)$/.exec(condition) ?? [];
    if (!name || !(name in variables)) throw new StepError(`native/binding.gyp has the condition ${condition}, which scripts/crossNative.mjs does not know.`);
    return String(variables[name]) === value.replaceAll('"', '');
  };
  const decide = (/** @type {any} */ node) => {
    for (const [condition, more] of node.conditions ?? []) {
      if (!holds(condition)) continue;
      for (const [key, values] of Object.entries(decide(more))) if (Array.isArray(values)) node[key] = [...(node[key] ?? []), ...values];
    }
    return node;
  };
  const gyp = decide(Function(`return (${text})`)());
  return { defaults: /** @type {Defaults} */ (decide(gyp.target_defaults)), targets: /** @type {Target[]} */ (gyp.targets.map(decide)) };
}

/**
 * Functions of Node are exported by the program, whatever its name (node.exe, Code.exe): they are looked up when the library is loaded.
 * @returns {string} C++
 */
function nodeFunctions() {
  const { v8 } = require('node-api-headers/symbols.js');
  const names = [...v8.js_native_api_symbols, ...v8.node_api_symbols];
  return `#include <windows.h>
extern "C" {
${names.map((name) => `void *__imp_${name};`).join('\n')}
}
namespace {
struct Imports {
  Imports() {
    const HMODULE program = GetModuleHandleW(nullptr);
    const struct { const char *name; void **to; } all[] = {
${names.map((name) => `        {"${name}", &__imp_${name}},`).join('\n')}
    };
    for (const auto &one : all) *one.to = reinterpret_cast<void *>(GetProcAddress(program, one.name));
  }
} imports;
}
`;
}

/** @param {string} command @param {string[]} args */
const run = (command, args) =>
  new Promise((/** @type {(value: void) => void} */ done, failed) => {
    const child = spawn(command, args, { cwd: native, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', failed);
    child.on('exit', (code) => (code === 0 ? done() : failed(new StepError(`${command} ended with ${code}: the messages above say why.`))));
  });

/** @param {string} target @returns {Promise<string>} the path of the addon */
export async function buildCross(target) {
  const cross = crossTargets[target];
  if (!cross) throw new StepError(`The native part is cross-compiled for ${Object.keys(crossTargets).join(' and ')} only, not for ${target}.`);
  if (spawnSync(cross.compiler, ['--version']).status !== 0) throw new StepError(`${cross.compiler} was not found: install it (Debian and Ubuntu: apt install ${cross.package}).`);
  const folder = join(native, 'build', target);
  mkdirSync(folder, { recursive: true });
  const { defaults, targets } = readGyp(cross.variables);
  const headers = join(dirname(require.resolve('node-api-headers/package.json')), 'include');
  const flags = (defaults.cflags ?? []).map((flag) => flag.replace('<(module_root_dir)', native)).filter((flag) => cross.variables.OS === 'linux' || flag !== '-fPIC');
  const always = [...COMMON, ...(defaults.defines ?? []).map((define) => `-D${define}`), ...flags, ...(defaults.cflags_cc ?? []), ...cross.flags, `-I${native}`, `-I${headers}`];

  /** @type {{ source: string, object: string, flags: string[] }[]} */
  const objects = targets.flatMap(({ sources, cflags = [] }) =>
    sources.map((source) => ({ source: join(native, source), object: join(folder, `${source.replaceAll('/', '-')}.o`), flags: [...always, ...cflags] })));
  if (cross.variables.OS === 'win') {
    const source = join(folder, 'nodeFunctions.cc');
    writeFileSync(source, nodeFunctions());
    objects.push({ source, object: `${source}.o`, flags: always });
  }
  const waiting = [...objects];
  const compile = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await run(cross.compiler, [...next.flags, '-c', next.source, '-o', next.object]);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, compile));

  const addon = join(folder, 'deltallm.node');
  const main = targets.find(({ target_name: name }) => name === 'deltallm');
  await run(cross.compiler, ['-shared', '-pthread', ...(main?.ldflags ?? []), ...cross.link, '-s', ...objects.map(({ object }) => object), ...(main?.libraries ?? []), '-o', addon]);
  return addon;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const addon = await buildCross(process.argv[2] ?? '');
    console.log(`native: built ${addon} (${Math.round(statSync(addon).size / 1024)} KiB)`);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
