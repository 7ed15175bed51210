// What a command writes: results to standard output, everything else to standard error. A stream that fails ends the command in order, never in the middle of a native call.
import { fstatSync, writeSync } from 'node:fs';
import type { CancelFlag } from '../shared/cancel.ts';
import { DeltaError } from '../shared/errors.ts';

const NAMES = ['Standard output', 'Standard error'] as const;
type Stream = 0 | 1;
/** Which of the two have failed: what comes after that is not written, for it would stand behind a gap. */
const failed: [boolean, boolean] = [false, false];
let cancel: CancelFlag | undefined;

/** Hears when a stream fails; `flag` is set when nobody reads the results any more. */
export function watchOutput(flag: CancelFlag): void {
  cancel = flag;
  process.stdout.on('error', (error) => fail(0, error));
  process.stderr.on('error', (error) => fail(1, error));
}

/** Writes to standard output; false where that has failed. */
export function print(text: string): boolean {
  write(0, text);
  return !failed[0];
}

/** Writes to standard error. */
export const say = (text: string): void => write(1, text);

function write(stream: Stream, text: string): void {
  if (failed[stream] || text === '') return;
  const target = stream === 0 ? process.stdout : process.stderr;
  if (!isFile(stream)) {
    target.write(text);
    return;
  }
  try {
    writeWhole(stream + 1, Buffer.from(text));
  } catch (error) {
    fail(stream, error as NodeJS.ErrnoException);
  }
}

/** A file or a device without a driver of its own: Node writes to these at once, and takes no notice when a full disk takes only a part. */
function isFile(stream: Stream): boolean {
  if ((stream === 0 ? process.stdout : process.stderr).isTTY) return false;
  try {
    const stat = fstatSync(stream + 1);
    return stat.isFile() || stat.isCharacterDevice();
  } catch {
    return false;
  }
}

function writeWhole(file: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

/** A reader that goes away (`| head`) is no failure, and nobody waits for the rest of the results; what else is to be done is done without progress. */
function fail(stream: Stream, { code, message }: NodeJS.ErrnoException): void {
  const first = !failed[stream];
  failed[stream] = true;
  if (stream === 0) cancel?.set();
  if (!first) return;
  if (code === 'EPIPE') {
    process.exitCode ??= 0;
    return;
  }
  process.exitCode = 1;
  if (stream === 0) say(`deltallm: ${new DeltaError('outputUnwritable', NAMES[stream], code ?? message).message}\n`);
}
