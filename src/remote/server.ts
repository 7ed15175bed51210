// A team's own server, asked by the maintained client of OpenAI's protocol: vLLM, SGLang, llama-server and Ollama speak it, llama-server's `/infill` besides. This
// folder is a bundle of its own, loaded when the user has named a server and by nothing else.
import OpenAI from 'openai';
import { isRecord } from '../shared/record.ts';
import type { AnswerRequest, CodeRequest, ConnectServer, RemoteServer, ServerAddress, ServerEnd, ServerFacts, ServerKind, ServerModel, ServerPiece } from '../shared/remoteServer.ts';
import { boundedFetch, type Limits } from './boundedFetch.ts';
import { asServerError } from './failures.ts';
import { readAnswer, readCompletion, readInfill, type Read } from './pieces.ts';

/** Until the headers of an answer: a busy server lets requests wait in a queue. */
const HEADERS_MS = 120_000;
/** Models in a list that are looked at. */
const MOST_MODELS = 1000;

export const connectServer: ConnectServer = (address) => connectWithin({}, address);

/** With limits of a test's own. */
export function connectWithin(limits: Partial<Limits>, { url, key }: ServerAddress): RemoteServer {
  const { host } = new URL(url);
  // Nothing of the environment holds here: a key in OPENAI_API_KEY is for another server.
  const client = new OpenAI({
    baseURL: `${url}/v1`, apiKey: key ?? 'none', adminAPIKey: null, organization: null, project: null, webhookSecret: null,
    maxRetries: 0, timeout: HEADERS_MS, logLevel: 'off', fetch: boundedFetch(limits, { 'user-agent': 'DeltaLLM', ...(key !== null && { authorization: `Bearer ${key}` }) }),
  });

  const stream = async (model: string, path: string, body: Record<string, unknown>, read: (event: unknown) => Read, hear: (piece: ServerPiece) => void, stop: AbortSignal): Promise<ServerEnd> => {
    const end: ServerEnd = { reason: 'end', tokens: null };
    let isOver = false;
    try {
      const events = (await client.post(path, { body: { ...body, stream: true }, stream: true, signal: stop })) as AsyncIterable<unknown>;
      for await (const event of events) {
        const { piece, reason, tokens } = read(event);
        if (piece) hear(piece);
        if (reason) [end.reason, isOver] = [reason, true];
        if (tokens) end.tokens = tokens;
      }
      // The client ends a stream that was aborted without a word.
      stop.throwIfAborted();
      if (!isOver) throw new TypeError('terminated');
    } catch (thrown) {
      throw asServerError(thrown, host, model, stop);
    }
    return end;
  };

  return {
    async facts(stop) {
      try {
        return factsIn(await client.get('/models', { signal: stop }));
      } catch (thrown) {
        throw asServerError(thrown, host, '', stop);
      }
    },
    code: (request, hear, stop) => {
      const { form, model } = request;
      return form === 'infill' ? stream(model, `${url}/infill`, infillBody(request), readInfill, hear, stop) : stream(model, '/completions', completionBody(request), readCompletion, hear, stop);
    },
    answer: (request, hear, stop) => stream(request.model, '/chat/completions', answerBody(request), readAnswer, hear, stop),
  };
}

/** `n_probs` 1: each token with its own probability. The model matters where one server has several. */
const infillBody = ({ model, before, after, files, max }: Extract<CodeRequest, { form: 'infill' }>): Record<string, unknown> => ({
  model, input_prefix: before, input_suffix: after, input_extra: files.map(({ path, text }) => ({ filename: path, text })), prompt: '',
  n_predict: max, temperature: 0, n_probs: 1, cache_prompt: true,
});

const completionBody = (request: Exclude<CodeRequest, { form: 'infill' }>): Record<string, unknown> => ({
  model: request.model, max_tokens: request.max, temperature: 0, logprobs: 1, stream_options: { include_usage: true },
  ...(request.form === 'suffix' ? { prompt: request.before, suffix: request.after } : { prompt: request.prompt, stop: request.stops }),
});

const answerBody = ({ model, kind, messages, continues, max, temperature, seed }: AnswerRequest): Record<string, unknown> => ({
  model, messages, max_tokens: max, temperature, ...(seed !== undefined && { seed }), stream_options: { include_usage: true },
  // The other two go on with a last message of the assistant's by themselves.
  ...(continues && (kind === 'vllm' || kind === 'sglang') && { continue_final_message: true, ...(kind === 'vllm' && { add_generation_prompt: false }) }),
});

const owners: Readonly<Record<string, ServerKind>> = { llamacpp: 'llamaServer', vllm: 'vllm', sglang: 'sglang', library: 'ollama' };

/** Which program it is, is said by who owns its models; Ollama names the place that they were pulled from, which is `library` for all but a user's own. */
function factsIn(list: unknown): ServerFacts {
  const data = isRecord(list) && Array.isArray(list.data) ? (list.data as unknown[]).slice(0, MOST_MODELS) : [];
  const known = data.filter(isRecord);
  const owner = known.map(({ owned_by: by }) => (typeof by === 'string' && Object.hasOwn(owners, by) ? owners[by] : undefined)).find((kind) => kind !== undefined);
  return { kind: owner ?? 'other', models: known.flatMap((model) => modelIn(model) ?? []) };
}

/** vLLM and SGLang name the context as `max_model_len`, llama-server in `meta`. */
function modelIn({ id, max_model_len: most, meta }: Record<string, unknown>): ServerModel | null {
  if (typeof id !== 'string' || id === '') return null;
  const { n_ctx: used, n_ctx_train: trained } = isRecord(meta) ? meta : {};
  const context = [most, used, trained].find((value): value is number => Number.isInteger(value) && (value as number) > 0);
  return { id, context: context ?? null };
}
