// npm run test:host: installs the package into a real VS Code, runs a suite inside its extension host, and drives windows as a user does.
// VSCODE_EXECUTABLE names a local VS Code (the program itself, not the script `code`) for the suite inside; everything else, and the suite where there is
// none, runs in a stand-in: VS Code's server and extension host, driven by Chromium.
//
//   node test/host/run.mjs [--host newest|floor|both] [--quick [--routine] | --only WORD[,WORD…]] [--report FILE.json] [--screenshots FOLDER] [--package FILE.vsix] [--cycles N] [--idle SECONDS] [--seed N]
//
// All of it runs under strace: the offline proof (offline.mjs). --quick, for `npm run test:all`: untraced, with few closings, and at the floor only the beginning;
// --routine, for `npm test`: without the windows that are closed, reloaded or restricted, too.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { checkNode, makePackage, runMain } from '../../scripts/steps.mjs';
import { check, counts, skip } from './checks.mjs';
import { checkJudges } from './framesCheck.mjs';
import { hostNames, hosts } from './hosts.mjs';
import { checkInside, findEditor } from './inExtensionHost.mjs';
import { findChromium, installServer } from './installServer.mjs';
import { checkOffline, traceReason } from './offline.mjs';
import { lingering } from './processes.mjs';
import { checkSecondRuntime } from './secondRuntime.mjs';
import { tracing } from './trace.mjs';
import { windowTests } from './windowTests.mjs';

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: 'both' }, quick: { type: 'boolean', default: false }, routine: { type: 'boolean', default: false }, only: { type: 'string', default: '' }, report: { type: 'string' }, package: { type: 'string' }, screenshots: { type: 'string' },
    cycles: { type: 'string' }, idle: { type: 'string' }, seed: { type: 'string', default: '1' },
  },
});

async function main() {
  checkNode();
  for (const name of Object.keys(process.env)) if (/^(VSCODE_(?!EXECUTABLE)|ELECTRON_|NODE_OPTIONS$)/.test(name)) delete process.env[name]; // of a VS Code around this
  const vsix = values.package ?? (await makePackage());
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'deltallm-host-')));
  if (values.screenshots) mkdirSync(values.screenshots, { recursive: true });
  const { only, quick, routine } = values;
  const whole = !only && !quick;

  if (!only) checkJudges();
  if (process.env.VSCODE_EXECUTABLE && !only) await checkInside(findEditor(), join(base, 'local'), vsix, 'local VS Code');
  const reason = process.platform === 'linux' && process.arch === 'x64' ? undefined : 'the stand-in for VS Code runs on Linux x64 only';
  if (reason) skip('the tests of windows', reason);
  else {
    findChromium();
    const untraced = traceReason();
    if (whole && !untraced) process.env.DELTALLM_TRACE = '1';
    else if (whole && process.env.CI) check(false, `the offline proof needs strace: ${untraced}`);
    else if (whole) skip('the offline proof', String(untraced));
    for (const name of hostNames(values.host)) {
      process.env.DELTALLM_VSCODE = name; // for the stand-in, which is a process of its own
      await installServer();
      console.log(`\n== VS Code ${hosts[name].vscode} ==`);
      if (!only && !process.env.VSCODE_EXECUTABLE) await checkInside(findEditor(), join(base, `${name} inside`), vsix, 'inside');
      if (!only || 'second runtime'.includes(only)) await checkSecondRuntime(findEditor(), join(base, `${name}-second`), vsix);
      await windowTests(join(base, name), vsix, {
        only,
        quick,
        routine,
        newest: name === 'newest',
        seed: Number(values.seed),
        cycles: values.cycles ? Number(values.cycles) : undefined,
        idle: values.idle ? Number(values.idle) : undefined,
        screenshots: values.screenshots && resolve(values.screenshots, name),
      });
    }
  }
  if (tracing()) await checkOffline(base, hostNames(values.host));
  const left = await lingering(base);
  check(left.length === 0, 'no process is left behind', left);

  if (counts.failed.length > 0) console.log(`What the runs left is under ${base}.`);
  else rmSync(base, { recursive: true });
  console.log(`host: ${counts.passed} passed, ${counts.failed.length} failed, ${counts.skipped.length} skipped`);
  if (values.report) writeFileSync(values.report, JSON.stringify(counts));
  process.exitCode = counts.failed.length > 0 ? 1 : 0;
}

await runMain(main);
