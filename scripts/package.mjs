// npm run package: stages exactly what the extension needs in a folder of its own and makes the .vsix from there.
// An allow-list: what is not copied here is not in the package. (vsce leaves the root's node_modules out of a package made without dependency
// detection, so ONNX Runtime travels under dist/node_modules, where the bundles find it first.)
//
//   node scripts/package.mjs             → dist/deltallm-linux-x64-VERSION.vsix
//   node scripts/package.mjs --stage DIR → only the folder (for tests; DIR must be empty or missing)

import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildAll, installPackages, root, runMain, runQuietly, step, StepError } from './steps.mjs';

const platform = { os: 'linux', arch: 'x64' };
const target = `${platform.os}-${platform.arch}`;
const model = 'models/starter/starter-tiny-q8_0.gguf';

const readJson = (/** @type {string} */ path) => JSON.parse(readFileSync(join(root, path), 'utf8'));
const manifest = readJson('package.json');

/** Package name → its folder, for everything that esbuild put into a bundle and for ONNX Runtime. */
function shippedPackages() {
  const inputs = Object.keys(readJson('dist/meta.json').inputs);
  const bundled = inputs.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  return [...new Set([...bundled, 'node_modules/onnxruntime-node', 'node_modules/onnxruntime-common'])].sort();
}

/** The licences of other people's work in the package. */
function notices() {
  const parts = shippedPackages().map((folder) => {
    const { name, version, license } = readJson(`${folder}/package.json`);
    const file = readdirSync(join(root, folder)).find((entry) => /^(licen[cs]e|copying|notice)/i.test(entry));
    return `${name} ${version} (${license})\n\n${file ? readFileSync(join(root, folder, file), 'utf8').trim() : `Licence: ${license}.`}\n`;
  });
  return `DeltaLLM contains the following packages.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

/** @param {string} folder */
function nativeAddons(folder) {
  const found = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.node') && !path.includes('obj.target'));
  if (found.length === 0) throw new StepError(`There is no native addon under ${folder}: npm run build:native first.`);
  return found.map((path) => `${folder}/${path}`);
}

/** @param {string} stage */
function fillStage(stage) {
  const copy = (/** @type {string} */ from, to = from) => {
    if (!existsSync(join(root, from))) throw new StepError(`${from} is missing: npm run build first.`);
    mkdirSync(dirname(join(stage, to)), { recursive: true });
    cpSync(join(root, from), join(stage, to));
  };
  const copyAll = (/** @type {string} */ folder, /** @type {string} */ to, /** @type {RegExp} */ wanted) => {
    for (const path of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) if (wanted.test(path)) copy(`${folder}/${path}`, `${to}/${path}`);
  };

  for (const file of ['README.md', 'CHANGELOG.md', 'LICENSE', 'media/icon.png', model, 'dist/extension.cjs', 'dist/cli.js', 'dist/worker.js']) copy(file);
  copyAll('models/calibration', 'models/calibration', /./);
  for (const addon of nativeAddons('native/build')) copy(addon);
  for (const name of ['onnxruntime-node', 'onnxruntime-common']) copy(`node_modules/${name}/package.json`, `dist/node_modules/${name}/package.json`);
  copyAll('node_modules/onnxruntime-node/dist', 'dist/node_modules/onnxruntime-node/dist', /\.js$/);
  const binaries = `bin/napi-v6/${platform.os}/${platform.arch}`;
  copyAll(`node_modules/onnxruntime-node/${binaries}`, `dist/node_modules/onnxruntime-node/${binaries}`, /./);
  copyAll('node_modules/onnxruntime-common/dist/cjs', 'dist/node_modules/onnxruntime-common/dist/cjs', /(\.js|package\.json)$/);

  const { scripts, dependencies, devDependencies, private: _, ...published } = manifest;
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
  writeFileSync(join(stage, 'ThirdPartyNotices.txt'), notices());
}

await runMain(async () => {
  const { values } = parseArgs({ options: { stage: { type: 'string' } } });
  if (values.stage) {
    fillStage(values.stage);
    return;
  }
  if (`${process.platform}-${process.arch}` !== target) throw new StepError(`Packages are made for ${target} only, on ${target}.`);
  await installPackages();
  await buildAll();
  const stage = mkdtempSync(join(tmpdir(), 'deltallm-package-'));
  try {
    fillStage(stage);
    const out = join(root, 'dist', `${manifest.name}-${target}-${manifest.version}.vsix`);
    rmSync(out, { force: true });
    const vsce = join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
    const options = ['--no-dependencies', '--target', target, '--allow-missing-repository', '--no-rewrite-relative-links', '--out', out];
    await step('Packaging', (note) => runQuietly(process.execPath, [vsce, 'package', ...options], { note, cwd: stage }));
    console.log(`${out.slice(root.length)}: ${(statSync(out).size / 1e6).toFixed(1)} MB`);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
});
