// Runs Node on a script and watches the memory of that process (Linux: /proc).
import { spawn } from 'node:child_process';
import { watchMemory, type Memory } from './processMemory.ts';

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
  const { peak, stop } = watchMemory(child.pid!, POLL_MS);
  const [out, err]: string[] = ['', ''];
  const ended: Ended = { code: null, signal: null, stdout: out, stderr: err, peak };
  child.stdout.on('data', (bytes) => (ended.stdout += bytes));
  child.stderr.on('data', (bytes) => (ended.stderr += bytes));
  await new Promise<void>((done) => child.once('close', (code, signal) => {
    Object.assign(ended, { code, signal });
    done();
  }));
  stop();
  return ended;
}
