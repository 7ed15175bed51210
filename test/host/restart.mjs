// What was read of a file is known in the next window: its first request reads almost nothing, counted in tokens.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './checks.mjs';
import { openSample, requests } from './ghostText.mjs';
import { hole, inventory, sure } from './samples.mjs';
import { listShut } from './selectors.mjs';

/** Tokens that a request reads at most where everything is known: the block that was not full, and what a manual request adds. */
const FEW = 80;

/** Tokens of a block: only whole ones are kept. */
const BLOCK = 64;

/** Paths of what the extension's own folder holds for the next start. @param {import('./session.mjs').Session} session @param {string} kind */
function kept({ place }, kind) {
  const folder = join(place.profile.userData, 'User', 'globalStorage', 'deltallm.deltallm', 'read', kind);
  return existsSync(folder) ? readdirSync(folder).filter((name) => !name.includes('.partial-')).map((name) => join(folder, name)) : [];
}

/** Tokens that a kept document holds. @param {string} path */
const tokensOf = (path) => Buffer.from(JSON.parse(readFileSync(path, 'utf8').split('\n')[1]).tokens, 'base64').length / 4;

/** Tokens of the prompt of each request that was answered by a generation, and those of them that were known. @param {import('./editorWindow.mjs').EditorWindow} window */
async function read(window) {
  const found = (await requests(window)).map((line) => /, (\d+) tokens read \((\d+) of them known/.exec(line));
  return found.filter((match) => match !== null).map(([, prompt, known]) => ({ prompt: Number(prompt), known: Number(known) }));
}

/** @param {import('./session.mjs').Session} session */
export async function restart(session) {
  let window = await session.openWindow();
  // Of other tests' files.
  const others = new Set(kept(session, 'documents'));
  await window.set({ ...listShut, 'deltallm.completions.eagerness': 'high' });
  const path = await openSample(session, window, 'restart.ts', `${inventory.replace(hole, '').repeat(3)}${inventory}`);
  await window.type(sure[0]);
  await window.awaitGhost();
  await window.until(async () => (await read(window)).length > 0, 'a request is over');
  const [first] = await read(window);
  // How much of it requests had read that the next key ended is a matter of pace.
  check(first.prompt > FEW, 'there is more to read than a request reads where all is known', await requests(window));
  const isKept = () => kept(session, 'documents').some((document) => !others.has(document) && tokensOf(document) > first.prompt - 2 * BLOCK);
  await window.until(async () => isKept(), 'what was read is written when nobody types', 30_000);
  // As a user who saves and closes.
  const { before, text } = await window.document();
  writeFileSync(path, text);
  await window.close();
  await session.server.hostEnd(10_000, window.probe.pid);

  window = await session.openWindow();
  const lines = before.split('\n');
  await window.open(path, { line: lines.length, column: lines.at(-1).length + 1 });
  await window.execute('deltallm.completions.trigger');
  await window.until(async () => (await read(window)).length > 0, 'the request is answered');
  const [next] = await read(window);
  console.log(`  read before the restart: ${JSON.stringify(first)}, after it: ${JSON.stringify(next)}`);
  check(next.prompt - next.known <= FEW, 'after a restart the first request reads almost nothing', await requests(window));
  await window.execute('deltallm.clearCaches');
  await window.until(async () => kept(session, 'blocks').length === 0, '"Clear Caches" removes what was kept');
  check(true, '"Clear Caches" removes what was kept');
  await window.close();
  await session.server.hostEnd(10_000, window.probe.pid);
}
