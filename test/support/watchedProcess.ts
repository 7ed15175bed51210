// Runs Node on a script and watches the memory of that process (Linux: /proc).
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Memory {
  /** Largest values seen, bytes: resident in all, anonymous, file-backed. */
  resident: number;
  anonymous: number;
  fileBacked: number;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  peak: Memory;
}

const POLL_MS = 20;

export async function watch(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const peak: Memory = { resident: 0, anonymous: 0, fileBacked: 0 };
  const timer = setInterval(() => {
    let status: string;
    try {
      status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    } catch {
      return;
    }
    const bytes = (name: string) => 1024 * Number(status.match(new RegExp(`${name}:\\s+(\\d+)`))?.[1] ?? 0);
    peak.resident = Math.max(peak.resident, bytes('VmHWM'), bytes('VmRSS'));
    peak.anonymous = Math.max(peak.anonymous, bytes('RssAnon'));
    peak.fileBacked = Math.max(peak.fileBacked, bytes('RssFile'));
  }, POLL_MS);
  const [out, err]: string[] = ['', ''];
  const ended: Ended = { code: null, signal: null, stdout: out, stderr: err, peak };
  child.stdout.on('data', (bytes) => (ended.stdout += bytes));
  child.stderr.on('data', (bytes) => (ended.stderr += bytes));
  await new Promise<void>((done) => child.once('close', (code, signal) => {
    Object.assign(ended, { code, signal });
    done();
  }));
  clearInterval(timer);
  return ended;
}
