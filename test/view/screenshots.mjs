// Pictures of every state of the chat view, in VS Code's four default themes, to be looked at by people.
//
//   npm run screenshots:chat -- --out FOLDER [--width 320] [--only STATE]

import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { importTs } from '../../scripts/importTs.mjs';
import { runMain, step, StepError } from '../../scripts/steps.mjs';

await runMain(async () => {
  const { values } = parseArgs({ options: { out: { type: 'string' }, width: { type: 'string', default: '320' }, only: { type: 'string' } } });
  if (!values.out) throw new StepError('Name a folder for the pictures: --out FOLDER.');
  const folder = resolve(values.out);
  mkdirSync(folder, { recursive: true });
  const { ChatBench, missing, states, themeNames } = await importTs('test/view/support/pictured.ts');
  if (missing) throw new StepError(missing);
  await step('Taking pictures', async (note) => {
    const bench = await ChatBench.start();
    for (const theme of themeNames) {
      for (const [name, state] of Object.entries(states)) {
        if (values.only && values.only !== name) continue;
        note(`${name}, ${theme}`);
        const view = await bench.open({ theme, width: Number(values.width) });
        await view.show(state);
        await view.page.screenshot({ path: join(folder, `${name}-${theme}.png`) });
        await view.close();
      }
    }
    await bench.close();
  });
});
