// What the extension costs before it is used, and while nobody types: counts, not times.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/steps.mjs';
import { check } from './checks.mjs';
import { openSample } from './ghostText.mjs';
import { sure } from './samples.mjs';

const MAIN_BUNDLE_BYTES = 300_000;

/** The native libraries of the package in the extension host. Runs inside. */
const loaded = (/** @type {typeof import('vscode')} */ vscode) => {
  const extension = vscode.extensions.getExtension('deltallm.deltallm');
  const source = /** @type {any} */ (process.report);
  source.excludeNetwork = true;
  const report = source.getReport();
  return report.sharedObjects.filter((/** @type {string} */ path) => path.startsWith(extension?.extensionPath ?? '?') || /onnxruntime|deltallm\.node$/.test(path));
};

/** In a window where nothing was typed yet. @param {import('./editorWindow.mjs').EditorWindow} window */
export async function afterActivation(window) {
  const libraries = await window.inside(loaded);
  check(libraries.length === 0, 'after activation no native library is loaded', libraries);
  const { providers, workers } = await window.inside((_, { providers, workers }) => ({ providers, workers }));
  check(providers === 1 && workers.length === 0, 'after activation there is one provider and no worker', [`${providers} providers`, ...workers]);

  const { outputs } = JSON.parse(readFileSync(join(root, 'dist', 'meta.json'), 'utf8'));
  const { bytes, inputs } = outputs['dist/extension.cjs'];
  check(bytes <= MAIN_BUNDLE_BYTES, `the main bundle has at most ${MAIN_BUNDLE_BYTES / 1000} kB`, [`${bytes}`]);
  const tokenizer = Object.keys(inputs).filter((path) => /tokenizer|src\/model|src\/attention|src\/cache|src\/binding|protobufjs|onnxruntime/.test(path));
  check(tokenizer.length === 0, 'no tokenizer, model or cache is in the main bundle', tokenizer);
}

/** Nobody types: before the first use, and after it. @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window @param {number} seconds */
export async function idle(session, window, seconds) {
  const quiet = async (/** @type {string} */ when) => {
    const before = await window.inside((_, { ticks }) => ticks.count);
    await window.pause(seconds * 1000);
    const { count, set } = await window.inside((_, { ticks }) => ticks);
    check(count === before, `idle for ${seconds} s ${when}: no timer of the extension ticks`, [`${count - before} ticks`, JSON.stringify(set)]);
  };
  await quiet('before its first use');
  await openSample(session, window, 'idle.ts');
  await window.type(sure[0]);
  await window.awaitGhost();
  const { workers } = await window.inside((_, { workers }) => ({ workers }));
  check(workers.length === 1 && /worker\.js$/.test(workers[0]) && (await window.inside(loaded)).length > 0, 'the first completion starts one worker, with the native libraries', workers);
  await window.pause(4000); // what follows a completion
  const { set } = await window.inside((_, { ticks }) => ticks);
  check(Object.keys(set).length > 0, "the extension's timers are seen when it sets some", Object.keys(set));
  await quiet('after a completion');
}
