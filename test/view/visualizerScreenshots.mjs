// Pictures of every state of the visualizer, in VS Code's four default themes, to be looked at by people; or of a report that was recorded with
// `deltallm inspect --json`, with the text that it was measured on.
//
//   npm run screenshots:visualizer -- --out FOLDER [--width 1200] [--height 900] [--only STATE] [--theme THEME] [--report F.json --text FILE]

import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { importTs } from '../../scripts/importTs.mjs';
import { runMain, step, StepError } from '../../scripts/steps.mjs';

await runMain(async () => {
  const text = { type: /** @type {const} */ ('string') };
  const { values } = parseArgs({ options: { out: text, width: { ...text, default: '1200' }, height: { ...text, default: '900' }, only: text, theme: text, report: text, text } });
  if (!values.out) throw new StepError('Name a folder for the pictures: --out FOLDER.');
  const folder = resolve(values.out);
  mkdirSync(folder, { recursive: true });
  const { PanelBench, measured, missing, panel, states, themeNames } = await importTs('test/view/support/panelPictured.ts');
  if (missing) throw new StepError(missing);
  const given = values.report && values.text
    ? { recorded: panel({ measurement: measured(JSON.parse(readFileSync(values.report, 'utf8')), { at: Date.now(), lines: readFileSync(values.text, 'utf8').split('\n') }) }) }
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
