// The reference engine: node-llama-cpp (llama.cpp on the CPU), installed apart under test/peer, never downloading anything itself.
//
// How full logits are had: `controlledEvaluate` with `generateNext: { logits: true }` and a sampler that changes nothing
// (temperature 1, topK 0, topP 1, minP 0, no penalties). The map then has one entry for every token of the vocabulary with
// llama.cpp's raw float32 logit: nothing is truncated (`logProbabilities` checks the size). `probabilities: true` has all entries
// too, but its float32 soft-max loses the tail (below 1e-38 it is 0), so the log-soft-max is taken here in double precision.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

// Found from the working directory, not from this file: scripts and `deltallm bench` bundle it. All run in the repository root.
const folder = resolve('test/peer');
const entry = `${folder}/node_modules/node-llama-cpp/dist/index.js`;

/** Set before the library is imported: it must neither download nor build. */
const offline = {
  NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true',
  NODE_LLAMA_CPP_GPU: 'false',
};

/** Imports the library. It, and the process in which it tries its binary, read CI as a boolean and throw at any other value. */
async function importLibrary(): Promise<{ getLlama(options: Record<string, unknown>): Promise<Llama> }> {
  Object.assign(process.env, offline, process.env.CI ? { CI: 'true' } : {});
  return await import(/* @vite-ignore */ pathToFileURL(entry).href);
}

const engines = new Map<number, Promise<Llama>>();

/** One for all models of so many threads: before it is there its binary is tried in a process of its own, which takes as long as a small test. */
function engineOf(threads: number): Promise<Llama> {
  let engine = engines.get(threads);
  if (!engine) engines.set(threads, (engine = importLibrary().then(({ getLlama }) => getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel: 'error', maxThreads: threads }))));
  return engine;
}

/** Why the peer cannot run here, or nothing. */
export function peerUnsupported(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return `the peer is installed for linux-x64 only, this is ${process.platform}-${process.arch}`;
  return undefined;
}

export function peerInstalled(): boolean {
  return existsSync(entry);
}

/** Installs the peer when it is missing. */
export function ensurePeer(): void {
  if (peerInstalled()) return;
  // Not `npm ci`: the library is not published for every platform that it lists, and `npm ci` refuses such a lock.
  const { status, stderr, error } = spawnSync('npm', ['install', '--no-save', '--ignore-scripts', '--omit=optional'], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...offline },
  });
  if (status !== 0) throw new Error(`The peer could not be installed (npm install in test/peer): ${error?.message ?? stderr}`);
}

export interface PeerOptions {
  threads?: number;
  contextSize?: number;
  flashAttention?: boolean;
  /** Keys and values in float32, as our mode *exact* keeps them; without flashAttention. */
  exactCache?: boolean;
}

// What is used of the library, written down here because it is installed apart from the type checker's node_modules.
interface Next {
  logits?: Map<number, number>;
}
type GenerateNext = ({ logits: true } | { token: true }) & { options: Record<string, number> };
type EvaluateInput = number | [number, { generateNext: GenerateNext }];
interface Sequence {
  clearHistory(): Promise<void>;
  eraseContextTokenRanges(ranges: { start: number; end: number }[]): Promise<void>;
  readonly nextTokenIndex: number;
  controlledEvaluate(input: EvaluateInput[]): Promise<(undefined | { next: Next })[]>;
  evaluate(tokens: number[], options: Record<string, unknown>): AsyncGenerator<number>;
  evaluateWithoutGeneratingNewTokens(tokens: number[]): Promise<void>;
  adaptStateToTokens(tokens: number[], allowShift: boolean): Promise<void>;
}
interface Model {
  tokenize(text: string, specialTokens?: boolean): number[];
  detokenize(tokens: number[], specialTokens?: boolean): string;
  createContext(options: Record<string, unknown>): Promise<{ getSequence(): Sequence; readonly stateSize: number; dispose(): Promise<void> }>;
  fileInfo: { metadata: { tokenizer?: { ggml?: { tokens?: unknown[] } } } };
  dispose(): Promise<void>;
}
interface Llama {
  loadModel(options: Record<string, unknown>): Promise<Model>;
}

export interface Peer {
  /** Without BOS; special tokens in the text are plain text unless `special`. */
  tokenize(text: string, special?: boolean): number[];
  detokenize(tokens: number[]): string;
  /** For each of `positions` (indices into `tokens`), the natural-log probabilities of the next token, `[vocabulary]`. */
  logProbabilities(tokens: number[], positions: number[]): Promise<Float32Array[]>;
  /** The n most likely continuations, one after the other; stops early at the model's end token. */
  greedy(tokens: number[], n: number): Promise<number[]>;
  /**
   * Median milliseconds per decoded token after `context` tokens of context, over `tokens` tokens. The context is kept from call to call and
   * only extended: `prefill` says by how many tokens, and in how many seconds.
   */
  decodeSpeed(options: { context: number; tokens: number }): Promise<{ decode: number; prefill: { tokens: number; seconds: number } }>;
  /** Its own reuse of a prefix: keeps what the last prompt and this one begin with alike, reads the rest and finds the next token. Tokens that were read, and milliseconds. */
  followUp(tokens: number[]): Promise<{ computed: number; ms: number }>;
  /** Bytes of the keys and values of the tokens that it holds: of its saved state, less that of an empty context. */
  cacheBytes(): number;
  /** Prefill of n tokens from nothing: tokens per second. */
  prefillSpeed(n: number): Promise<number>;
  dispose(): Promise<void>;
}

const neutralSampler = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 0 };

function logSoftmax(logits: Map<number, number>, vocabulary: number): Float32Array {
  if (logits.size !== vocabulary) throw new Error(`The peer gave ${logits.size} logits of ${vocabulary}.`);
  let max = -Infinity;
  for (const value of logits.values()) max = Math.max(max, value);
  let sum = 0;
  for (const value of logits.values()) sum += Math.exp(value - max);
  const shift = max + Math.log(sum);
  const result = new Float32Array(vocabulary);
  for (const [token, value] of logits) result[token] = value - shift;
  return result;
}

/** Tokens for speed runs: any ids will do, special ones (at the end of the vocabulary) left out. */
function speedTokens(vocabulary: number, n: number): number[] {
  const usable = Math.floor(vocabulary * 0.9);
  return Array.from({ length: n }, (_, i) => (i * 7919 + 13) % usable);
}

export async function openPeer(gguf: string, options: PeerOptions = {}): Promise<Peer> {
  const { threads = 2, contextSize = 2048, exactCache = false, flashAttention = !exactCache } = options;
  ensurePeer();
  const model = await (await engineOf(threads)).loadModel({ modelPath: gguf, gpuLayers: 0 });
  const context = await model.createContext({
    contextSize,
    batchSize: Math.min(512, contextSize),
    threads,
    flashAttention,
    ...(exactCache && { experimentalKvCacheKeyType: 'F32', experimentalKvCacheValueType: 'F32' }),
    // A smaller context than asked for would silently drop tokens.
    failedCreationRemedy: false,
  });
  const sequence = context.getSequence();
  const emptyState = context.stateSize;
  const vocabulary = model.fileInfo.metadata.tokenizer?.ggml?.tokens?.length ?? 0;

  // What the sequence holds is a beginning of speedTokens.
  let holdsSpeedTokens = false;

  const mustFit = (tokens: number) => {
    if (tokens > contextSize) throw new Error(`The peer was opened for ${contextSize} tokens, ${tokens} were asked for.`);
  };

  return {
    tokenize: (text, special = false) => [...model.tokenize(text, special)],
    detokenize: (tokens) => model.detokenize(tokens, true),

    async logProbabilities(tokens, positions) {
      mustFit(tokens.length);
      holdsSpeedTokens = false;
      await sequence.clearHistory();
      const wanted = new Set(positions);
      const output = await sequence.controlledEvaluate(
        tokens.map((token, i) => (wanted.has(i) ? [token, { generateNext: { logits: true, options: neutralSampler } }] : token)),
      );
      return positions.map((position) => {
        const logits = output[position]?.next.logits;
        if (!logits) throw new Error(`The peer gave no logits at position ${position}.`);
        return logSoftmax(logits, vocabulary);
      });
    },

    async greedy(tokens, n) {
      mustFit(tokens.length + n);
      holdsSpeedTokens = false;
      await sequence.clearHistory();
      const result: number[] = [];
      for await (const token of sequence.evaluate(tokens, { temperature: 0 })) {
        result.push(token);
        if (result.length >= n) break;
      }
      return result;
    },

    async decodeSpeed({ context: length, tokens }) {
      mustFit(length + tokens + 4);
      const ids = speedTokens(vocabulary, length + 2 + tokens);
      if (!holdsSpeedTokens) await sequence.clearHistory();
      holdsSpeedTokens = true;
      const held = sequence.nextTokenIndex;
      const started = performance.now();
      if (held > length) await sequence.eraseContextTokenRanges([{ start: length, end: held }]);
      else if (held < length) await sequence.evaluateWithoutGeneratingNewTokens(ids.slice(held, length));
      const prefill = { tokens: Math.max(0, length - held), seconds: (performance.now() - started) / 1000 };
      const times: number[] = [];
      for (const [i, id] of ids.slice(length).entries()) {
        const begun = performance.now();
        // A whole decode step, head and greedy choice included (without a wanted token llama.cpp skips the head); the choice is
        // replaced by a known id, so that both engines see the same text and an end token stops nothing.
        await sequence.controlledEvaluate([[id, { generateNext: { token: true, options: { temperature: 0 } } }]]);
        if (i >= 2) times.push(performance.now() - begun);
      }
      return { decode: times.sort((a, b) => a - b)[times.length >> 1], prefill };
    },

    async followUp(tokens) {
      mustFit(tokens.length);
      holdsSpeedTokens = false;
      const started = performance.now();
      await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
      const held = sequence.nextTokenIndex;
      const rest = tokens.slice(held, -1);
      if (rest.length > 0) await sequence.evaluateWithoutGeneratingNewTokens(rest);
      await sequence.controlledEvaluate([[tokens.at(-1)!, { generateNext: { token: true, options: { temperature: 0 } } }]]);
      return { computed: tokens.length - held, ms: performance.now() - started };
    },

    cacheBytes: () => context.stateSize - emptyState,

    async prefillSpeed(n) {
      mustFit(n);
      holdsSpeedTokens = false;
      await sequence.clearHistory();
      const started = performance.now();
      await sequence.evaluateWithoutGeneratingNewTokens(speedTokens(vocabulary, n));
      return (n * 1000) / (performance.now() - started);
    },

    async dispose() {
      await context.dispose();
      await model.dispose();
    },
  };
}
