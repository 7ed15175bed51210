// deltallm complete: what ghost text would show at a cursor.
import { extname, resolve } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { MOST_CHARACTERS } from '../completion/eligible.ts';
import { near, type Snapshot } from '../prompt/snapshot.ts';
import type { Command } from '../cli.ts';
import { MODEL_OPTIONS, number, parse, readText, required } from './options.ts';
import { clearProgress } from './terminal.ts';
import { resultJson } from './result.ts';
import { hearProgress, withRuntime } from './withRuntime.ts';

const LANGUAGES: Record<string, string> = {
  '.ts': 'typescript', '.mts': 'typescript', '.tsx': 'typescriptreact', '.js': 'javascript', '.mjs': 'javascript', '.cjs': 'javascript', '.jsx': 'javascriptreact',
  '.py': 'python', '.rs': 'rust', '.go': 'go', '.c': 'c', '.h': 'c', '.cc': 'cpp', '.cpp': 'cpp', '.hpp': 'cpp', '.java': 'java', '.rb': 'ruby', '.php': 'php',
  '.cs': 'csharp', '.css': 'css', '.html': 'html', '.json': 'json', '.md': 'markdown', '.sh': 'shellscript', '.lua': 'lua', '.yml': 'yaml', '.yaml': 'yaml',
};
const DEFAULT_MAX = 96;
/** Less than the markers and a line of code says nothing. */
const LEAST_PROMPT = 16;

/** The text before and after a 1-based line and column. Throws `usage` when the position is outside the file. */
export function snapshotAt(path: string, text: string, line: number, column: number): Snapshot {
  let start = 0;
  for (let n = 1; n < line; n++) {
    const next = text.indexOf('\n', start);
    if (next < 0) throw new DeltaError('usage', `--line ${line} is beyond the last line (${n})`);
    start = next + 1;
  }
  const newline = text.indexOf('\n', start);
  const end = newline < 0 ? text.length : newline > start && text[newline - 1] === '\r' ? newline - 1 : newline;
  if (start + column - 1 > end) throw new DeltaError('usage', `--column ${column} is beyond the end of line ${line} (${end - start + 1})`);
  const cursor = start + column - 1;
  return { path, languageId: LANGUAGES[extname(path).toLowerCase()] ?? 'plaintext', before: text.slice(0, cursor), after: text.slice(cursor) };
}

export const complete: Command = async (args, cancel) => {
  const { values } = parse(args, { ...MODEL_OPTIONS, file: { type: 'string' }, line: { type: 'string' }, column: { type: 'string' }, max: { type: 'string' }, 'prompt-tokens': { type: 'string' } });
  const file = required(values, 'file');
  const text = readText(file);
  const snapshot = near(snapshotAt(resolve(file), text, number(values, 'line', undefined, 1, 1e9), number(values, 'column', undefined, 1, 1e9)), MOST_CHARACTERS);
  const max = number(values, 'max', DEFAULT_MAX, 1, 4096);
  const promptTokens = values['prompt-tokens'] === undefined ? undefined : number(values, 'prompt-tokens', undefined, LEAST_PROMPT, 1e6);
  const started = performance.now();
  await withRuntime({ lane: 'auto', ...values }, cancel, async (loaded) => {
    const result = await loaded.client.call('generate', { prompt: { snapshot, promptTokens }, max, sampling: { temperature: 0 } }, hearProgress, cancel);
    clearProgress();
    process.stdout.write(`${values.json ? resultJson(result, loaded, started) : result.text}\n`);
  });
};
