// What was read of a file is known in the next window: its first request reads almost nothing, counted in tokens.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './checks.mjs';
import { openSample, requests } from './ghostText.mjs';
import { hole, inventory, longText, sure } from './samples.mjs';
import { listShut } from './selectors.mjs';

/** Tokens that a request reads at most where everything is known: the block that was not full, and what a manual request adds. */
const FEW = 80;

/** What the extension's own folder holds for the next start. @param {import('./session.mjs').Session} session @param {string} kind */
function kept({ place }, kind) {
  const folder = join(place.profile.userData, 'User', 'globalStorage', 'deltallm.deltallm', 'read', kind);
  return existsSync(folder) ? readdirSync(folder).filter((name) => !name.includes('.partial-')) : [];
}

/** Tokens of the prompt of the last request that was answered by a generation, and those that were known. @param {import('./editorWindow.mjs').EditorWindow} window */
async function lastRead(window) {
  const found = (await requests(window)).map((line) => /, (\d+) tokens read \((\d+) of them known\)/.exec(line)).filter((match) => match !== null).at(-1);
  return found && { prompt: Number(found[1]), known: Number(found[2]) };
}

/** @param {import('./session.mjs').Session} session */
export async function restart(session) {
  let window = await session.openWindow();
  await window.set({ ...listShut, 'deltallm.completions.eagerness': 'high' });
  const path = await openSample(session, window, 'restart.ts', `${longText}${inventory.slice(0, inventory.indexOf(hole))}${hole}`);
  await window.type(sure[0]);
  await window.awaitGhost();
  const first = await lastRead(window);
  check(first !== undefined && first.prompt - first.known > FEW, 'a file that nobody knows is read', await requests(window));
  check(kept(session, 'documents').length === 0, 'nothing is written while somebody types', kept(session, 'documents'));
  await window.until(async () => kept(session, 'documents').length > 0, 'what was read is written when nobody types', 30_000);
  // As a user who saves and closes.
  const { before, after } = await window.document();
  writeFileSync(path, before + after);
  await window.close();
  await session.server.hostEnd(10_000, window.probe.pid);

  window = await session.openWindow();
  const lines = readFileSync(path, 'utf8').slice(0, before.length).split('\n');
  await window.open(path, { line: lines.length, column: lines.at(-1).length + 1 });
  await window.command('DeltaLLM: Complete at the Cursor');
  await window.until(async () => (await lastRead(window)) !== undefined, 'the request is answered');
  const next = await lastRead(window);
  console.log(`  read before the restart: ${JSON.stringify(first)}, after it: ${JSON.stringify(next)}`);
  check(next !== undefined && next.prompt - next.known <= FEW, 'after a restart the first request reads almost nothing', await requests(window));
  await window.command('DeltaLLM: Clear Caches');
  await window.until(async () => kept(session, 'blocks').length === 0, '"Clear Caches" removes what was kept');
  check(true, '"Clear Caches" removes what was kept');
  await window.close();
  await session.server.hostEnd(10_000, window.probe.pid);
}
