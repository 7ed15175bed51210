// The worker thread: one engine, one call at a time, in order. It ends by itself after `close`, never in the middle of a native call.
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { asDeltaError, DeltaError } from '../shared/errors.ts';
import { CancelFlag } from '../shared/cancel.ts';
import { packageRoot } from '../shared/packageRoot.ts';
import { loadAddon } from '../binding/load.ts';
import { importModel } from '../model/import/importModel.ts';
import { resolveModel, starterModel } from '../model/library.ts';
import { Engine } from './engine.ts';
import type { Calls, LoadOptions, Reply, Request } from './protocol.ts';
import { defaultThreads } from './threadCount.ts';

const BACKGROUND_NICENESS = 10;

const port = parentPort!;
const reply = (message: Reply) => port.postMessage(message);
let engine: Engine | undefined;
let queue: Promise<void> = Promise.resolve();
/** Requests without an answer. */
let waiting = 0;

port.on('message', (request: Request) => {
  waiting++;
  queue = queue.then(() => (request.call === 'close' ? close() : answer(request))).then(() => {
    if (--waiting === 0) setImmediate(readOn);
  });
});

/** What is typed comes first. Linux: of the calling thread and those it starts from now on; elsewhere this would slow the whole process. Lower than that, nobody may rise. */
function stepBack(): void {
  if (process.platform === 'linux' && getPriority() < BACKGROUND_NICENESS) setPriority(0, BACKGROUND_NICENESS);
}

/** Nobody waits: reads in what the next request may need, a slice a turn, so that it is heard between them. */
function readOn(): void {
  if (waiting === 0 && engine?.neighbours.readOn()) setImmediate(readOn);
}

async function answer(request: Exclude<Request, { call: 'close' }>): Promise<void> {
  const { id } = request;
  try {
    reply({ id, event: 'done', result: await handle(request) });
  } catch (thrown) {
    const error = asDeltaError(thrown);
    reply({ id, event: 'failed', code: error.code, args: [...error.args] });
  }
}

async function handle(request: Exclude<Request, { call: 'close' }>): Promise<Calls[keyof Calls]['result']> {
  const { id } = request;
  const cancel = new CancelFlag(request.cancel);
  // Long work reports its progress often: that is where a cancelled one ends.
  const progress = (stage: string, share: number) => {
    if (cancel.isSet) throw new DeltaError('cancelled');
    reply({ id, event: 'progress', stage, share });
  };
  const notice = (text: string) => reply({ id, event: 'notice', text });
  switch (request.call) {
    case 'load': {
      if (request.options.background) stepBack();
      await engine?.close();
      engine = undefined;
      engine = await Engine.load(loadAddon(join(packageRoot(), 'dist')), withDefaults(request.options), progress, notice);
      return engine.describe();
    }
    case 'import': {
      const options = { addon: loadAddon(join(packageRoot(), 'dist')), threads: request.options.threads, progress, notice };
      options.addon.setThreads(options.threads);
      const { gguf, out } = request.options;
      if (!out) return { folder: await resolveModel(gguf, options) };
      await importModel(gguf, out, options);
      return { folder: out };
    }
    case 'generate':
      return loaded().generate(
        request.options, cancel,
        (text, scores) => reply({ id, event: 'text', text, scores }),
        (stage, share) => reply({ id, event: 'progress', stage, share }),
      );
    case 'logits':
      return loaded().logits(request.options, cancel, progress);
    case 'bench':
      return loaded().bench(request.options, cancel);
    case 'confidence':
      return loaded().confidence(request.options.tokens, cancel);
    case 'inspect':
      return loaded().inspect(request.options, cancel, progress);
    case 'memory': {
      const { addon, cache } = loaded();
      const info = addon.storeInfo(cache.store);
      return { cacheBytes: info.bytes, cacheBlocks: info.blocks };
    }
  }
}

const withDefaults = (options: LoadOptions): LoadOptions => ({ ...options, model: options.model || starterModel(), threads: options.threads || defaultThreads() });

function loaded(): Engine {
  if (!engine) throw new DeltaError('internal', 'no model is loaded');
  return engine;
}

async function close(): Promise<void> {
  await engine?.close();
  engine = undefined;
  port.close();
}
