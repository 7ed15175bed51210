// Remembers, in the extension's own storage, that native work is going on which is not proven here yet. If the process ends in the middle of it
// without a word, the next one finds the marker and takes a safer way. An orderly end, a kill before native work and a restart of the machine are
// no crash, and storage that cannot be written is no reason to fail. (node:fs, not vscode.workspace.fs: it is our own folder, and must be synchronous.)
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import { join } from 'node:path';

/** What was being tried: the model (as the setting names it) and the kernels asked for ("auto": the best). */
export interface Trial {
  model: string;
  kernels: string;
}

interface Marker extends Trial {
  version: string;
  host: string;
  pid: number;
  /** When the process started, in the system's own count; null where it cannot be asked. */
  start: string | null;
  /** Seconds since the epoch. */
  boot: number;
  /** How many processes the system had ended for want of memory; null where it does not say. */
  oomKills: number | null;
}

/** Clocks are set and uptimes rounded. */
const BOOT_TOLERANCE_S = 120;
const PREFIX = 'running-';
const CRASHED = 'crashed-';
const KILLED = 'killed-';
/** Asked to end from outside: no crash. */
const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

export class CrashMarker {
  private armed: string | undefined;
  private readonly disarmAtExit = () => this.disarm();
  private readonly disarmAtSignal = (signal: NodeJS.Signals) => {
    this.disarm();
    // Our listener replaced what the signal does by itself.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };

  /** `folder` need not exist. `version`: of the extension; a new one gets a new chance. */
  constructor(
    private readonly folder: string,
    private readonly version: string,
    private readonly complain: (sentence: string) => void = () => {},
    private readonly oomKills: () => number | null = systemOomKills,
  ) {}

  /** From now on, until `disarm`, an end of the process without a word is a crash of this trial. */
  arm(trial: Trial): void {
    const path = join(this.folder, `${PREFIX}${process.pid}.json`);
    const marker: Marker = { ...trial, version: this.version, host: hostname(), pid: process.pid, start: startOf(process.pid), boot: bootTime(), oomKills: this.oomKills() };
    try {
      mkdirSync(this.folder, { recursive: true });
      writeFileSync(path, JSON.stringify(marker));
    } catch (error) {
      this.complain(`The crash marker cannot be written (${String((error as NodeJS.ErrnoException).code)}): a crash of the native part would not be noticed.`);
      return;
    }
    if (this.armed === undefined) {
      process.once('exit', this.disarmAtExit);
      for (const signal of signals) process.once(signal, this.disarmAtSignal);
    }
    this.armed = path;
  }

  /** Synchronous: also for the last moment of a process. */
  disarm(): void {
    if (this.armed === undefined) return;
    process.off('exit', this.disarmAtExit);
    for (const signal of signals) process.off(signal, this.disarmAtSignal);
    remove(this.armed);
    this.armed = undefined;
  }

  /** The kernels with which this model crashed last, or null. Looks for markers of processes that are no more. */
  crashed(model: string): string | null {
    for (const name of this.list()) {
      const path = join(this.folder, name);
      if (!name.startsWith(PREFIX) || path === this.armed) continue;
      const marker = read(path);
      // Cut off while it was being written: the native work had not begun.
      if (!marker) remove(path);
      else if (marker.host !== hostname() || isRunning(marker)) continue;
      else if (Math.abs(marker.boot - bootTime()) > BOOT_TOLERANCE_S) remove(path);
      else this.keep(path, this.wasKilled(marker) ? this.killedPathOf(marker.model) : this.pathOf(marker.model));
    }
    const kept = read(this.pathOf(model));
    if (kept && kept.version !== this.version) this.forgive(model);
    return kept?.version === this.version && kept.model === model ? kept.kernels : null;
  }

  /** Whether the process that had this model ended because memory ran out: that is no fault of the kernels. True once, after `crashed` has looked. */
  killedForMemory(model: string): boolean {
    const path = this.killedPathOf(model);
    const kept = read(path);
    remove(path);
    return kept?.model === model;
  }

  /** Forgets that this model crashed: "Try again". */
  forgive(model: string): void {
    remove(this.pathOf(model));
  }

  /** Since then the system has ended something for want of memory, and this process is no more. */
  private wasKilled({ oomKills }: Marker): boolean {
    const now = this.oomKills();
    return oomKills !== null && now !== null && now > oomKills;
  }

  private keep(path: string, to: string): void {
    try {
      renameSync(path, to);
    } catch {
      // Another window was faster, or nothing can be written here.
    }
  }

  private pathOf(model: string, prefix = CRASHED): string {
    return join(this.folder, `${prefix}${createHash('sha256').update(model).digest('hex').slice(0, 12)}.json`);
  }

  private killedPathOf(model: string): string {
    return this.pathOf(model, KILLED);
  }

  private list(): string[] {
    try {
      return readdirSync(this.folder);
    } catch {
      return [];
    }
  }
}

function read(path: string): Marker | null {
  try {
    const { model, kernels, version, host, pid, start, boot, oomKills } = JSON.parse(readFileSync(path, 'utf8')) as Marker;
    const usable = [model, kernels, version, host].every((value) => typeof value === 'string') && Number.isInteger(pid) && Number.isFinite(boot);
    return usable ? { model, kernels, version, host, pid, start, boot, oomKills: Number.isSafeInteger(oomKills) ? oomKills : null } : null;
  } catch {
    return null;
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Read-only by now: the boot time will make it void.
  }
}

/** Where the start cannot be asked, a process of the same number counts: better to miss a crash than to invent one. */
function isRunning({ pid, start }: Marker): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = startOf(pid);
  return start === null || now === null || now === start;
}

/** Linux: field 22 of /proc/PID/stat, clock ticks since boot; empty for a process that ended and is only not yet buried. */
function startOf(pid: number): string | null {
  if (process.platform !== 'linux') return null;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name in parentheses may hold anything
    return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? null);
  } catch {
    return null;
  }
}

const bootTime = (): number => Math.round(Date.now() / 1000 - uptime());

/** Linux counts them since its start, those of containers too. */
function systemOomKills(): number | null {
  try {
    const count = /^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'))?.[1];
    return count === undefined ? null : Number(count);
  } catch {
    return null;
  }
}
