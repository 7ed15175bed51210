// Ghost text names files that exist, and members that the language service knows.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './checks.mjs';
import { requests } from './ghostText.mjs';
import { listShut } from './selectors.mjs';

const setting = { ...listShut, 'deltallm.completions.eagerness': 'auto' };

/** @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function existing({ place }, window) {
  const folder = join(place.workspace, 'shop');
  for (const name of ['routes', 'services', 'lib']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'services', 'orderService.ts'), 'export class OrderService {\n  get(id: string): string {\n    return id;\n  }\n\n  cancel(id: string): string {\n    return id;\n  }\n}\n');
  writeFileSync(join(folder, 'lib', 'router.ts'), 'export interface Router {\n  get(path: string): void;\n}\n');
  const head = "import type { Router } from '../lib/router';\n";
  await window.set(setting);

  // Many beginnings of paths: nothing that is shown leads nowhere.
  /** @type {string[]} */
  const shown = [];
  const starts = ["import { OrderService } from '../services/", "import { OrderService } from '../ser", "import { UserService } from '../services/us", "import { load } from '../", "import { parse } from './"];
  for (const [i, start] of starts.entries()) {
    writeFileSync(join(folder, 'routes', `at${i}.ts`), `${head}\nexport function routes(router: Router): void {\n  router.get('/orders');\n}\n`);
    await window.open(`shop/routes/at${i}.ts`, { line: 2, column: 1 });
    await window.type(start, 40);
    await window.pause(2500);
    const ghost = await window.ghost();
    const { before, text } = await window.document();
    const line = before.split('\n').at(-1) + ghost.split('\n')[0] + text.slice(before.length).split('\n')[0];
    if (ghost !== '') shown.push(line);
    await window.inside((vscode) => vscode.commands.executeCommand('workbench.action.files.revert').then(() => null));
  }
  const paths = shown.flatMap((line) => [...line.matchAll(/from '(\.{1,2}\/[^']*)'/g)].map(([, path]) => path));
  const there = new Set(['../services/orderService', '../lib/router', './at0', './at1', './at2', './at3', './at4']);
  const wrong = paths.filter((path) => !there.has(path.replace(/\.[jt]s$/, '')));
  check(wrong.length === 0, `no path is shown that leads nowhere (${paths.length} shown at ${starts.length} places)`, [...shown, ...(await requests(window))]);

  // TypeScript's own completion is asked behind a dot, and answers what ghost text may name.
  await window.open('shop/services/orderService.ts', { line: 9, column: 2 });
  await window.type('\n\nexport const orders = new OrderService();\nexport const one = orders.', 40);
  await window.pause(4000);
  const ghost = await window.ghost();
  check(ghost === '' || /^(?:get|cancel)\b/.test(ghost), 'behind a dot ghost text names a member that there is, or nothing', [JSON.stringify(ghost), ...(await requests(window))]);
  await window.closeEditors();
  await window.reset(setting);
}
