// npm run package: makes the .vsix, one file that a stranger installs, and says what is in it.
//
//   node scripts/package.mjs             → dist/deltallm-linux-x64-VERSION.vsix
//   node scripts/package.mjs --stage DIR → only the folder that it is made from (for tests; DIR must be empty or missing)

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkSize, describe, filesOf } from './packaging/report.mjs';
import { fillStage, platform, readJson } from './packaging/stage.mjs';
import { buildAll, installPackages, root, runMain, runQuietly, step, StepError } from './steps.mjs';

const target = `${platform.os}-${platform.arch}`;
const missing = `Made for ${target} only. linux-arm64, win32-x64, win32-arm64 and darwin-arm64 are not made yet, darwin-x64, Alpine and armhf cannot be: docs/packaging.md says what they lack.`;

/** Seconds since 1970 of the last commit, so that the same commit gives the same dates in the archive. */
function commitTime() {
  try {
    return execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined; // not a checkout
  }
}

await runMain(async () => {
  const { values } = parseArgs({ options: { stage: { type: 'string' } } });
  if (values.stage) {
    await fillStage(values.stage);
    return;
  }
  if (`${process.platform}-${process.arch}` !== target) throw new StepError(`Packages are made for ${target} only, on ${target}.`);
  await installPackages();
  await buildAll();
  const stage = mkdtempSync(join(tmpdir(), 'deltallm-package-'));
  try {
    await step('Converting the model and copying', () => fillStage(stage));
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
    console.log(missing);
    console.log(`${out.slice(root.length)}: ${(statSync(out).size / 1e6).toFixed(1)} MB`);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
});
