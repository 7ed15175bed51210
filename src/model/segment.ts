// The only door to ONNX Runtime: a graph of float32 tensors.
// onnxruntime-node is loaded on first use, and never without ORT_DISABLE_TELEMETRY=1 in the environment.
import { createRequire } from 'node:module';
import { MessageChannel } from 'node:worker_threads';
import type { InferenceSession } from 'onnxruntime-node';
import { DeltaError } from '../shared/errors.ts';

type Ort = typeof import('onnxruntime-node');
let ort: Ort | undefined;

function loadOrt(): Ort {
  if (process.env.ORT_DISABLE_TELEMETRY !== '1') throw new DeltaError('telemetryNotDisabled');
  ort ??= createRequire(import.meta.url)('onnxruntime-node') as Ort;
  return ort;
}

/** A float32 tensor of any rank, row-major. */
export interface FloatTensor {
  dims: number[];
  data: Float32Array;
}

/** Nobody listens at the other end: what is sent there is freed. */
const nowhere = new MessageChannel().port1;
nowhere.close();

/**
 * ONNX Runtime writes into the tensors that it is given; what onnxruntime-node returns are copies of them, megabytes with every call. The collector would
 * leave them until they are many, and each would be new memory to fault in: handing them over frees them at once.
 */
function freeCopies(results: InferenceSession.OnnxValueMapType): void {
  for (const name in results) nowhere.postMessage(null, [(results[name].data as Float32Array<ArrayBuffer>).buffer]);
}

/** A loaded graph. */
export class Segment {
  private constructor(private readonly session: InferenceSession) {}

  /** Loads a graph without external weights from memory. */
  static async fromBytes(graph: Uint8Array, threads: number): Promise<Segment> {
    const { InferenceSession } = loadOrt();
    const session = await InferenceSession.create(graph, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      enableCpuMemArena: false,
      enableMemPattern: false,
      // What fails is thrown; nothing is printed beside it.
      logSeverityLevel: 4,
      // Threads spin between the operators of a run and sleep from its end: the spinning threads of 17 sessions would fight for the cores (8 × slower).
      extra: { session: { intra_op: { allow_spinning: '1' }, force_spinning_stop: '1' } },
    });
    return new Segment(session);
  }

  /** Runs the graph on tensors of any shape; outputs that are given are written in place. */
  async runTensors(inputs: Record<string, FloatTensor>, outputs: Record<string, FloatTensor>): Promise<void> {
    const { Tensor } = loadOrt();
    const wrap = (tensors: Record<string, FloatTensor>) => Object.fromEntries(Object.entries(tensors).map(([name, { data, dims }]) => [name, new Tensor('float32', data, dims)]));
    freeCopies(await this.session.run(wrap(inputs), wrap(outputs)));
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}
