// npm run bench:editor [-- --host newest --rounds 6 --keys 120 --interval 90]
// What ghost text costs a typing user, in the packaged extension in a real window: rounds with completions on and off alternate. Rounds with them off are
// the reference, so that the ratios hold for this machine whatever its speed.

import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installServer } from '../host/installServer.mjs';
import { installPaintSensor } from '../host/paintSensor.mjs';
import { hole, inventory, sure } from '../host/samples.mjs';
import { startSession } from '../host/session.mjs';
import { makePackage, runMain } from '../../scripts/steps.mjs';
import { startLatency, takeLatency } from './editorPage.mjs';

const { values } = parseArgs({
  options: { host: { type: 'string', default: 'newest' }, rounds: { type: 'string', default: '6' }, keys: { type: 'string', default: '120' }, interval: { type: 'string', default: '90' } },
});
const rounds = Number(values.rounds);
const keys = Number(values.keys);
const interval = Number(values.interval);
const TARGET_RATIO = 1.25;

const [head, tail] = inventory.split(hole);
/** No brackets and quotes, which VS Code closes by itself: every key is one character. */
const prose = 'const value = other + third; let result = value * count; let next = result + first; const last = next - value; return last + other; ';

/** @param {number[]} numbers @param {number} share */
const quantile = (numbers, share) => numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(share * numbers.length))] ?? NaN;
const median = (/** @type {number[]} */ numbers) => quantile(numbers, 0.5);
const ms = (/** @type {number} */ number) => number.toFixed(1).padStart(8);

/** @typedef {{ paint: number[], list: number[], loop: number }} Round */

/** One round of typing. @param {import('../host/session.mjs').Session} session @param {import('../host/editorWindow.mjs').EditorWindow} window @param {boolean} on @returns {Promise<Round>} */
async function measure({ place }, window, on) {
  await window.set({ 'deltallm.completions.enabled': on });
  const path = join(place.workspace, 'bench.ts');
  await window.closeEditors();
  writeFileSync(path, head + tail);
  await window.open(path, { line: head.split('\n').length, column: 1 });
  await window.pause(800);
  await window.inside((_, seen) => {
    const { monitorEventLoopDelay } = process.getBuiltinModule('node:perf_hooks');
    const histogram = monitorEventLoopDelay({ resolution: 5 });
    histogram.enable();
    seen.store.histogram = histogram;
  });
  await window.page.evaluate(installPaintSensor);
  await window.page.evaluate(startLatency, window.selectors.ghost);
  for (let key = 0; key < keys; key++) {
    const letter = prose[key % prose.length];
    await window.press(letter === ' ' ? 'Space' : letter);
    await window.pause(interval);
  }
  await window.pause(300);
  const { paint } = await window.page.evaluate(takeLatency);

  /** @type {number[]} */
  const list = [];
  for (let n = 0; n < 3; n++) {
    await window.press('Escape');
    await window.type(';'); // whatever came before is a statement of its own
    await window.press('Enter');
    await window.type('items');
    await window.press('Escape');
    await window.pause(300);
    await window.page.evaluate(startLatency, window.selectors.ghost);
    await window.type('.');
    await window.page.locator(window.selectors.ghost.list).waitFor();
    await window.pause(200);
    list.push((await window.page.evaluate(takeLatency)).list);
    await window.press('Escape');
    await window.type('length');
  }
  const loop = await window.inside((_, seen) => {
    const histogram = /** @type {import('node:perf_hooks').IntervalHistogram} */ (seen.store.histogram);
    histogram.disable();
    return histogram.percentile(99) / 1e6;
  });
  return { paint, list, loop };
}

async function main() {
  process.env.DELTALLM_VSCODE = values.host;
  const host = await installServer();
  const vsix = await makePackage();
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'deltallm-bench-')));
  const started = performance.now();
  const session = await startSession(join(base, 'bench'), vsix);
  try {
    const installed = performance.now();
    const window = await session.openWindow();
    const opened = performance.now();
    writeFileSync(join(session.place.workspace, 'first.ts'), head + tail);
    await window.open('first.ts', { line: head.split('\n').length, column: 1 });
    await window.type(sure[0], 0);
    const typed = performance.now();
    const ghost = await window.awaitGhost(60_000);
    const shown = performance.now();
    if (!ghost) throw new Error('no ghost text appeared');
    const [loaded] = await window.inside((_, seen) => seen.log.filter(({ text }) => text.startsWith('Loaded')).map(({ text }) => text));
    console.log(`${cpus()[0].model.trim()}, ${availableParallelism()} threads; VS Code ${host.vscode}`);
    console.log(loaded);
    console.log(`install → first ghost text: ${((shown - started) / 1000).toFixed(1)} s (install and start ${((installed - started) / 1000).toFixed(1)}, window ${((opened - installed) / 1000).toFixed(1)}, ${sure[0].length} keys ${((typed - opened) / 1000).toFixed(1)}, last key → ghost text ${((shown - typed) / 1000).toFixed(1)})`);

    // As much ghost text as there can be.
    await window.set({ 'deltallm.completions.eagerness': 'high', 'editor.acceptSuggestionOnCommitCharacter': false, 'editor.acceptSuggestionOnEnter': 'off' });
    /** @type {Record<'on' | 'off', Round[]>} */
    const measured = { on: [], off: [] };
    await measure(session, window, true); // not counted: everything is warm from here on
    await window.inside((_, seen) => void Object.assign(seen, { asked: 0, answers: [], generations: [] }));
    for (let round = 0; round < rounds; round++) {
      // Each goes first as often as the other.
      for (const on of round % 2 === 0 ? [true, false] : [false, true]) measured[on ? 'on' : 'off'].push(await measure(session, window, on));
    }
    report(measured);
    const { asked, answers, generations } = await window.inside((_, { asked, answers, generations }) => ({ asked, answers: answers.filter(({ text }) => text !== null).length, generations: generations.length }));
    console.log(`with completions on: ${asked} requests, ${generations} generations, ${answers} answers with text`);
    await window.close();
  } finally {
    await session.stop();
    rmSync(base, { recursive: true });
  }
}

/** @param {Record<'on' | 'off', Round[]>} measured */
function report({ on, off }) {
  const all = (/** @type {Round[]} */ from, /** @type {'paint' | 'list'} */ what) => from.flatMap((round) => round[what]);
  /** @type {[string, number, number][]} */
  const rows = [
    ['key → painted, median', median(all(on, 'paint')), median(all(off, 'paint'))],
    ['key → painted, p95', quantile(all(on, 'paint'), 0.95), quantile(all(off, 'paint'), 0.95)],
    ['. → IntelliSense, median', median(all(on, 'list')), median(all(off, 'list'))],
    ['event loop, 5 ms, p99', median(on.map(({ loop }) => loop)), median(off.map(({ loop }) => loop))],
  ];
  console.log(`\n${rounds} rounds of ${keys} keys each, one in ${interval} ms, ${all(on, 'paint').length} and ${all(off, 'paint').length} keys measured; milliseconds`);
  console.log(`${''.padEnd(26)}${['on', 'off', 'ratio'].map((name) => name.padStart(8)).join('')}`);
  for (const [name, with_, without] of rows) console.log(`${name.padEnd(26)}${ms(with_)}${ms(without)}${(with_ / without).toFixed(2).padStart(8)}`);
  const ratios = rows.slice(0, 2).map(([, with_, without]) => with_ / without);
  console.log(`key → painted: ${ratios.every((ratio) => ratio <= TARGET_RATIO) ? 'within' : 'above'} the target ratio of ${TARGET_RATIO}`);
}

await runMain(main);
