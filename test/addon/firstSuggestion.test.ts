// The walkthrough's file: the embedded model is sure of what it suggests there.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { after, before } from '../../src/editor/firstRun.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-firstSuggestion-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('is what anybody would write there, and likelier than nine in ten', () => {
  const path = join(folder, 'practice.ts');
  writeFileSync(path, before + after);
  const rows = before.split('\n');
  const output = execFileSync(process.execPath, ['dist/cli.js', 'complete', '--file', path, '--line', String(rows.length), '--column', String(rows.at(-1)!.length + 1), '--json'], { encoding: 'utf8' });
  const { text, meanLogProbability } = JSON.parse(output) as { text: string; meanLogProbability: number };
  expect(text).toMatch(/^ number\[\] = \[\];/);
  expect(meanLogProbability).toBeGreaterThan(Math.log(0.9));
});
