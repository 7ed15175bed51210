// Builds native/build/Release/deltallm.node with node-gyp. Headers come from the running Node or from npm, never from a download.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const native = join(root, 'native');
const output = join(native, 'build', 'Release', 'deltallm.node');
const require = createRequire(import.meta.url);

function newest(path) {
  const found = statSync(path);
  if (!found.isDirectory()) return found.mtimeMs;
  return Math.max(0, ...readdirSync(path).filter((name) => name !== 'build' && !name.endsWith('.md')).map((name) => newest(join(path, name))));
}

function upToDate() {
  return existsSync(output) && newest(native) <= statSync(output).mtimeMs;
}

function works(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** One sentence on what to install, or nothing. */
function missingTool() {
  if (process.platform === 'win32') return undefined; // node-gyp itself looks for Visual Studio and says what is missing
  if (!works(process.env.CXX?.split(' ')[0] ?? 'c++') && !works('g++') && !works('clang++'))
    return 'No C++ compiler was found: install g++ 10 or newer (Debian and Ubuntu: apt install g++ make; macOS: xcode-select --install).';
  if (!works('make')) return 'make was not found: install it (Debian and Ubuntu: apt install make; macOS: xcode-select --install).';
  if (!works(process.env.PYTHON ?? 'python3')) return 'python3 was not found: node-gyp needs it to build the native part (Debian and Ubuntu: apt install python3).';
  return undefined;
}

/** A folder laid out like an installed Node: include/node/node_api.h and common.gypi. */
function nodeFolder() {
  const running = dirname(dirname(process.execPath));
  if (existsSync(join(running, 'include', 'node', 'node_api.h')) && existsSync(join(running, 'include', 'node', 'common.gypi'))) return running;
  const headers = dirname(require.resolve('node-api-headers/package.json'));
  const folder = join(native, 'build', 'headers');
  const include = join(folder, 'include', 'node');
  mkdirSync(include, { recursive: true });
  cpSync(join(headers, 'include'), include, { recursive: true });
  // What node-gyp reads of Node's own configuration; the addon's flags are all in binding.gyp.
  writeFileSync(join(include, 'common.gypi'), COMMON);
  writeFileSync(join(include, 'config.gypi'), JSON.stringify({ target_defaults: {}, variables: {} }));
  const { major, minor, patch } = version(process.versions.node);
  writeFileSync(join(include, 'node_version.h'), `#define NODE_MAJOR_VERSION ${major}\n#define NODE_MINOR_VERSION ${minor}\n#define NODE_PATCH_VERSION ${patch}\n`);
  return folder;
}

function version(text) {
  const [major, minor, patch] = text.split('.').map(Number);
  return { major, minor, patch };
}

const COMMON = `{
  'target_defaults': {
    'default_configuration': 'Release',
    'configurations': {'Release': {'cflags': ['-O3', '-fno-omit-frame-pointer'], 'xcode_settings': {'GCC_OPTIMIZATION_LEVEL': '3'}}},
    'cflags': ['-pthread'],
    'cflags_cc': ['-fno-rtti', '-fno-exceptions', '-std=gnu++17'],
    'ldflags': ['-pthread'],
    'xcode_settings': {'CLANG_CXX_LANGUAGE_STANDARD': 'gnu++17', 'GCC_ENABLE_CPP_EXCEPTIONS': 'NO', 'GCC_ENABLE_CPP_RTTI': 'NO'},
  },
}
`;

function fail(message) {
  console.error(message);
  process.exit(1);
}

if (!process.argv.includes('--force') && upToDate()) {
  console.log('native: up to date');
} else {
  const missing = missingTool();
  if (missing) fail(missing);
  const gyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin', 'node-gyp.js');
  if (!existsSync(gyp)) fail('node-gyp is not installed: run npm ci first.');
  const folder = nodeFolder();
  console.log(`native: building with the headers of ${folder} …`);
  const started = Date.now();
  const arguments_ = ['configure', 'build', '--directory', native, '--nodedir', folder, '--release', '-j', '2', '--loglevel', 'error'];
  const result = spawnSync(process.execPath, [gyp, ...arguments_], { cwd: native, stdio: 'inherit', env: { ...process.env, npm_config_nodedir: folder } });
  if (result.status !== 0) fail('The native part could not be built: the messages above say why.');
  if (!existsSync(output)) fail(`node-gyp succeeded but ${output} is missing.`);
  const { size } = statSync(output);
  console.log(`native: built ${output} (${Math.round(size / 1024)} KiB) in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
