// The only door to ONNX Runtime: one graph between two attentions, run on rows of float32.
// onnxruntime-node is loaded on first use, and never without ORT_DISABLE_TELEMETRY=1 in the environment.
import { createRequire } from 'node:module';
import { MessageChannel } from 'node:worker_threads';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { DeltaError } from '../shared/errors.ts';

type Ort = typeof import('onnxruntime-node');
let ort: Ort | undefined;

function loadOrt(): Ort {
  if (process.env.ORT_DISABLE_TELEMETRY !== '1') throw new DeltaError('telemetryNotDisabled');
  ort ??= createRequire(import.meta.url)('onnxruntime-node') as Ort;
  return ort;
}

/** Rows of float32 values: `[rows, width]`, owned by whoever made them, reused from step to step. */
export class Rows {
  readonly data: Float32Array;
  private readonly tensors = new Map<number, OrtTensor>();

  constructor(
    readonly capacity: number,
    readonly width: number,
  ) {
    this.data = new Float32Array(capacity * width);
  }

  /** The first `rows` rows. */
  view(rows: number): Float32Array {
    return this.data.subarray(0, rows * this.width);
  }

  /** @internal The tensor over the first `rows` rows; the common ones (1 and the capacity) are kept. */
  tensor(rows: number): OrtTensor {
    const kept = this.tensors.get(rows);
    if (kept) return kept;
    const tensor = new (loadOrt().Tensor)('float32', this.view(rows), [rows, this.width]);
    if (rows === 1 || rows === this.capacity) this.tensors.set(rows, tensor);
    return tensor;
  }
}

/** A float32 tensor of any rank, row-major. */
export interface FloatTensor {
  dims: number[];
  data: Float32Array;
}

/** Longest single call into ONNX Runtime so far (a load or a run), in milliseconds: the worker cannot be stopped during one. */
export const longestCall = { ms: 0, segment: '' };

function timed<T>(segment: string, started: number, result: T): T {
  const ms = performance.now() - started;
  if (ms > longestCall.ms) Object.assign(longestCall, { ms, segment });
  return result;
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

/** A loaded graph. Inputs and outputs are float32 [rows, width]. */
export class Segment {
  private constructor(
    readonly name: string,
    private readonly session: InferenceSession,
  ) {}

  /** Loads `path`; weights are mapped from the file beside it and packed by ONNX Runtime. */
  static load(path: string, threads: number): Promise<Segment> {
    return Segment.create(path, path, threads);
  }

  /** Loads a graph without external weights from memory. */
  static fromBytes(name: string, graph: Uint8Array, threads: number): Promise<Segment> {
    return Segment.create(name, graph, threads);
  }

  private static async create(name: string, graph: string | Uint8Array, threads: number): Promise<Segment> {
    const { InferenceSession } = loadOrt();
    const session = await InferenceSession.create(graph as string, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      enableCpuMemArena: false,
      enableMemPattern: false,
      logSeverityLevel: 3,
      // Threads spin between the operators of a run and sleep from its end: the spinning threads of 17 sessions would fight for the cores (8 × slower).
      extra: { session: { intra_op: { allow_spinning: '1' }, force_spinning_stop: '1' } },
    });
    return new Segment(name, session);
  }

  /** Runs the graph on the first `rows` rows of the inputs and writes the first `rows` rows of the outputs. */
  async run(inputs: Record<string, Rows>, outputs: Record<string, Rows>, rows: number): Promise<void> {
    const feeds: Record<string, OrtTensor> = {};
    const fetches: Record<string, OrtTensor> = {};
    for (const name in inputs) feeds[name] = inputs[name].tensor(rows);
    for (const name in outputs) fetches[name] = outputs[name].tensor(rows);
    const started = performance.now();
    freeCopies(timed(this.name, started, await this.session.run(feeds, fetches)));
  }

  /** Runs the graph on tensors of any shape; outputs that are given are written in place. */
  async runTensors(inputs: Record<string, FloatTensor>, outputs: Record<string, FloatTensor>): Promise<void> {
    const { Tensor } = loadOrt();
    const wrap = (tensors: Record<string, FloatTensor>) => Object.fromEntries(Object.entries(tensors).map(([name, { data, dims }]) => [name, new Tensor('float32', data, dims)]));
    freeCopies(await this.session.run(wrap(inputs), wrap(outputs)));
  }

  /** Whether its inputs and outputs have those names and widths. */
  hasPorts(inputs: Record<string, number>, outputs: Record<string, number>): boolean {
    const { inputMetadata, outputMetadata } = this.session;
    const same = (given: typeof inputMetadata, wanted: Record<string, number>) =>
      given.length === Object.keys(wanted).length && given.every((port) => port.isTensor && port.type === 'float32' && port.shape.at(-1) === wanted[port.name]);
    return same(inputMetadata, inputs) && same(outputMetadata, outputs);
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}
