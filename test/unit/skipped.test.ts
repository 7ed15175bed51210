// What is skipped is listed with why: nothing is skipped without a word.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('no test is skipped without a reason', () => {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'));
  const bare = files.flatMap((file) =>
    readFileSync(join('test', file), 'utf8').split('\n').filter((line) => /\b(?:describe|it|test)\.(?:skip|skipIf|runIf|todo)\b/.test(line) || /\bcontext\.skip\((?:[^,()]|\([^()]*\))*\);/.test(line)).map((line) => `${file}: ${line.trim()}`));
  expect(files.length).toBeGreaterThan(100);
  expect(bare.filter((line) => !line.startsWith(join('unit', 'skipped.test.ts')))).toEqual([]);
});
