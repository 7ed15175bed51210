// Pictures of every state of the page of models, in VS Code's four default themes, to be looked at by people.
//
//   npm run screenshots:models -- --out FOLDER [--width 340] [--only STATE] [--theme THEME]

import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { importTs } from '../../scripts/importTs.mjs';
import { runMain, step, StepError } from '../../scripts/steps.mjs';

await runMain(async () => {
  const text = { type: /** @type {const} */ ('string') };
  const { values } = parseArgs({ options: { out: text, width: { ...text, default: '340' }, only: text, theme: text } });
  if (!values.out) throw new StepError('Name a folder for the pictures: --out FOLDER.');
  const folder = resolve(values.out);
  mkdirSync(folder, { recursive: true });
  const { ModelsBench, missing, modelsStates, themeNames } = await importTs('test/view/support/modelsPictured.ts');
  if (missing) throw new StepError(missing);
  await step('Taking pictures', async (note) => {
    const bench = await ModelsBench.start();
    for (const theme of themeNames) {
      if (values.theme && values.theme !== theme) continue;
      for (const [name, state] of Object.entries(modelsStates)) {
        if (values.only && values.only !== name) continue;
        note(`${name}, ${theme}`);
        const view = await bench.open({ theme, width: Number(values.width) });
        await view.show(state);
        await view.page.screenshot({ path: join(folder, `${name.replaceAll(' ', '-')}-${theme}.png`), fullPage: true });
        if (view.errors.length > 0) throw new StepError(view.errors.join('\n'));
        await view.close();
      }
    }
    await bench.close();
  });
});
