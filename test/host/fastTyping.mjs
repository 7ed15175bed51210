// 200 keys, fast, with pauses: never more than one generation, none that goes on for nobody, always an outcome, and nothing that flickers.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { check } from './checks.mjs';
import { describe, flickers, inconsistent } from './frames.mjs';
import { openSample } from './ghostText.mjs';
import { random } from './random.mjs';
import { longText } from './samples.mjs';
import { calm, listShut } from './selectors.mjs';

const KEYS = 200;
const PAUSE_MS = 300;
const ROUNDS = 12;
/** For an outcome that comes later than after 300 ms: how late is printed. */
const OUTCOME_MS = 60_000;

/** Code as somebody types it: words, brackets that VS Code closes, new lines. */
const code = `  const sizes = new Map<string, number>();
  for (const item of items) {
  sizes.set(item.name, item.count * 2);
  if (item.price > 100 && item.count < 3) {
  result.push(item.count);
  continue;
  }
  }
  return result.filter((value) => value > 0);
`.slice(0, KEYS);

/**
 * Beside IntelliSense's list VS Code takes ghost text away by itself, of any provider, even before the list is to be seen: whether ours flickers is judged
 * without it.
 * @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window @param {number} seed
 */
export async function fastTyping(session, window, seed) {
  if (calm() !== listShut) await typeFast(session, window, seed, 'fast typing beside IntelliSense', false);
  await typeFast(session, window, seed, 'fast typing', true);
}

/** @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window @param {number} seed @param {string} what @param {boolean} isListShut */
async function typeFast(session, window, seed, what, isListShut) {
  const settings = { ...(isListShut ? listShut : {}), 'deltallm.completions.eagerness': 'high' }; // as much as there is to see
  await window.set(settings);
  await openSample(session, window, 'fast.ts');
  await window.inside((_, seen) => void (seen.answers.length = 0));
  await window.type('  '); // the model is loaded, IntelliSense is there
  await window.awaitGhost(5000);
  await window.inside((_, seen) => void Object.assign(seen, { generations: [], log: [], mostAlive: 0 }));
  const next = random(seed);
  await window.record();
  let pauses = 0;
  let late = 0;
  let latest = 0;
  /** @type {string[]} */
  const silent = [];
  for (let key = 0; key < code.length; key++) {
    const letter = code[key];
    await window.press(letter === '\n' ? 'Enter' : letter === ' ' ? 'Space' : letter);
    const at = Date.now();
    if (next() > 0.08 && key < code.length - 1) {
      await wait(10 + 50 * next());
      continue;
    }
    pauses++;
    await wait(PAUSE_MS);
    const outcome = () => outcomeSince(window, at);
    let found = await outcome();
    if (!found) {
      late++;
      for (const end = at + OUTCOME_MS; !found && Date.now() < end; await wait(50)) found = await outcome();
      latest = Math.max(latest, Date.now() - at);
    }
    if (!found) silent.push(`after key ${key}: ${JSON.stringify((await window.document()).before.slice(-60))}`);
  }
  const frames = await window.frames();
  await window.reset(settings);
  const { answers, generations, mostAlive, log } = await window.inside((_, { answers, generations, mostAlive, log }) => ({ answers, generations, mostAlive, log }));
  const shown = frames.filter((frame) => frame.ghost !== '').length;
  console.log(`  ${code.length} keys, ${pauses} pauses, ${answers.length} requests, ${generations.length} generations, ${frames.length} frames, ${shown} of them with ghost text; seed ${seed}`);
  if (late > 0) console.log(`  after ${late} of the pauses the outcome came later than ${PAUSE_MS} ms, the latest after ${latest} ms`);

  check(generations.length > 0 && mostAlive === 1, `${what}: never more than one generation is alive`, [`${mostAlive}`]);
  check(silent.length === 0, `${what}: after every pause there is ghost text, or a recorded reason for none`, silent);
  const wrong = inconsistent(frames, answers);
  const all = flickers(frames, answers);
  const ours = isListShut ? all : [];
  if (silent.length + wrong.length + ours.length > 0) writeFileSync(join(session.place.folder, `${what}.json`), JSON.stringify({ frames, answers, log }, null, 1));
  check(wrong.length === 0, `${what}: every frame shows the document and an answer`, wrong.map(describe));
  if (!isListShut) console.log(`  ${all.length} times ghost text vanished and came back within 200 ms`);
  else check(ours.length === 0, `${what}: no ghost text vanishes and returns within 200 ms`, ours.map(({ from, to }) => `${describe(from)} → ${describe(to)}`));
}

/** Keys in the middle of a generation that say something else than it. @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function disagreeing({ place }, window) {
  writeFileSync(join(place.workspace, 'long.ts'), longText);
  const settings = { 'deltallm.completions.eagerness': 'high', 'editor.quickSuggestions': { other: 'off' } };
  await window.set(settings);
  await window.open('long.ts', { line: longText.split('\n').length, column: 1 });
  const generations = await window.inside(async (vscode, seen, rounds) => {
    const editor = /** @type {import('vscode').TextEditor} */ (vscode.window.activeTextEditor);
    const until = async (/** @type {() => boolean} */ holds) => {
      for (const end = Date.now() + 5000; Date.now() < end && !holds(); ) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    Object.assign(seen, { generations: [], mostAlive: 0 });
    for (let round = 0; round < rounds; round++) {
      const before = seen.generations.length;
      // Something new to read at the top, so that it takes a while.
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), `// ${round}\n`));
      void vscode.commands.executeCommand('editor.action.inlineSuggest.trigger', { explicit: true });
      // In turn: while it reads, after its first step, after its second.
      await until(() => seen.generations.slice(before).some(({ steps, ended }) => steps >= round % 3 || ended !== null));
      await vscode.commands.executeCommand('type', { text: 'q' });
      await vscode.commands.executeCommand('type', { text: 'ζ' });
      await until(() => seen.generations.slice(before).every(({ ended }) => ended !== null));
    }
    return seen.generations;
  }, ROUNDS);
  const mostAlive = await window.inside((_, seen) => seen.mostAlive);
  await window.reset(settings);
  const met = generations.filter((/** @type {any} */ { disagreed }) => disagreed !== null);
  const tooLong = met.filter((/** @type {any} */ { stepsAfter, ended }) => stepsAfter > 1 || ended === null);
  console.log(`  ${met.length} of ${generations.length} generations met a key that disagreed`);
  check(met.length > 0 && tooLong.length === 0, 'no generation goes on for more than one step after a key that disagrees', tooLong.map((/** @type {any} */ generation) => JSON.stringify({ ...generation, before: generation.before.slice(-40), after: '' })));
  check(mostAlive === 1, 'keys that disagree: never more than one generation is alive', [`${mostAlive}`]);
}

/** Ghost text on the screen, or the reason that was recorded for the last key. @param {import('./editorWindow.mjs').EditorWindow} window @param {number} since */
async function outcomeSince(window, since) {
  const ghost = await window.ghost();
  if (ghost) return `ghost text ${JSON.stringify(ghost)}`;
  const log = await window.inside((_, seen, since) => seen.log.filter(({ at, text }) => at >= since - 50 && text.startsWith('Request in')).map(({ text }) => text), since);
  return log.find((/** @type {string} */ text) => text.includes('suppressed'));
}
