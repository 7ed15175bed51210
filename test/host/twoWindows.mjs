// Two windows at once, each with its own worker.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './checks.mjs';
import { requests } from './ghostText.mjs';
import { hole, inventory, sure } from './samples.mjs';
import { listShut } from './selectors.mjs';

/** Megabytes of memory that a process had at most (Linux). @param {number} pid */
export function peakMegabytes(pid) {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1000;
}

/** @param {import('./session.mjs').Session} session */
export async function twoWindows(session) {
  const names = ['left', 'right'];
  const windows = [];
  for (const name of names) windows.push(await session.openWindow(name));
  // Two of TypeScript's services start as well: their list would open seconds after the last key.
  await windows[0].set(listShut);
  const ghosts = await Promise.all(windows.map(async (window, index) => {
    const [head, tail] = inventory.split(hole);
    writeFileSync(join(session.place.folder, names[index], 'both.ts'), head + tail);
    await window.open('both.ts', { line: head.split('\n').length, column: 1 });
    await window.type(sure[0]);
    return window.awaitGhost();
  }));
  check(ghosts.every((ghost) => ghost !== ''), 'two windows at once: both complete', [...ghosts, ...(await Promise.all(windows.map(requests))).flat()]);
  await windows[0].reset(listShut);
  const peaks = windows.map(({ probe }) => peakMegabytes(probe.pid));
  console.log(`  peak memory of the two extension hosts: ${peaks.map((peak) => `${peak.toFixed(0)} MB`).join(', ')}`);
  const ended = [];
  for (const window of windows) await window.close();
  for (const { probe } of windows) ended.push(await session.server.hostEnd(10_000, probe.pid));
  check(ended.every((end) => end === 'code: 0, signal: null'), 'two windows at once: both extension hosts end with code 0', ended.map(String));
}
