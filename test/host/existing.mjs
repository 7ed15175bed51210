// Ghost text names files that exist, and members that the language service knows.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
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
    await window.until(async () => (await window.document()).before.endsWith(start), 'every key has arrived');
    await window.pause(2500);
    const ghost = await window.ghost();
    const { before, text } = await window.document();
    const line = before.split('\n').at(-1) + ghost.split('\n')[0] + text.slice(before.length).split('\n')[0];
    if (ghost !== '') shown.push(line);
    await window.inside((vscode) => vscode.commands.executeCommand('workbench.action.files.revert').then(() => null));
  }
  const paths = shown.flatMap((line) => [...line.matchAll(/from '(\.{1,2}\/[^']*)'/g)].map(([, path]) => path));
  const isThere = (/** @type {string} */ path) => ['', '.ts', '/index.ts'].some((ending) => existsSync(join(folder, 'routes', path.replace(/\.[jt]s$/, '')) + ending));
  const wrong = paths.filter((path) => !isThere(path));
  check(wrong.length === 0, `no path is shown that leads nowhere (${paths.length} shown at ${starts.length} places)`, [...shown, ...(await requests(window))]);

  // A file further down says where the others lie from there; here that leads nowhere.
  mkdirSync(join(folder, 'routes', 'admin'));
  const fromBelow = "import { OrderService } from '../../services/orderService';\n";
  writeFileSync(join(folder, 'routes', 'admin', 'orders.ts'), `${fromBelow}\nexport const orders = new OrderService();\n`);
  writeFileSync(join(folder, 'routes', 'users.ts'), '\nexport function users(): void {}\n');
  for (const eagerness of ['high', 'auto']) {
    await window.set({ 'deltallm.completions.eagerness': eagerness });
    await window.open('shop/routes/admin/orders.ts');
    await window.open('shop/routes/users.ts', { line: 1, column: 1 });
    await window.inside((_, seen) => void (seen.log.length = 0));
    await window.type("import { OrderService } from '../../", 40);
    await window.until(async () => (await window.document()).before.endsWith('../../'), 'every key has arrived');
    await window.pause(2500);
    const ghost = await window.ghost();
    const path = join(folder, 'routes', '../..', ghost.split(/['"\n]/)[0]);
    const leads = ['', '.ts'].some((ending) => existsSync(path + ending));
    if (eagerness === 'high') check(ghost !== '' && !leads, 'a path that leads nowhere is what the model would write', [JSON.stringify(ghost), ...(await requests(window))]);
    else check(ghost === '' || leads, 'and is not shown', [JSON.stringify(ghost), ...(await requests(window))]);
    if (eagerness === 'auto') console.log(`  (the last request: ${(await requests(window)).at(-1)})`);
    await window.inside((vscode) => vscode.commands.executeCommand('workbench.action.files.revert').then(() => null));
  }

  // TypeScript's own completion is asked behind a dot, and answers what ghost text may name.
  await window.open('shop/services/orderService.ts', { line: 9, column: 2 });
  await window.type('\n\nexport const orders = new OrderService();\nexport const one = orders.', 40);
  await window.pause(4000);
  const ghost = await window.ghost();
  const offered = await window.inside(async (vscode) => {
    const { document, selection } = /** @type {import('vscode').TextEditor} */ (vscode.window.activeTextEditor);
    const list = /** @type {import('vscode').CompletionList} */ (await vscode.commands.executeCommand('vscode.executeCompletionItemProvider', document.uri, selection.active, undefined, 0));
    return { isWhole: !list.isIncomplete, methods: list.items.filter(({ kind }) => kind === vscode.CompletionItemKind.Method).map(({ label }) => (typeof label === 'string' ? label : label.label)) };
  });
  check(offered.isWhole && offered.methods.includes('get') && offered.methods.includes('cancel'), "VS Code's own completion says which members there are", [JSON.stringify(offered)]);
  check(ghost === '' || /^(?:get|cancel)\b/.test(ghost), 'behind a dot ghost text names a member that there is, or nothing', [JSON.stringify(ghost), ...(await requests(window))]);
  console.log(`  (behind the dot: ${JSON.stringify(ghost)})`);
  await window.closeEditors();
  await window.reset(setting);
}
