// npm start [-- --headless | --browser]: from a fresh clone to a completion in the terminal, then to the editor. --headless: without the editor; --browser: in
// the browser even where a VS Code is installed.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { openEditor } from './openEditor.mjs';
import { buildAll, checkNode, installPackages, root, runMain, runQuietly, step, StepError } from './steps.mjs';

/** Where the demonstration completes: behind `start`, the beginning of the line after `method`. */
const place = { file: 'src/session/sampler.ts', method: '  candidates(', start: '    const scores = ' };
/** Tokens: what the editor reads in two of its latency budgets on two cores, so that the demonstration waits as long as the editor would. */
const promptTokens = 512;
const started = performance.now();
const tty = Boolean(process.stdout.isTTY);
const paint = (/** @type {string} */ code, /** @type {string} */ text) => (tty ? `\x1b[${code}m${text}\x1b[0m` : text);
const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(0)} %`;

/** The file's lines, and the index of the line to complete. */
function findPlace() {
  const lines = existsSync(join(root, place.file)) ? readFileSync(join(root, place.file), 'utf8').split('\n') : [];
  const index = lines.findIndex((line) => line.startsWith(place.method)) + 1;
  if (!lines[index]?.startsWith(place.start)) throw new StepError(`${place.file} is not what this script expects: this is not a whole checkout.`);
  return { lines, index };
}

async function complete() {
  const { lines, index } = findPlace();
  const [line, column] = [index + 1, place.start.length + 1];
  const folder = mkdtempSync(join(tmpdir(), 'deltallm-start-'));
  try {
    // The model must not see the rest of the line: it completes a copy without it.
    const copy = join(folder, basename(place.file));
    writeFileSync(copy, lines.with(index, place.start).join('\n'));
    const at = ['--file', copy, '--line', String(line), '--column', String(column), '--prompt-tokens', String(promptTokens)];
    const output = await step('Completing', (note) => runQuietly(process.execPath, ['dist/cli.js', 'complete', ...at, '--json'], { note, env: { DELTALLM_PROGRESS: 'lines' } }));
    show(lines, line, column, JSON.parse(output.trim().split('\n').at(-1) ?? ''));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function show(/** @type {string[]} */ lines, /** @type {number} */ line, /** @type {number} */ column, /** @type {any} */ { text, tokens, ms, sparsity }) {
  console.log(`\n${place.file}, line ${line}, column ${column}; what the model suggests at the cursor stands between ▸ and ◂, what the author wrote there follows:\n`);
  for (const before of lines.slice(Math.max(0, line - 7), line - 1)) console.log(`    ${before}`);
  const current = lines[line - 1];
  const suggestion = paint('1;32', `▸${text.replaceAll('\n', '\n    ')}◂`);
  console.log(`    ${current.slice(0, column - 1)}${suggestion}${paint('2', current.slice(column - 1))}`);
  for (const after of lines.slice(line, line + 2)) console.log(paint('2', `    ${after}`));

  const rate = ms.decode > 0 ? ` (${((1000 * tokens.generated) / ms.decode).toFixed(0)} tokens/s)` : '';
  console.log(`\nModel loaded in ${ms.load.toFixed(0)} ms, ${tokens.prompt} prompt tokens read in ${ms.prefill.toFixed(0)} ms, ${tokens.generated} tokens written in ${ms.decode.toFixed(0)} ms${rate}.`);
  console.log(`Key sparsity ${percent(sparsity.key)}, attention sparsity ${percent(sparsity.attention)}. Nothing left this machine.`);
  console.log('The embedded model is small (45 M parameters): it often finishes a line, and sometimes invents. README.md says how to use a larger one.');
}

/** Throws for anything else, before anything is done: a model, for example, is named in the editor's settings. */
function options() {
  try {
    return parseArgs({ options: { headless: { type: 'boolean', default: false }, browser: { type: 'boolean', default: false } } }).values;
  } catch (error) {
    throw new StepError(`${/** @type {Error} */ (error).message.split('. ')[0]}: npm start takes --headless and --browser. A model is chosen in the editor, or with node dist/cli.js complete --model.`);
  }
}

await runMain(async () => {
  const { headless, browser } = options();
  checkNode();
  await installPackages();
  await buildAll();
  await complete();
  console.log(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
  if (!headless) await openEditor({ browser });
});
