// Gives the packaged ONNX Runtime a name of its own. The dynamic linker knows a library by the name that stands in it (SONAME): were it the usual one,
// our binding would get another extension's copy, of any version, that happens to be loaded in the same process, and that extension ours.
//
//   Linux    here, with patchelf.
//   macOS    the same with `install_name_tool -id` and `-change`, then `codesign --force --sign -`: not done yet, no package is made for macOS.
//   Windows  the name is the file's, and it stands in the binding's import table, which has to be rewritten: not done yet, no package is made for Windows.

import { spawnSync } from 'node:child_process';
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { StepError } from '../steps.mjs';

const usual = 'libonnxruntime.so.1';

/** The library's name in our package. @param {string} version of ONNX Runtime */
export const ownSoname = (version) => `libonnxruntime-deltallm.so.${version}`;

/** @param {string[]} args @returns {string} what it printed */
function patchelf(...args) {
  const { status, stdout, stderr, error } = spawnSync('patchelf', args, { encoding: 'utf8' });
  if (error) throw new StepError('patchelf is needed to give the packaged ONNX Runtime a name of its own: apt-get install patchelf (Fedora: dnf install patchelf).');
  if (status !== 0) throw new StepError(`patchelf ${args.join(' ')} ended with ${status}: ${stderr.trim()}`);
  return stdout.trim();
}

/** Renames the library in `folder` and tells the binding beside it. @param {string} folder @param {string} version */
export function renameRuntime(folder, version) {
  const name = ownSoname(version);
  const [library, binding] = [join(folder, name), join(folder, 'onnxruntime_binding.node')];
  if (!readdirSync(folder).includes(usual)) throw new StepError(`ONNX Runtime ${version} has no ${usual} any more: scripts/packaging/soname.mjs must learn its files.`);
  renameSync(join(folder, usual), library);
  patchelf('--set-soname', name, library);
  patchelf('--replace-needed', usual, name, binding);

  const [soname, needed, path] = [patchelf('--print-soname', library), patchelf('--print-needed', binding).split('\n'), patchelf('--print-rpath', binding)];
  const right = soname === name && needed.includes(name) && !needed.includes(usual) && /^\$ORIGIN\/?$/.test(path);
  if (!right) throw new StepError(`Renaming ONNX Runtime failed: the library is ${soname}, the binding needs ${needed.join(', ')} in ${path}.`);
}
