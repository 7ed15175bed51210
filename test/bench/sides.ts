// The two engines of a comparison, each in a process of its own (engineSide.ts), and what their tables share.
import { fork, type ChildProcess } from 'node:child_process';
import { watchMemory, type Memory } from '../support/processMemory.ts';
import type { presets } from '../support/writeGguf.ts';
import type { Measured, Ready, Request, SideOptions } from './engineSide.ts';

export type Preset = keyof typeof presets;

/** Of the shapes, in tables. */
export const NAMES: Partial<Record<Preset, string>> = {
  llama32_1b: 'LLaMA-3.2-1B', llama32_1b_4layers: 'LLaMA-3.2-1B, 4 of 16 layers',
  llama32_1b_q4km: 'LLaMA-3.2-1B, Q4_K_M', qwen05b: 'Qwen2.5-Coder-0.5B', qwen05b_6layers: 'Qwen2.5-Coder-0.5B, 6 of 24 layers', qwen05b_q4km: 'Qwen2.5-Coder-0.5B, Q4_K_M',
  qwen15b: 'Qwen2.5-Coder-1.5B', qwen15b_q4km: 'Qwen2.5-Coder-1.5B, Q4_K_M', bitnet2b: 'BitNet-b1.58-2B-4T, I2_S', bitnet2b_q4_0: 'the same shape, Q4_0', bitnet2b_q4_0_layers: 'the same, its layers in Q4_0',
};
/** Tokens read before anything is timed: weights are touched, threads are there. */
export const WARM_UP = 16;
const POLL_MS = 100;

export const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
export const megabytes = (bytes: number) => (bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0);
export const progress = (text: string) => process.stderr.write(`${text}\n`);

/** One engine in a process of its own, and its memory. */
export class Side {
  private constructor(private readonly child: ChildProcess, readonly ready: Ready, private readonly memory: ReturnType<typeof watchMemory>) {}

  static async start(options: SideOptions): Promise<Side> {
    const child = fork('scripts/bench.mjs', ['test/bench/engineSide.ts', JSON.stringify(options)]);
    const memory = watchMemory(child.pid!, POLL_MS);
    try {
      return new Side(child, (await answer(child)) as Ready, memory);
    } catch (error) {
      memory.stop();
      throw error;
    }
  }

  async measure(request: Request): Promise<Measured> {
    const measured = answer(this.child);
    this.child.send(request);
    return (await measured) as Measured;
  }

  get peak(): Memory {
    return this.memory.peak;
  }

  async close(): Promise<void> {
    this.memory.stop();
    if (!this.child.connected) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.send('close');
    await ended;
  }
}

/** The next message of a child; throws when it ends instead. */
function answer(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error('a side of the benchmark ended early'));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message);
    });
  });
}
