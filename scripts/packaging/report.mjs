// What is in a package, how large it is, and whether that is too much. Sizes are those after installation, the stricter ones.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StepError } from '../steps.mjs';

const MEGABYTE = 1e6;
/** Megabytes. */
export const limits = { withoutModel: 60, whole: 150 };

const groups = [
  { name: 'the embedded model', pattern: /^models\/starter\// },
  { name: 'ONNX Runtime', pattern: /^dist\/node_modules\// },
  { name: 'native part', pattern: /\.node$/ },
  { name: 'bundles', pattern: /^dist\// },
  { name: 'papers, texts and pictures', pattern: /./ },
];

/** @typedef {{ path: string, bytes: number }} StagedFile */

/** Every file below a folder, sorted. @param {string} folder @returns {StagedFile[]} */
export function filesOf(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = entries.map((entry) => join(entry.parentPath, entry.name)).map((path) => ({ path: path.slice(folder.length + 1).replaceAll('\\', '/'), bytes: statSync(path).size }));
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

const sum = (/** @type {StagedFile[]} */ files) => files.reduce((total, { bytes }) => total + bytes, 0) / MEGABYTE;

/** Megabytes with and without the embedded model. @param {StagedFile[]} files */
export function sizes(files) {
  const whole = sum(files);
  return { whole, withoutModel: whole - sum(files.filter(({ path }) => groups[0].pattern.test(path))) };
}

/** Lines to print: every file, by group. @param {StagedFile[]} files */
export function describe(files) {
  const lines = [];
  let rest = files;
  for (const { name, pattern } of groups) {
    const members = rest.filter(({ path }) => pattern.test(path));
    rest = rest.filter(({ path }) => !pattern.test(path));
    if (members.length === 0) continue;
    lines.push(`${sum(members).toFixed(2).padStart(8)} MB  ${name} (${members.length} ${members.length === 1 ? 'file' : 'files'})`);
    for (const { path, bytes } of members) lines.push(`${(bytes / MEGABYTE).toFixed(3).padStart(14)}  ${path}`);
  }
  const { whole, withoutModel } = sizes(files);
  lines.push(`${whole.toFixed(2).padStart(8)} MB  in all, installed; ${withoutModel.toFixed(2)} MB without the model`);
  return lines;
}

/** Throws when a package is larger than it may be. @param {StagedFile[]} files */
export function checkSize(files) {
  const { whole, withoutModel } = sizes(files);
  if (withoutModel > limits.withoutModel) throw new StepError(`The package has ${withoutModel.toFixed(1)} MB without the model; ${limits.withoutModel} MB are allowed.`);
  if (whole > limits.whole) throw new StepError(`The package has ${whole.toFixed(1)} MB; ${limits.whole} MB are allowed.`);
}
