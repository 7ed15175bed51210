// What a command reads, so that Ctrl+C ends the wait for it: standard input as a stream, files apart from the main thread.
import { closeSync, constants, openSync, promises as fs, statSync, writeSync } from 'node:fs';
import type { CancelFlag } from '../shared/cancel.ts';
import { DeltaError } from '../shared/errors.ts';
import { decode, withoutMark } from './sourceText.ts';

/** Standard input has a place in the file system too, which cannot be opened when it is a socket. */
const STANDARD_INPUT = ['/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'];
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** A source file's text, without a byte order mark. Throws fileMissing, fileUnreadable or cancelled. */
export async function readText(path: string, cancel: CancelFlag): Promise<string> {
  if (STANDARD_INPUT.includes(path)) return withoutMark(await readInput(cancel));
  const aborted = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    aborted.abort();
    endWait(path, signal);
  };
  return withoutMark(decode(await reading(path, stop, cancel, () => fs.readFile(path, { signal: aborted.signal })), path));
}

/** What standard input holds, as it is. Throws fileUnreadable or cancelled. */
export async function readInput(cancel: CancelFlag): Promise<string> {
  const name = 'Standard input';
  const read = async () => {
    const pieces: Buffer[] = [];
    for await (const piece of process.stdin) pieces.push(piece as Buffer);
    return Buffer.concat(pieces);
  };
  return decode(await reading(name, () => process.stdin.destroy(), cancel, read), name);
}

/** Reads until a signal comes; whoever set the flag at it was there before. */
async function reading(name: string, stop: (signal: NodeJS.Signals) => void, cancel: CancelFlag, read: () => Promise<Buffer>): Promise<Buffer> {
  for (const signal of SIGNALS) process.once(signal, stop);
  try {
    const bytes = await read();
    if (cancel.isSet) throw new DeltaError('cancelled');
    return bytes;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (cancel.isSet) throw new DeltaError('cancelled');
    throw code === 'ENOENT' ? new DeltaError('fileMissing', name) : new DeltaError('fileUnreadable', name, code ?? message);
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
  }
}

/** A thread that waits for the writer of a pipe cannot be called off, and the process would wait for the thread: a writer of our own lets it go on. A terminal has no such way, so the signal takes its course. */
function endWait(path: string, signal: NodeJS.Signals): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFIFO()) {
    try {
      const pipe = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      writeSync(pipe, '\n');
      closeSync(pipe);
      return;
    } catch {
      // Nobody reads: the wait is over.
    }
  } else if (stat?.isCharacterDevice()) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
}
