// The memory of a process, watched from outside (Linux: /proc).
import { readFileSync } from 'node:fs';

/** Bytes: resident in all, anonymous, file-backed. */
export interface Memory {
  resident: number;
  anonymous: number;
  fileBacked: number;
}

/** Keeps the largest values of a process that it sees every `ms` milliseconds, until it is stopped. */
export function watchMemory(pid: number, ms: number): { peak: Memory; stop(): void } {
  const peak: Memory = { resident: 0, anonymous: 0, fileBacked: 0 };
  const timer = setInterval(() => {
    let status: string;
    try {
      status = readFileSync(`/proc/${pid}/status`, 'utf8');
    } catch {
      return;
    }
    const bytes = (name: string) => 1024 * Number(status.match(new RegExp(`${name}:\\s+(\\d+)`))?.[1] ?? 0);
    peak.resident = Math.max(peak.resident, bytes('VmHWM'), bytes('VmRSS'));
    peak.anonymous = Math.max(peak.anonymous, bytes('RssAnon'));
    peak.fileBacked = Math.max(peak.fileBacked, bytes('RssFile'));
  }, ms);
  return { peak, stop: () => clearInterval(timer) };
}
