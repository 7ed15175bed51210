// Gives the packaged ONNX Runtime a name of its own. The dynamic linker knows a library by its name: were it the usual one, our binding would get another
// extension's copy, of any version, that happens to be loaded in the same process, and that extension ours.
//
//   Linux    the name stands in the library (SONAME) and in what needs it: patchelf changes both, of any processor.
//   Windows  the name is the file's, and stands in the import table of the binding: one of the same length takes its place.
//   macOS    as on Linux, with install_name_tool, and signed anew with codesign: only on macOS itself.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StepError } from '../steps.mjs';

/** @typedef {'linux' | 'win32' | 'darwin'} System */
/** The library's usual name. @type {Record<System, string>} */
const usual = { linux: 'libonnxruntime.so.1', win32: 'onnxruntime.dll', darwin: 'libonnxruntime.1.dylib' };
const binding = 'onnxruntime_binding.node';

/** The library's name in our package. @param {System} system @param {string} version of ONNX Runtime */
export const ownName = (system, version) =>
  ({ linux: `libonnxruntime-deltallm.so.${version}`, win32: 'deltallm-rt.dll', darwin: `libonnxruntime-deltallm.${version}.dylib` })[system];

/** @param {string} command @param {string} hint where it is missing @param {string[]} args @returns {string} what it printed */
function tool(command, hint, ...args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) throw new StepError(`${command} is needed to give the packaged ONNX Runtime a name of its own: ${hint}.`);
  if (status !== 0) throw new StepError(`${command} ${args.join(' ')} ended with ${status}: ${stderr.trim()}`);
  return stdout.trim();
}
const patchelf = (/** @type {string[]} */ ...args) => tool('patchelf', 'apt-get install patchelf (Fedora: dnf install patchelf)', ...args);

/** @type {Record<System, (folder: string, name: string) => void>} */
const rename = {
  linux(folder, name) {
    const [library, needing] = [join(folder, name), join(folder, binding)];
    patchelf('--set-soname', name, library);
    patchelf('--replace-needed', usual.linux, name, needing);
    const [soname, needed, path] = [patchelf('--print-soname', library), patchelf('--print-needed', needing).split('\n'), patchelf('--print-rpath', needing)];
    const right = soname === name && needed.includes(name) && !needed.includes(usual.linux) && /^\$ORIGIN\/?$/.test(path);
    if (!right) throw new StepError(`Renaming ONNX Runtime failed: the library is ${soname}, the binding needs ${needed.join(', ')} in ${path}.`);
  },
  win32(folder, name) {
    const path = join(folder, binding);
    const bytes = readFileSync(path);
    const [from, to] = [Buffer.from(`${usual.win32}\0`), Buffer.from(`${name}\0`)];
    const at = bytes.indexOf(from);
    if (from.length !== to.length || at < 0 || bytes.indexOf(from, at + 1) >= 0) throw new StepError(`Renaming ONNX Runtime failed: the binding does not name ${usual.win32} once.`);
    to.copy(bytes, at);
    writeFileSync(path, bytes);
  },
  darwin(folder, name) {
    const xcode = 'a package for macOS is made on macOS, with the command line tools of Xcode';
    const [library, needing] = [join(folder, name), join(folder, binding)];
    tool('install_name_tool', xcode, '-id', `@rpath/${name}`, library);
    tool('install_name_tool', xcode, '-change', `@rpath/${usual.darwin}`, `@rpath/${name}`, needing);
    for (const file of [library, needing]) tool('codesign', xcode, '--force', '--sign', '-', file);
    const needed = tool('otool', xcode, '-L', needing);
    if (!needed.includes(name) || needed.includes(usual.darwin)) throw new StepError(`Renaming ONNX Runtime failed: the binding needs ${needed}.`);
  },
};

/** What of ONNX Runtime a package needs, by its usual names. @param {System} system */
export const runtimeFiles = (system) => [usual[system], binding];

/** Renames the library in `folder` and tells the binding beside it. @param {string} folder @param {string} version @param {System} system */
export function renameRuntime(folder, version, system) {
  if (!existsSync(join(folder, usual[system]))) throw new StepError(`ONNX Runtime ${version} has no ${usual[system]} any more: scripts/packaging/soname.mjs must learn its files.`);
  const name = ownName(system, version);
  renameSync(join(folder, usual[system]), join(folder, name));
  rename[system](folder, name);
}
