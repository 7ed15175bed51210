// Pictures of every state of a page, in VS Code's four default themes, to be looked at by people.
//
//   npm run screenshots:chat -- --out FOLDER [--width N] [--height N] [--only STATE] [--theme THEME]     the same with :models, :visualizer
//
// The visualizer also of a real run: the embedded model measures a file and completes at a line of it (--file FILE --line N [--column N]). The README's picture:
//
//   npm run screenshots:visualizer -- --out FOLDER --file src/session/engine.ts --line 299 --width 1280 --height 920

import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { importTs } from '../../scripts/importTs.mjs';
import { runMain, step, StepError } from '../../scripts/steps.mjs';

await runMain(async () => {
  const text = { type: /** @type {const} */ ('string') };
  const { values, positionals: [name] } = parseArgs({ allowPositionals: true, options: { out: text, width: text, height: text, only: text, theme: text, file: text, line: text, column: text } });
  if (!values.out) throw new StepError('Name a folder for the pictures: --out FOLDER.');
  const folder = resolve(values.out);
  mkdirSync(folder, { recursive: true });
  const { missing, pages, realRun, themeNames } = await importTs('test/view/support/pictured.ts');
  if (missing) throw new StepError(missing);
  const { start, states, size, fullPage } = pages[name];
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const given = name === 'visualizer' && values.file && values.line
    ? await step('Measuring and completing', async () => ({ real: await realRun(values.file, Number(values.line), values.column && Number(values.column), version) }))
    : states;
  await step('Taking pictures', async (note) => {
    const bench = await start();
    for (const theme of themeNames) {
      if (values.theme && values.theme !== theme) continue;
      for (const [state, shown] of Object.entries(given)) {
        if (values.only && values.only !== state) continue;
        note(`${state}, ${theme}`);
        const view = await bench.open({ theme, width: Number(values.width ?? size.width), height: Number(values.height ?? size.height) });
        await view.show(shown);
        await view.page.screenshot({ path: join(folder, `${state.replaceAll(' ', '-')}-${theme}.png`), fullPage });
        if (view.errors.length > 0) throw new StepError(view.errors.join('\n'));
        await view.close();
      }
    }
    await bench.close();
  });
});
