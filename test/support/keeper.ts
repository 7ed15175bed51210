// A process that reads a file and writes what it read to the disk, over and over, to be killed in the middle of it.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { atOnce } from '../../src/shared/pass.ts';
import { openEngine, TINY_Q8 } from './engine.ts';

export async function run(): Promise<void> {
  const folder = process.argv[2];
  const engine = await openEngine(TINY_Q8, { kept: { folder, limitBytes: 1e9 } });
  const source = readFileSync('src/lexer/lexer.ts', 'utf8').slice(0, 6000);
  const snapshot = { path: '/w/lexer.ts', languageId: 'typescript', before: source.slice(0, 3000), after: source.slice(3000), mayBeKept: true };
  const ask = () => engine.generate({ prompt: { snapshot, promptTokens: 2048 }, max: 1, sampling: { temperature: 0 } }, new CancelFlag());
  await ask();
  console.log('reading is over');
  for (;;) {
    await engine.keep(new CancelFlag(), atOnce);
    rmSync(join(folder, 'blocks'), { recursive: true, force: true });
    await ask();
  }
}
