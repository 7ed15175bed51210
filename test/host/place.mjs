// One clean profile with everything that a run needs in it: the package to install, the tests' own extension, a workspace, and what the inside said.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { root } from '../../scripts/steps.mjs';

const settings = {
  // The tests' files are copies of each other, and what one of them says in the middle of a test would be said in the next one.
  'deltallm.completions.neighbours': false,
  'workbench.startupEditor': 'none', 'workbench.tips.enabled': false, 'workbench.enableExperiments': false, 'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'window.menuBarVisibility': 'compact', 'telemetry.telemetryLevel': 'off', 'update.mode': 'none', 'extensions.autoCheckUpdates': false, 'extensions.autoUpdate': false,
  'security.workspace.trust.enabled': false, 'git.enabled': false, 'typescript.validate.enable': false, 'chat.disableAIFeatures': true,
  'files.autoSave': 'off', // as on a desktop
};

const ours = 'deltallm.deltallm-';

/** Long enough that the cache holds blocks in delta form, with letters of two, three and four bytes; the cursor stands behind the bracket. */
const before = Array.from({ length: 24 }, (_, n) => `/** Äpfel, 苹果 and 🍐 of box ${n}. */
export function total${n}(prices: number[]): number {
  let sum = ${n};
  for (const price of prices) sum += price;
  return sum;
}

`).join('') + '  const all = [';
const sampleText = `${before}\n  return all;\n}\n`;

/** @typedef {ReturnType<typeof makePlace>} Place */

/** @param {string} folder a new one @param {string} vsix @param {{ socket?: string, settings?: object }} [options] socket: where the probe calls in */
export function makePlace(folder, vsix, { socket, settings: own = {} } = {}) {
  const at = (/** @type {string[]} */ ...names) => join(folder, ...names);
  for (const path of ['user/User', 'extensions', 'workspace', 'probe', 'home']) mkdirSync(at(path), { recursive: true });
  writeFileSync(at('user/User/settings.json'), JSON.stringify({ ...settings, ...own }));
  cpSync(vsix, at(basename(vsix)));
  const sample = at('workspace', 'sample.ts');
  writeFileSync(sample, sampleText);
  makeProbe(at('probe'));

  const lines = before.split('\n');
  const where = { sample, line: lines.length, column: (lines.at(-1) ?? '').length + 1, max: 24, threads: 2, cacheMb: 256 };
  const task = { ...where, report: at('report.jsonl'), extensions: at('extensions'), socket };
  // Beside the place: a socket's path may have 107 bytes.
  const temporary = join(dirname(folder), 'tmp');
  mkdirSync(temporary, { recursive: true });
  return {
    folder,
    vsix: at(basename(vsix)),
    profile: { userData: at('user'), extensions: at('extensions') },
    workspace: at('workspace'),
    probe: at('probe'),
    probeMain: at('probe', 'probe.cjs'),
    task,
    /** For VS Code and all that it starts. */
    env: { HOME: at('home'), TMPDIR: temporary, DELTALLM_CACHE: at('cache'), DELTALLM_HOST: JSON.stringify(task) },
    /** The tests' own extension as an installed one. Before any other: VS Code lists the folder only the first time. */
    installProbe: () => symlinkSync(at('probe'), at('extensions', 'deltallm.probe-0.0.0')),
    /** The folder of the installed package, or undefined. */
    installed: () => {
      const name = readdirSync(at('extensions')).find((entry) => entry.startsWith(ours));
      return name && at('extensions', name);
    },
    /** @returns {import('./inside/task.ts').Fact[]} */
    facts: () => (existsSync(task.report) ? readFileSync(task.report, 'utf8').trim().split('\n').map((text) => JSON.parse(text)) : []),
    /** Lines of VS Code's logs. */
    logs: () => {
      const files = readdirSync(at('user'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.log'));
      return files.flatMap((path) => readFileSync(at('user', path), 'utf8').split('\n').filter(Boolean).map((text) => `${basename(path)}: ${text}`));
    },
  };
}

function makeProbe(/** @type {string} */ folder) {
  const manifest = {
    name: 'probe', publisher: 'deltallm', version: '0.0.0', engines: { vscode: '^1.106.1' }, main: './probe.cjs', activationEvents: ['*'],
    capabilities: { untrustedWorkspaces: { supported: true }, virtualWorkspaces: true }, contributes: { debuggers: [{ type: 'tests', label: 'Tests' }] },
  }; // before any other extension
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  buildSync({
    absWorkingDir: root, entryPoints: ['test/host/inside/probe.ts'], bundle: true, outfile: join(folder, 'probe.cjs'),
    platform: 'node', format: 'cjs', target: 'node20', external: ['vscode'], logLevel: 'warning',
  });
}

/**
 * What the installed package's command line answers outside, from the same model.
 * @param {Place} place
 */
export function completeOutside({ task, env, folder, installed }) {
  const { sample, line, column, max, threads, cacheMb } = task;
  const args = ['complete', '--file', sample, '--line', line, '--column', column, '--max', max, '--threads', threads, '--cache-mb', cacheMb, '--json'].map(String);
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(installed() ?? '', 'dist', 'cli.js'), ...args], {
    cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH, ...env },
  });
  if (status !== 0) throw new Error(`The command line ended with ${status}: ${stderr}`);
  const { text, reason, tokens, sparsity: { key: keySparsity }, meanLogProbability } = JSON.parse(stdout);
  return { text, reason, tokens, keySparsity, meanLogProbability };
}
