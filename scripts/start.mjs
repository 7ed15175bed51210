// npm start [-- --headless | --browser]: from a fresh clone to a completion in the terminal, then to the editor. --headless: without the editor; --browser: in
// the browser even where a VS Code is installed.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openEditor } from './openEditor.mjs';
import { buildAll, checkNode, installPackages, root, runMain, runQuietly, step, StepError } from './steps.mjs';

const sampleFile = 'src/session/stop.ts';
const started = performance.now();
const tty = Boolean(process.stdout.isTTY);
const paint = (/** @type {string} */ code, /** @type {string} */ text) => (tty ? `\x1b[${code}m${text}\x1b[0m` : text);
const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(0)} %`;

/** A place to complete at: behind the `return ` in the middle of the file; line and column count from 1. */
function findCursor(/** @type {string} */ text) {
  const lines = text.split('\n');
  const candidates = lines.flatMap((line, i) => (/^\s+return \S/.test(line) ? [i] : []));
  if (candidates.length === 0) throw new StepError(`${sampleFile} has no line to complete.`);
  const index = candidates[candidates.length >> 1];
  return { lines, line: index + 1, column: lines[index].indexOf('return ') + 'return '.length + 1 };
}

async function complete() {
  const { lines, line, column } = findCursor(readFileSync(join(root, sampleFile), 'utf8'));
  const at = ['--file', sampleFile, '--line', String(line), '--column', String(column)];
  const output = await step('Completing', (note) => runQuietly(process.execPath, ['dist/cli.js', 'complete', ...at, '--json'], { note }));
  const { text, tokens, ms, sparsity } = JSON.parse(output.trim().split('\n').at(-1) ?? '');

  console.log(`\n${sampleFile}, line ${line}, column ${column}; what the model suggests at the cursor stands between ▸ and ◂:\n`);
  for (const before of lines.slice(Math.max(0, line - 7), line - 1)) console.log(`    ${before}`);
  const current = lines[line - 1];
  const suggestion = paint('1;32', `▸${text.replaceAll('\n', '\n    ')}◂`);
  console.log(`    ${current.slice(0, column - 1)}${suggestion}${paint('2', current.slice(column - 1))}`);
  for (const after of lines.slice(line, line + 2)) console.log(paint('2', `    ${after}`));

  const rate = ms.decode > 0 ? ` (${((1000 * tokens.generated) / ms.decode).toFixed(0)} tokens/s)` : '';
  console.log(`\n${tokens.prompt} prompt tokens read in ${ms.prefill.toFixed(0)} ms, ${tokens.generated} tokens written in ${ms.decode.toFixed(0)} ms${rate}.`);
  console.log(`Key sparsity ${percent(sparsity.key)}, attention sparsity ${percent(sparsity.attention)}. Nothing left this machine.`);
  console.log('The embedded model is small (45 M parameters): it often finishes a line, and sometimes invents. README.md says how to use a larger one.');
}

await runMain(async () => {
  checkNode();
  await installPackages();
  await buildAll();
  if (!existsSync(join(root, sampleFile))) throw new StepError(`${sampleFile} is missing: this is not a whole checkout.`);
  await complete();
  console.log(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
  if (!process.argv.includes('--headless')) await openEditor({ browser: process.argv.includes('--browser') });
});
