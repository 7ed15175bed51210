// Copies exactly what the extension needs into a folder of its own. An allow-list: what is not copied here is not in the package. (vsce leaves the root's
// node_modules out of a package made without dependency detection, so ONNX Runtime travels under dist/node_modules, where the bundles find it first.)
// No source maps: the bundles are not minified, so a stack trace in a log names the functions as the sources do, and the maps are larger than the code.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { importTs } from '../importTs.mjs';
import { root, StepError } from '../steps.mjs';
import { extensionPage } from './extensionPage.mjs';
import { notices } from './notices.mjs';
import { filesOf } from './report.mjs';
import { renameRuntime, runtimeFiles } from './soname.mjs';

const { STARTER_GGUF, STARTER_MEASURED } = await importTs('src/model/starter.ts');
/** What packages are made for; VS Code's names. */
export const targets = ['linux-x64', 'linux-arm64', 'win32-x64', 'darwin-arm64'];
export const ownTarget = `${process.platform}-${process.arch}`;

export const readJson = (/** @type {string} */ path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

/** The packages' folders, for everything that esbuild put into a bundle and for ONNX Runtime. */
function shippedPackages() {
  const inputs = Object.keys(readJson('dist/meta.json').inputs);
  const bundled = inputs.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  return [...new Set([...bundled, 'node_modules/onnxruntime-node', 'node_modules/onnxruntime-common'])].sort();
}

/** The native part for a target. @param {string} target */
const addonOf = (target) => `native/build/${target === ownTarget ? 'Release' : target}/deltallm.node`;

/** The texts in the languages that there are. */
const translations = () => ['package.nls.json', ...readdirSync(root).filter((name) => /^package\.nls\..+\.json$/.test(name) && !name.includes('qps-ploc'))];

/** @param {string} stage empty or missing @param {string} [target] of `targets`: its native part must have been built */
export async function fillStage(stage, target = ownTarget) {
  const [system, processor] = /** @type {[import('./soname.mjs').System, string]} */ (target.split('-'));
  const binaries = `node_modules/onnxruntime-node/bin/napi-v6/${system}/${processor}`;
  const place = (/** @type {string} */ from, /** @type {string} */ to) => {
    if (!existsSync(from)) throw new StepError(`${from.slice(root.length)} is missing: npm run build first.`);
    mkdirSync(dirname(join(stage, to)), { recursive: true });
    cpSync(from, join(stage, to));
  };
  const copy = (/** @type {string} */ path, to = path) => place(join(root, path), to);
  const copyAll = (/** @type {string} */ folder, /** @type {string} */ to, wanted = /./) => {
    for (const { path } of filesOf(folder)) if (wanted.test(path)) place(join(folder, path), `${to}/${path}`);
  };

  for (const file of ['CHANGELOG.md', 'LICENSE', 'media/icon.png', ...translations()]) copy(file);
  writeFileSync(join(stage, 'README.md'), extensionPage(root));
  for (const bundle of ['dist/extension.cjs', 'dist/download.cjs', 'dist/modelsHost.cjs', 'dist/served.cjs', 'dist/remote.cjs', 'dist/models.js', 'dist/models.css', 'dist/cli.js', 'dist/worker.js', 'dist/chat.js', 'dist/chat.css', 'dist/visualizer.js', 'dist/visualizer.css']) {
    copy(bundle);
    writeFileSync(join(stage, bundle), readFileSync(join(stage, bundle), 'utf8').replace(/\n(?:\/\/|\/\*)# sourceMappingURL=\S*(?: \*\/)?\s*$/, '\n'));
  }
  copyAll(join(root, 'l10n'), 'l10n', /^bundle\.l10n(?!\.qps-ploc)[.\w-]*\.json$/);
  copyAll(join(root, 'prompts'), 'prompts', /^[\w-]+\.md$/);
  copyAll(join(root, 'media/walkthrough'), 'media/walkthrough', /^\w+\.svg$/);
  copyAll(join(root, 'models/calibration'), 'models/calibration');
  copy(STARTER_GGUF);
  copyAll(join(root, STARTER_MEASURED), STARTER_MEASURED);
  copy(addonOf(target), addonOf(ownTarget));

  for (const name of ['onnxruntime-node', 'onnxruntime-common']) copy(`node_modules/${name}/package.json`, `dist/node_modules/${name}/package.json`);
  copyAll(join(root, 'node_modules/onnxruntime-node/dist'), 'dist/node_modules/onnxruntime-node/dist', /\.js$/);
  copyAll(join(root, 'node_modules/onnxruntime-common/dist/cjs'), 'dist/node_modules/onnxruntime-common/dist/cjs', /(\.js|package\.json)$/);
  for (const file of runtimeFiles(system)) copy(`${binaries}/${file}`, `dist/${binaries}/${file}`);
  renameRuntime(join(stage, 'dist', binaries), readJson('node_modules/onnxruntime-node/package.json').version, system);

  const { scripts, dependencies, devDependencies, overrides, private: _, ...published } = readJson('package.json');
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
  writeFileSync(join(stage, 'ThirdPartyNotices.txt'), notices(shippedPackages()));
}
