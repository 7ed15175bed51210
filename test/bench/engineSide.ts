// One side of engine.ts, our engine or node-llama-cpp, in a process of its own, so that its memory is its own. Speaks by messages with its parent.
import { resolve } from 'node:path';
import { measureRow, type BenchRow } from '../../src/cli/bench.ts';
import { RuntimeClient } from '../../src/session/client.ts';
import type { LoadOptions } from '../../src/session/protocol.ts';
import { benchTokens } from '../../src/session/stageBudget.ts';
import { openPeer } from '../support/peer.ts';

export interface SideOptions {
  side: 'ours' | 'peer';
  model: string;
  threads: number;
  attention: LoadOptions['attention'];
  /** Tokens that the peer makes room for. */
  contextSize: number;
}

export interface Request {
  context: number;
  /** To decode after the context; 0 where the context is to be read from nothing. */
  tokens: number;
}

/** The first message. */
export interface Ready {
  parameters: number;
  kernels: string;
}

export interface Measured {
  /** Milliseconds of a token, median. */
  decode: number;
  /** What was missing of the context. */
  prefill: { tokens: number; seconds: number };
  cacheBytes: number;
  /** Our own stages. */
  row?: BenchRow;
}

type Measure = (request: Request) => Promise<Measured>;

async function ours({ model: path, threads, attention }: SideOptions): Promise<{ ready: Ready; measure: Measure; close(): Promise<void> }> {
  const client = RuntimeClient.start(resolve('dist'));
  const { parameters, kernels, vocabulary } = await client.call('load', { model: path, threads, attention, cacheBytes: 8e9, background: false });
  let cold = 0;
  const measure: Measure = async ({ context, tokens }) => {
    if (tokens === 0) {
      // Another first token each time: nothing of it is in the cache.
      const { ms, tokens: { reused } } = await client.call('generate', { prompt: { tokens: [cold++, ...benchTokens(vocabulary, context - 1)] }, max: 1, sampling: { temperature: 0 }, approximate: false });
      if (reused > 0) throw new Error(`${reused} tokens were not read anew`);
      return { decode: 0, prefill: { tokens: context, seconds: ms.prefill / 1000 }, cacheBytes: 0 };
    }
    const row = await measureRow({ client }, context, tokens);
    return { decode: row.decode.step, prefill: { tokens: row.prefill.tokens, seconds: row.prefill.tokens === 0 ? 0 : row.prefill.tokens / row.prefill.perSecond }, cacheBytes: row.cacheBytes, row };
  };
  return { ready: { parameters, kernels }, measure, close: () => client.close() };
}

async function theirs({ model, threads, contextSize }: SideOptions): Promise<{ ready: Ready; measure: Measure; close(): Promise<void> }> {
  const peer = await openPeer(model, { threads, contextSize });
  const measure: Measure = async (request) => {
    if (request.tokens > 0) return { ...(await peer.decodeSpeed(request)), cacheBytes: peer.cacheBytes() };
    return { decode: 0, prefill: { tokens: request.context, seconds: request.context / (await peer.prefillSpeed(request.context)) }, cacheBytes: 0 };
  };
  return { ready: { parameters: 0, kernels: '' }, measure, close: () => peer.dispose() };
}

export async function run(): Promise<void> {
  const options = JSON.parse(process.argv[2]) as SideOptions;
  const { ready, measure, close } = await (options.side === 'ours' ? ours : theirs)(options);
  // Also when the parent is no more.
  process.once('disconnect', () => process.exit());
  process.on('message', (request: Request | 'close') => {
    if (request === 'close') void close().then(() => process.disconnect());
    else void measure(request).then((measured) => process.send!(measured));
  });
  process.send!(ready);
}
