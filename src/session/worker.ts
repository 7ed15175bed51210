// The worker thread: requests of different conversations at the same time, pass by pass. It ends by itself after `close`, never in the middle of a native call.
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { asDeltaError, DeltaError } from '../shared/errors.ts';
import { CancelFlag } from '../shared/cancel.ts';
import { packageRoot } from '../shared/packageRoot.ts';
import { loadAddon } from '../binding/load.ts';
import { findModels, thisComputer } from '../model/found/findModels.ts';
import { readOffer } from '../model/found/readOffer.ts';
import { ggufOf, modelShelf, starterModel } from '../model/library.ts';
import { loadModel } from '../model/loadModel.ts';
import { clearShelf, shelfSize } from '../model/shelf.ts';
import { COMPLETIONS } from './conversation.ts';
import { Engine } from './engine.ts';
import { InOrder } from './inOrder.ts';
import { machineSpeed } from './machineSpeed.ts';
import { Models } from './models.ts';
import type { Calls, GenerateOptions, LoadOptions, Priority, Reply, Request, Role, WorkerData } from './protocol.ts';
import { PassQueue } from './queue.ts';
import { defaultThreads } from './threadCount.ts';

const BACKGROUND_NICENESS = 10;
/** Quiet before anything is read that nobody waits for, and before a model is measured again: whoever types on would only cancel it. */
const QUIET_MS = 1000;
const LONG_QUIET_MS = 5000;

type Asked = Exclude<Request, { call: 'close' }>;

const port = parentPort!;
const reply = (message: Reply) => port.postMessage(message);
const addon = () => loadAddon(join(packageRoot(), 'dist'));
const models = new Models({ load: (options, progress, more) => Engine.load(addon(), options, progress, { ...more, lasting: (text) => reply({ id: 0, event: 'notice', text }) }) });
const passes = new PassQueue();
const order = new InOrder();
/** Requests without an answer. */
let waiting = 0;
/** Ends what is done while nobody waits. */
let idling = new CancelFlag();
/** A program that was started for one thing does nothing for the next start. */
let isBackground = false;

port.on('message', (request: Request) => {
  if (isLook(request)) return void answer(request);
  idling.set();
  if (request.call === 'close') return void close();
  waiting++;
  void order.run(placeOf(request), () => answer(request)).then(() => {
    if (--waiting > 0) return;
    idling = new CancelFlag();
    setImmediate(readOn);
    readAhead(idling);
    refine(idling);
  });
});

/** Whoever looks asks for no work, waits for none and ends none. */
const isLook = (request: Request): request is Asked => request.call === 'live' || request.call === 'census' || request.call === 'memory';

/** What must not run beside it comes one after the other: loads, requests of one conversation, and what measures. */
function placeOf(request: Asked): string {
  switch (request.call) {
    case 'load':
    case 'unload':
      return 'load';
    case 'generate':
      return `generate ${roleOf(request.options)} ${request.options.conversation ?? COMPLETIONS}`;
    case 'keep':
      return 'ahead';
    case 'count':
      return `count ${request.id}`;
    default:
      return 'work';
  }
}

const roleOf = ({ role, prompt }: GenerateOptions): Role => role ?? ('messages' in prompt ? 'chat' : 'completion');
const priorityOf = ({ priority, prompt }: GenerateOptions): Priority => priority ?? ('messages' in prompt ? 'answer' : 'completion');

/** What is typed comes first. Linux: of the calling thread and those it starts from now on; elsewhere this would slow the whole process. Lower than that, nobody may rise. */
function stepBack(): void {
  if (process.platform === 'linux' && getPriority() < BACKGROUND_NICENESS) setPriority(0, BACKGROUND_NICENESS);
}

/** Nobody waits: reads in what the next request may need, a slice a turn, so that it is heard between them. */
function readOn(): void {
  if (waiting === 0 && models.of('completion')?.neighbours.readOn()) setImmediate(readOn);
}

/** After a quiet second, one thing after the other; nothing is waited for where nothing is to be done. */
function readAhead(cancel: CancelFlag): void {
  if (!models.of('completion')?.hasAhead) return;
  const read = async () => {
    while (!cancel.isSet && (await models.use('completion', (engine) => engine.readAhead(cancel, passes.request('background', cancel)))));
  };
  setTimeout(() => void (cancel.isSet || order.run('ahead', read).catch(() => {})), QUIET_MS).unref();
}

/** A model that was measured in a hurry is measured again, for the next start. */
function refine(cancel: CancelFlag): void {
  const rough = isBackground && models.all.find(({ engine }) => engine.isRough);
  if (!rough) return;
  const measure = () => models.use(rough.roles[0], (engine) => engine.refine(cancel, passes.request('background', cancel)));
  setTimeout(() => void (cancel.isSet || order.run('ahead', measure).catch(() => {})), LONG_QUIET_MS).unref();
}

async function answer(request: Asked): Promise<void> {
  const { id } = request;
  try {
    reply({ id, event: 'done', result: await handle(request) });
  } catch (thrown) {
    const error = asDeltaError(thrown);
    reply({ id, event: 'failed', code: error.code, args: [...error.args] });
  }
}

async function handle(request: Asked): Promise<Calls[keyof Calls]['result']> {
  const { id } = request;
  const cancel = new CancelFlag(request.cancel, true);
  // Long work reports its progress often: that is where a cancelled one ends.
  const progress = (stage: string, share: number) => {
    if (cancel.isSet) throw new DeltaError('cancelled');
    reply({ id, event: 'progress', stage, share });
  };
  const notice = (text: string) => reply({ id, event: 'notice', text });
  const pass = (priority: Priority) => passes.request(priority, cancel);
  if (request.call !== 'load' && request.call !== 'unload') await order.over('load');
  switch (request.call) {
    case 'load':
      isBackground = request.options.background;
      if (isBackground) stepBack();
      // Somebody waits for it, as for an answer.
      return models.load(withDefaults(request.options), progress, { pass: pass('answer'), notice });
    case 'unload':
      await models.unload(request.options.role);
      return null;
    case 'import': {
      const { gguf, out, texts, zeros, threads } = request.options;
      addon().setThreads(threads);
      const { forward, folder } = await loadModel(gguf, { addon: addon(), progress, pass: pass('background'), notice, out, mustKeep: true, texts, zeros });
      await forward.release();
      return { folder, manifest: forward.manifest };
    }
    case 'generate': {
      const { options } = request;
      const line = pass(priorityOf(options));
      const result = await models.use(roleOf(options), (engine) => engine.generate(
        options, cancel,
        (text, scores) => reply({ id, event: 'text', text, scores }),
        (stage, share, tokens) => reply({ id, event: 'progress', stage, share, tokens }),
        line,
      ));
      // What was begun for nobody waits for everybody.
      return priorityOf(options) === 'background' ? result : { ...result, waited: line.waited };
    }
    case 'logits':
      return models.use('completion', (engine) => engine.logits(request.options, cancel, progress, pass('background')));
    case 'bench':
      return models.use('completion', (engine) => engine.bench(request.options, cancel));
    case 'confidence':
      return models.use('completion', (engine) => engine.confidence(request.options.tokens, cancel, pass('background')));
    case 'inspect':
      return models.use('completion', (engine) => engine.inspect(request.options, cancel, progress, pass('background')));
    case 'attentionMap':
      return models.use('completion', (engine) => engine.attentionMap(request.options, cancel, progress, pass('background')));
    case 'findModels':
      return findModels({ ...thisComputer(), available: available(), plan: request.options.plan, progress: (share) => progress('looking for models', share), cancelled: () => cancel.isSet });
    case 'lookAtModel':
      return readOffer(request.options.path || (await ggufOf(starterModel())), available(), {}, request.options.plan);
    case 'measureMachine':
      if (models.engines.length === 0) addon().setThreads(defaultThreads());
      return pass('background')(async () => ({ available: available(), ...machineSpeed(addon()) }));
    case 'shelf':
      if (request.options.clear) await clearShelf(modelShelf());
      return { bytes: await shelfSize(modelShelf()) };
    case 'keep':
      if (models.of('completion')) await models.use('completion', (engine) => engine.keep(cancel, pass('background')));
      return null;
    case 'clearCaches':
      for (const { roles } of models.all) await models.use(roles[0], (engine) => engine.clearCaches());
      return null;
    case 'count': {
      const { role, texts } = request.options;
      return models.of(role) ? models.use(role, (engine) => engine.count(texts)) : null;
    }
    case 'live': {
      const { latest } = models;
      return latest ? { ...latest.engine.live(request.options), role: latest.role } : null;
    }
    case 'census':
      return models.all.map(({ engine, roles }) => ({ ...engine.census(), roles }));
    case 'memory': {
      const infos = models.engines.map((engine) => engine.addon.storeInfo(engine.cache.store));
      return { cacheBytes: infos.reduce((sum, { bytes }) => sum + bytes, 0), cacheBlocks: infos.reduce((sum, { blocks }) => sum + blocks, 0) };
    }
  }
}

/** Bytes of memory for a model that takes the place of those that are loaded. */
const available = (): number => thisComputer().available + models.weights;

const { keptFolder } = (workerData ?? {}) as WorkerData;
const withDefaults = ({ kept, ...options }: LoadOptions): LoadOptions => ({ ...options, ...(kept && keptFolder && { kept: { ...kept, folder: keptFolder } }), model: options.model || starterModel(), threads: options.threads || defaultThreads() });

/** The client has cancelled everything: it ends within a pass. */
async function close(): Promise<void> {
  await order.over();
  await models.close();
  port.close();
}
