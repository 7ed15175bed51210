// What the extension does at its two borders, seen from outside of it: what VS Code asks its provider and gets, and what it asks its worker and
// hears. Nothing in the product knows of this: the probe is activated first and wraps VS Code's interface and the class Worker.

import Module from 'node:module';
import workerThreads, { Worker } from 'node:worker_threads';
import type * as vscode from 'vscode';
import { workspace } from 'vscode';
import { agrees } from './agree.ts';

/** One answer of the extension's provider. */
export interface Answer {
  /** Milliseconds since the epoch: of the call, of the answer. */
  asked: number;
  at: number;
  uri: string;
  version: number;
  /** Text before what is replaced, what was given (null: nothing), and the text behind. */
  before: string;
  text: string | null;
  after: string;
  automatic: boolean;
  selected: string | null;
  withdrawn: boolean;
}

/** One generation in the worker. */
export interface Generation {
  id: number;
  /** Only reads, for whoever asks next; it lets everybody pass. */
  reads: boolean;
  at: number;
  path: string;
  before: string;
  after: string;
  /** Written so far, in how many steps. */
  text: string;
  steps: number;
  /** When the extension asked it to stop; when the document no longer fitted; when it was over. */
  cancelled: number | null;
  disagreed: number | null;
  /** Steps heard after the first turn of the event loop that followed the disagreement: what had been sent before has arrived by then. */
  stepsAfter: number;
  ended: number | null;
  reason: string | null;
  /** The worker's own record. */
  result: WorkerRecord | null;
}

export interface WorkerRecord {
  reason: string;
  tokens: { generated: number };
  ms: { prefill: number; decode: number; queued: number };
  /** Passes of others before its first, and the milliseconds until then. */
  waited?: { passes: number; ms: number };
}

export interface Observations {
  providers: number;
  /** Files of the worker threads that were started, by whom ever. */
  workers: string[];
  /** Calls of the provider, answered or not. */
  asked: number;
  answers: Answer[];
  generations: Generation[];
  /** Of generations that write and have neither ended nor been cancelled. */
  mostAlive: number;
  /** Milliseconds that every message of the worker takes, as on a slow machine; 0: as it comes. */
  pieceMs: number;
  /** Calls to the worker with the time, and what was heard of loads. */
  calls: { at: number; call: string }[];
  loaded: number[];
  loading: boolean;
  /** Messages that the extension showed. */
  messages: { at: number; kind: string; text: string; choices: string[] }[];
  /** What it wrote into its log, of every level. */
  log: { at: number; level: string; text: string }[];
  ticks: { count: number; set: Record<string, number> };
  /** For the tests' own use between two functions. */
  store: Record<string, unknown>;
}

const now = () => performance.timeOrigin + performance.now();

export const seen: Observations = { providers: 0, workers: [], asked: 0, answers: [], generations: [], mostAlive: 0, pieceMs: 0, calls: [], loaded: [], loading: false, messages: [], log: [], ticks: { count: 0, set: {} }, store: {} };

export function observe(isOurs: (file: string) => boolean): void {
  observeProvider(isOurs);
  observeWorker();
  workspace.onDidChangeTextDocument(({ document }) => disagree(document));
}

type Loader = { _load: (request: string, parent?: { filename?: string }, ...rest: unknown[]) => unknown };

function observeProvider(isOurs: (file: string) => boolean): void {
  const loader = Module as unknown as Loader;
  const original = loader._load;
  loader._load = function (request, parent, ...rest) {
    const value = original.call(this, request, parent, ...rest);
    return request === 'vscode' && isOurs(parent?.filename ?? '') ? wrapInterface(value as typeof vscode) : value;
  };
}

const replace = <T extends object>(target: T, own: Partial<T>): T => new Proxy(target, { get: (from, name) => (own as never)[name] ?? from[name as keyof T] });

function wrapInterface(api: typeof vscode): typeof vscode {
  const show = (kind: 'showInformationMessage' | 'showWarningMessage' | 'showErrorMessage') => (text: string, ...rest: (string | object)[]) => {
    const choices = rest.flatMap((item) => (typeof item === 'string' ? [item] : 'title' in item ? [String(item.title)] : []));
    seen.messages.push({ at: now(), kind, text, choices });
    return (api.window[kind] as (...args: unknown[]) => Thenable<unknown>)(text, ...rest);
  };
  const window = replace(api.window, {
    showInformationMessage: show('showInformationMessage') as never, showWarningMessage: show('showWarningMessage') as never, showErrorMessage: show('showErrorMessage') as never,
    createOutputChannel: ((...args: [string, { log: true }]) => recordLog(api.window.createOutputChannel(...args))) as never,
  });
  const languages = replace(api.languages, {
    registerInlineCompletionItemProvider(selector, provider) {
      seen.providers++;
      const wrapped = replace(provider, {
        async provideInlineCompletionItems(document, position, context, token) {
          const asked = now();
          seen.asked++;
          const text = document.getText();
          const { version } = document;
          const offset = document.offsetAt(position);
          const result = await provider.provideInlineCompletionItems(document, position, context, token);
          const [item] = Array.isArray(result) ? result : (result?.items ?? []);
          // In the text of the call: the document may be another one by now. What is replaced lies in the cursor's line.
          const start = offset + (item?.range?.start ?? position).character - position.character;
          const end = offset + (item?.range?.end ?? position).character - position.character;
          seen.answers.push({
            asked, at: now(), uri: document.uri.toString(), version, before: text.slice(0, start), after: text.slice(end),
            text: item ? (typeof item.insertText === 'string' ? item.insertText : item.insertText.value) : null,
            automatic: context.triggerKind === api.InlineCompletionTriggerKind.Automatic, selected: context.selectedCompletionInfo?.text ?? null,
            withdrawn: token.isCancellationRequested,
          });
          return result;
        },
      });
      return api.languages.registerInlineCompletionItemProvider(selector, wrapped);
    },
  });
  return replace(api, { languages, window });
}

const levels = ['trace', 'debug', 'info', 'warn', 'error'];

function recordLog(channel: vscode.LogOutputChannel): vscode.LogOutputChannel {
  return new Proxy(channel, {
    get: (from, name) => {
      const value = from[name as keyof vscode.LogOutputChannel] as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (levels.includes(String(name))) seen.log.push({ at: now(), level: String(name), text: String(args[0]) });
        return value.apply(from, args);
      };
    },
  });
}

interface Call {
  id: number;
  call: string;
  cancel?: Int32Array;
  options?: { max?: number; prompt?: { snapshot?: { path: string; before: string; after: string } } };
}
type Reply = { id: number; event: string; text?: string; code?: string; result?: WorkerRecord };

const running = new Map<number, Generation>();
const loads = new Set<number>();
const flags = new Map<ArrayBufferLike, Generation>();

function observeWorker(): void {
  workerThreads.Worker = class extends Worker {
    constructor(file: string | URL, options?: ConstructorParameters<typeof Worker>[1]) {
      super(file, options);
      seen.workers.push(String(file));
    }
  };
  const prototype = Worker.prototype as unknown as { postMessage: (message: unknown, ...rest: unknown[]) => void; emit: (name: string, ...args: unknown[]) => boolean };
  const { postMessage, emit } = prototype;
  prototype.postMessage = function (message, ...rest) {
    seen.store.worker = this; // for tests that end it
    if (typeof (message as Call)?.call === 'string') asked(message as Call);
    return postMessage.call(this, message, ...rest);
  };
  let due = 0;
  prototype.emit = function (name, ...args) {
    if (name !== 'message') return emit.call(this, name, ...args);
    const pass = (): boolean => {
      heard(args[0] as Reply);
      return emit.call(this, name, ...args);
    };
    if (seen.pieceMs === 0 && due <= now()) return pass();
    due = Math.max(due, now()) + seen.pieceMs;
    setTimeout(pass, due - now());
    return true;
  };
  const store = Atomics.store as (array: Int32Array, index: number, value: number) => number;
  Atomics.store = ((array: Int32Array, index: number, value: number) => {
    const generation = flags.get(array.buffer);
    if (generation && value !== 0) generation.cancelled ??= now();
    return store(array, index, value);
  }) as typeof Atomics.store;
}

function asked({ id, call, cancel, options }: Call): void {
  seen.calls.push({ at: now(), call });
  if (call === 'load') {
    loads.add(id);
    seen.loading = true;
  }
  if (call !== 'generate') return;
  const { path = '', before = '', after = '' } = options?.prompt?.snapshot ?? {};
  const generation: Generation = { id, reads: options?.max === 0, at: now(), path, before, after, text: '', steps: 0, cancelled: null, disagreed: null, stepsAfter: 0, ended: null, reason: null, result: null };
  seen.generations.push(generation);
  running.set(id, generation);
  if (cancel) flags.set(cancel.buffer, generation);
  seen.mostAlive = Math.max(seen.mostAlive, [...running.values()].filter(({ reads, cancelled }) => !reads && cancelled === null).length);
}

function heard({ id, event, text = '', code, result }: Reply): void {
  if (loads.has(id) && event !== 'progress') {
    loads.delete(id);
    seen.loading = false;
    if (event === 'done') seen.loaded.push(now());
  }
  const generation = running.get(id);
  if (!generation) return;
  if (event === 'text') {
    generation.steps++;
    generation.text += text;
    if (flushed.has(generation)) generation.stepsAfter++;
    // What was typed before it began to write may be something else.
    const document = workspace.textDocuments.find(({ uri }) => uri.path.endsWith(generation.path));
    if (document) disagree(document);
  } else if (event === 'done' || event === 'failed') {
    generation.ended = now();
    generation.reason = result?.reason ?? code ?? event;
    if (result) generation.result = { reason: result.reason, tokens: result.tokens, ms: result.ms, waited: result.waited };
    running.delete(id);
  }
}

const flushed = new WeakSet<Generation>();

/** A generation whose document says something else now must be gone after one more step. */
function disagree(document: vscode.TextDocument): void {
  for (const generation of running.values()) {
    if (generation.disagreed !== null || !document.uri.path.endsWith(generation.path) || agrees(generation, document.getText())) continue;
    generation.disagreed = now();
    setImmediate(() => setImmediate(() => flushed.add(generation)));
  }
}
