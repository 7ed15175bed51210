// Runs dist/cli.js as a user does: a process of its own, a fresh cache folder, standard streams on pipes.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';

export const CLI = resolve('dist/cli.js');

/** A run that has not ended by then never will: longer than the slowest machine takes, shorter than a test may take. */
export const MOST_MS = 800_000;

export interface RunOptions {
  /** Standard input; none is an empty one. */
  input?: string | Uint8Array;
  env?: Record<string, string>;
  /** Folder of converted models; without it one that is made for the run. */
  cache?: string;
  /** Called with the process and the text of standard error so far, for signals. */
  during?: (kill: (signal: NodeJS.Signals) => void, stderr: () => string) => void;
}

export interface RunResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

/** Runs the command line; a run that does not end is ended after minutes and has no code. */
export function run(args: string[], options: RunOptions = {}): Promise<RunResult> {
  const cache = options.cache ?? mkdtempSync(join(tmpdir(), 'deltallm-cli-'));
  const env = { ...process.env, DELTALLM_DEBUG: '', DELTALLM_CACHE: cache, ...options.env };
  const child = spawn(process.execPath, [CLI, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  return new Promise((done) => {
    const out: Buffer[] = [];
    let stderr = '';
    const limit = setTimeout(() => child.kill('SIGKILL'), MOST_MS);
    child.stdout.on('data', (piece: Buffer) => out.push(piece));
    child.stderr.on('data', (piece: Buffer) => (stderr += piece.toString()));
    child.stdin.on('error', () => {}); // it did not want to read
    child.stdin.end(options.input ?? '');
    options.during?.((signal) => child.kill(signal), () => stderr);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      if (options.cache === undefined) rmSync(cache, { recursive: true, force: true });
      done({ code, signal, stdout: Buffer.concat(out), stderr });
    });
  });
}

/** Runs and expects success and a silent standard error. */
export async function succeed(args: string[], options: RunOptions = {}): Promise<Buffer> {
  const result = await run(args, options);
  expect({ ...result, stdout: result.code === 0 ? '' : result.stdout.toString() }).toMatchObject({ code: 0, stderr: '' });
  return result.stdout;
}

export const succeedJson = async <T>(args: string[], options: RunOptions = {}): Promise<T> => JSON.parse((await succeed([...args, '--json'], options)).toString()) as T;

/** Every file and folder below, relative. */
export const listing = (folder: string): string[] => (existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]).sort() : []);

/** The command must fail: exit code 1 (2 for wrong usage), nothing on standard output, one sentence with `text` on standard error, and nothing left behind in its cache. */
export async function check(args: string[], text: string, options: RunOptions & { code?: number } = {}): Promise<void> {
  const cache = options.cache ?? mkdtempSync(join(tmpdir(), 'deltallm-cli-'));
  const before = listing(cache);
  const result = await run(args, { ...options, cache });
  const after = listing(cache);
  if (options.cache === undefined) rmSync(cache, { recursive: true, force: true });
  expect(result.stderr).toMatch(/^deltallm: [^\n]+[.)]\n$/);
  expect(result.stderr).toContain(text);
  expect(result.stderr).not.toMatch(/Something went wrong inside|\n\s+at /);
  expect({ code: result.code, signal: result.signal, stdout: result.stdout.toString() }).toEqual({ code: options.code ?? 1, signal: null, stdout: '' });
  // The folder that holds models may come into being; nothing in it may.
  expect(after.filter((name) => name !== 'models')).toEqual(before.filter((name) => name !== 'models'));
}
