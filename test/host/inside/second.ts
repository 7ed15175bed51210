// A dummy extension that brings an ONNX Runtime of its own, as another extension might, and runs it in the same process as ours: before ours is loaded, or after.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { GraphBuilder } from '../../../src/eval/onnxGraph.ts';
import { snapshot, startRuntime } from './runtime.ts';
import { say, task } from './task.ts';

/** What the outside asks: which runtime comes first, and where the other one lies. */
const { first, folder } = JSON.parse(process.env.DELTALLM_SECOND ?? '{}') as { first: 'ours' | 'theirs'; folder: string };

interface OtherRuntime {
  env: { versions: { node?: string } };
  InferenceSession: { create(model: Uint8Array): Promise<{ run(feeds: object): Promise<Record<string, { data: Float32Array }>> }> };
  Tensor: new (type: 'float32', data: Float32Array, dims: number[]) => object;
}

/** y = x · diag(1, 2, 3, 4) on two rows. */
function smallModel(): Uint8Array {
  const graph = new GraphBuilder('second');
  const weights = graph.constant('w', [4, 4], Float32Array.from({ length: 16 }, (_, n) => (n % 5 === 0 ? n / 5 + 1 : 0)));
  graph.node('', 'MatMul', ['x', weights], ['y']);
  return graph.finish([{ name: 'x', width: 4 }], [{ name: 'y', width: 4 }]);
}

async function runTheirs(): Promise<void> {
  const other = createRequire(`${folder}/`)('onnxruntime-node') as OtherRuntime;
  const session = await other.InferenceSession.create(smallModel());
  const { y } = await session.run({ x: new other.Tensor('float32', Float32Array.of(1, 1, 1, 1, 2, 3, 4, 5), [2, 4]) });
  say({ check: `ONNX Runtime ${other.env.versions.node}, another extension's, computes rightly`, ok: String([...y.data]) === '1,2,3,4,2,6,12,20', details: [String([...y.data])] });
}

async function runOurs(): Promise<() => Promise<void>> {
  const { client } = await startRuntime();
  const { text, reason, tokens, sparsity: { key: keySparsity }, meanLogProbability } = await client.call('generate', { prompt: { snapshot: snapshot() }, max: task.max, sampling: { temperature: 0 } });
  say({ completion: { text, reason, tokens, keySparsity, meanLogProbability } });
  return () => client.close();
}

/** The files of every ONNX Runtime in this process. */
function runtimesInMemory(): string[] {
  const paths = readFileSync('/proc/self/maps', 'utf8').match(/\/.*libonnxruntime[^/\n]*$/gm) ?? [];
  return [...new Set(paths)].sort();
}

export async function run(): Promise<void> {
  const closings: (() => Promise<void>)[] = [];
  // Each twice: what is loaded second must not disturb what was there.
  const order = first === 'ours' ? ['ours', 'theirs', 'ours', 'theirs'] : ['theirs', 'ours', 'theirs', 'ours'];
  try {
    for (const whose of order) {
      if (whose === 'theirs') await runTheirs();
      else closings.push(await runOurs());
    }
    const mapped = runtimesInMemory();
    say({ check: 'the memory map shows one ONNX Runtime, theirs: ours is not loaded for a GGUF', ok: mapped.length === 1 && mapped[0].startsWith(folder), details: mapped });
  } finally {
    for (const close of closings) await close();
  }
}
