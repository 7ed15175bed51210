// Names of what is not finished yet: nobody else can have one, and each says whose it is, so that what a dead process left can be removed.
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Bytes that are kept of the finished name: with what is added it stays below the 255 that file systems take. */
const STEM_BYTES = 100;
/** Of a process elsewhere (another container or machine that shares the folder) nothing is known but when it last touched what it makes. */
const ELSEWHERE_MS = 3_600_000;

/** A name beside `name`, for a file or folder that becomes it. */
export function partialName(name: string): string {
  return `${shortened(name, STEM_BYTES)}.partial-${place()}-${process.pid}-${startOf(process.pid)}-${randomUUID().slice(0, 8)}`;
}

/** Whether the maker of a partial file or folder is gone; false for any other name. */
export function isAbandoned(name: string, mtimeMs: number, now = Date.now()): boolean {
  const [, owner] = name.match(/\.partial-([\w-]+)$/) ?? [];
  if (owner === undefined) return false;
  const [where, pid, start, random] = owner.split('-');
  if (random === undefined || where !== place()) return now - mtimeMs > ELSEWHERE_MS;
  return !isAlive(Number(pid)) || startOf(Number(pid)) !== start;
}

/** At most so many bytes of a name, in whole characters. */
export function shortened(name: string, bytes: number): string {
  let short = name;
  while (Buffer.byteLength(short) > bytes) short = [...short].slice(0, -1).join('');
  return short;
}

let known: string | undefined;

/** Where process numbers mean the same: this start of this machine, and on Linux this container. */
function place(): string {
  known ??= createHash('sha256').update(`${hostname()} ${attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))} ${attempt(() => readlinkSync('/proc/self/ns/pid'))}`).digest('hex').slice(0, 8);
  return known;
}

/** When a process began, in ticks since the machine's start; 0 where that is not known. */
function startOf(pid: number): string {
  // Elsewhere mounted, /proc speaks of other processes by these numbers.
  if (attempt(() => readlinkSync('/proc/self')) !== String(process.pid)) return '0';
  return attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[19]) || '0';
}

function attempt(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
