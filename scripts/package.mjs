// npm run package: makes the .vsix, one file that a stranger installs, and says what is in it.
//
//   node scripts/package.mjs [--target T] → dist/deltallm-T-VERSION.vsix, without T for this system
//   node scripts/package.mjs --stage DIR  → only the folder that it is made from (for tests; DIR must be empty or missing)

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildCross, crossTargets } from './crossNative.mjs';
import { checkSize, describe, filesOf } from './packaging/report.mjs';
import { fillStage, ownTarget, readJson, targets } from './packaging/stage.mjs';
import { buildAll, installPackages, root, runMain, runQuietly, step, StepError } from './steps.mjs';

/** Seconds since 1970 of the last commit, so that the same commit gives the same dates in the archive. */
function commitTime() {
  try {
    return execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined; // not a checkout
  }
}

await runMain(async () => {
  const { values } = parseArgs({ options: { stage: { type: 'string' }, target: { type: 'string', default: ownTarget } } });
  const { target } = values;
  if (!targets.includes(target)) throw new StepError(`There is no package for ${target}, only for ${targets.join(', ')}: docs/packaging.md says why.`);
  if (target !== ownTarget && !crossTargets[target]) throw new StepError(`A package for ${target} is made on ${target} itself; here those for ${[ownTarget, ...Object.keys(crossTargets)].join(', ')} can be made.`);
  if (!values.stage) {
    await installPackages();
    await buildAll();
  }
  if (target !== ownTarget) await step(`Building the native part for ${target}`, () => buildCross(target));
  if (values.stage) {
    await fillStage(values.stage, target);
    return;
  }
  const stage = mkdtempSync(join(tmpdir(), 'deltallm-package-'));
  try {
    await step('Copying', () => fillStage(stage, target));
    const files = filesOf(stage);
    for (const line of describe(files)) console.log(line);
    checkSize(files);

    const { name, version } = readJson('package.json');
    const out = join(root, 'dist', `${name}-${target}-${version}.vsix`);
    rmSync(out, { force: true });
    const vsce = join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
    const options = ['--no-dependencies', '--target', target, '--allow-missing-repository', '--no-rewrite-relative-links', '--out', out];
    const date = process.env.SOURCE_DATE_EPOCH ?? commitTime();
    await step('Packaging', (note) => runQuietly(process.execPath, [vsce, 'package', ...options], { note, cwd: stage, env: date ? { SOURCE_DATE_EPOCH: date } : {} }));
    console.log(`${out.slice(root.length)}: ${(statSync(out).size / 1e6).toFixed(1)} MB`);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
});
