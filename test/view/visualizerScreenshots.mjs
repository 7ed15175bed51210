// Pictures of every state of the visualizer, in VS Code's four default themes, to be looked at by people; or of a real run: the embedded model measures a file and
// completes at a line of it. The README's picture:
//
//   npm run screenshots:visualizer -- --out FOLDER --file src/session/engine.ts --line 290 --width 1280 --height 920
//
//   npm run screenshots:visualizer -- --out FOLDER [--width 1200] [--height 900] [--only STATE] [--theme THEME] [--file FILE --line N [--column N]]

import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { importTs } from '../../scripts/importTs.mjs';
import { runMain, step, StepError } from '../../scripts/steps.mjs';

await runMain(async () => {
  const text = { type: /** @type {const} */ ('string') };
  const { values } = parseArgs({ options: { out: text, width: { ...text, default: '1200' }, height: { ...text, default: '900' }, only: text, theme: text, file: text, line: text, column: text } });
  if (!values.out) throw new StepError('Name a folder for the pictures: --out FOLDER.');
  const folder = resolve(values.out);
  mkdirSync(folder, { recursive: true });
  const { PanelBench, missing, realRun, states, themeNames } = await importTs('test/view/support/panelPictured.ts');
  if (missing) throw new StepError(missing);
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const given = values.file && values.line
    ? await step('Measuring and completing', async () => ({ real: await realRun(values.file, Number(values.line), values.column && Number(values.column), version) }))
    : states;
  await step('Taking pictures', async (note) => {
    const bench = await PanelBench.start();
    for (const theme of themeNames) {
      if (values.theme && values.theme !== theme) continue;
      for (const [name, state] of Object.entries(given)) {
        if (values.only && values.only !== name) continue;
        note(`${name}, ${theme}`);
        const view = await bench.open({ theme, width: Number(values.width), height: Number(values.height) });
        await view.show(state);
        await view.page.screenshot({ path: join(folder, `${name}-${theme}.png`) });
        if (view.errors.length > 0) throw new StepError(view.errors.join('\n'));
        await view.close();
      }
    }
    await bench.close();
  });
});
