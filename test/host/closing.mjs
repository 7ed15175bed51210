// Windows that close, reload or restart the runtime at random moments of its work: the extension host must end by itself, and leave nothing behind.

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './checks.mjs';
import { longText } from './samples.mjs';
import { random } from './random.mjs';

/** How often each: a restart is the shortest. */
const kinds = ['restart', 'restart', 'reload', 'restart', 'close'];
const phases = ['load', 'prefill', 'decode'];
/** Upper bound of what is added to the beginning of a phase, milliseconds. */
const longest = { load: 200, prefill: 80, decode: 30 };

/** @param {import('./session.mjs').Session} session @param {{ cycles: number, seed: number }} options */
export async function closing(session, { cycles, seed }) {
  const { place, server } = session;
  const name = 'closing';
  const next = random(seed);
  /** @type {string[]} */
  const bad = [];
  /** @type {Record<string, number>} */
  const hit = {};
  let window = await session.openWindow(name);
  await window.set({ 'deltallm.completions.latencyBudget': 30_000, 'deltallm.completions.maxTokens': 1024, 'deltallm.completions.eagerness': 'high' });
  writeFileSync(join(place.folder, name, 'long.go'), longText); // a language for which VS Code starts nothing
  const temporary = listTemporary(place);
  for (let cycle = 0; cycle < cycles; cycle++) {
    const kind = kinds[cycle % kinds.length];
    const wanted = phases[cycle % phases.length];
    const jitter = next() * longest[/** @type {keyof typeof longest} */ (wanted)];
    const reached = await moment(window, wanted, jitter, cycle);
    hit[`${kind} in ${reached}`] = (hit[`${kind} in ${reached}`] ?? 0) + 1;
    const { pid } = window.probe;
    if (kind === 'restart') await window.execute('deltallm.restart');
    else {
      const said = await window.inside((_, seen) => seen.messages.map(({ text }) => text));
      if (said.length > 0) bad.push(`cycle ${cycle}: a message: ${said.join(' / ')}`);
      if (kind === 'reload') await window.reload();
      else {
        await window.close();
        window = await session.openWindow(name);
      }
      const end = await server.hostEnd(10_000, pid);
      if (end !== 'code: 0, signal: null') bad.push(`cycle ${cycle}: ${kind} in ${reached}: the extension host ${end ? `ended with ${end}` : 'lives'}`);
    }
  }
  const said = await window.inside((_, seen) => seen.messages.map(({ text }) => text));
  await window.set({ 'deltallm.completions.latencyBudget': undefined, 'deltallm.completions.maxTokens': undefined, 'deltallm.completions.eagerness': undefined });
  const { pid } = window.probe;
  await window.close();
  const end = await server.hostEnd(10_000, pid);
  console.log(`  ${cycles} times; seed ${seed}: ${Object.entries(hit).sort().map(([what, count]) => `${count} ${what}`).join(', ')}`);
  check(bad.length === 0 && end === 'code: 0, signal: null', `closing: after ${cycles} restarts, reloads and closed windows, every extension host ended with code 0 and no signal`, bad);
  check(said.length === 0, 'closing: the last start is not in safe mode, and no message shows', said);
  const markers = listMarkers(place);
  check(markers.length === 0, 'closing: no marker or lock is left', markers);
  const left = listTemporary(place).filter((path) => !temporary.includes(path));
  check(left.length === 0, 'closing: no temporary file is left', left);
}

/** Asks for a completion, and returns when the phase began that long ago, or the work is over; says what is going on then. @param {import('./editorWindow.mjs').EditorWindow} window @param {string} phase @param {number} jitter milliseconds @param {number} cycle */
async function moment(window, phase, jitter, cycle) {
  await window.open('long.go');
  return window.inside(async (vscode, seen, { phase, jitter, lines, cycle }) => {
    const editor = /** @type {import('vscode').TextEditor} */ (vscode.window.activeTextEditor);
    // Another text every time, so that no block of it is known.
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), `// ${cycle}\n`));
    const at = new vscode.Position(lines, 0);
    editor.selection = new vscode.Selection(at, at);
    const from = { loads: seen.loaded.length, generations: seen.generations.length };
    if (phase === 'load' && seen.loaded.length > 0) void vscode.commands.executeCommand('deltallm.restart');
    else void vscode.commands.executeCommand('editor.action.inlineSuggest.trigger', { explicit: true });
    const state = () => {
      const generation = seen.generations[from.generations];
      if (generation?.ended != null) return 'rest';
      if (generation) return generation.steps > 0 ? 'decode' : 'prefill';
      return seen.loading ? 'load' : 'rest';
    };
    const started = performance.now();
    while (performance.now() - started < 15_000) {
      const now = state();
      if (now === phase || (phase === 'load' && now === 'prefill') || seen.generations[from.generations]?.ended != null) break;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await new Promise((resolve) => setTimeout(resolve, jitter));
    return state();
  }, { phase, jitter, cycle, lines: longText.split('\n').length - 2 });
}

/** @param {import('./place.mjs').Place} place */
function listMarkers({ profile }) {
  const storage = join(profile.userData, 'User', 'globalStorage', 'deltallm.deltallm');
  if (!existsSync(storage)) return [];
  return readdirSync(storage, { recursive: true, encoding: 'utf8' }).filter((path) => /running-|crashed-|killed-|\block|\.tmp/.test(path));
}

/** @param {import('./place.mjs').Place} place VS Code's own sockets aside */
function listTemporary({ env }) {
  return readdirSync(env.TMPDIR, { recursive: true, encoding: 'utf8' }).filter((path) => !/^vscode-|\.sock$|node-compile-cache|^v8-/.test(path));
}
