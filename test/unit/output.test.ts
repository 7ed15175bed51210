import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('the command line writes through cli/output.ts alone, which knows what to do when a stream fails', () => {
  for (const path of ['src/cli.ts', ...readdirSync('src/cli').map((name) => `src/cli/${name}`)]) {
    if (path !== 'src/cli/output.ts') expect({ path, writes: readFileSync(path, 'utf8').match(/process\.(stdout|stderr)\.write|console\.\w+\(/) }).toEqual({ path, writes: null });
  }
});

test('no command waits for input in a way that hears no signal', () => {
  for (const name of readdirSync('src/cli')) expect({ name, reads: readFileSync(`src/cli/${name}`, 'utf8').match(/readFileSync\((?!join\()/) }).toEqual({ name, reads: null });
});
