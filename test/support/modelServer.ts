// A model server of our own that speaks as llama-server, vLLM, SGLang and Ollama do. What it answers is written after what they document and send:
//   llama-server  tools/server/README.md (`/infill`, `/v1/models` with `owned_by: "llamacpp"`, 503 "Loading model" while it loads, 401 "Invalid API Key")
//   vLLM          entrypoints/openai (`owned_by: "vllm"`, `max_model_len`; `suffix` is refused with 400; `logprobs.tokens` and `token_logprobs`)
//   SGLang        entrypoints/openai (`owned_by: "sglang"`; `reasoning_content`)
//   Ollama        openai/openai.go (`owned_by: "library"`; no log-probabilities; `reasoning`; the model that is not there: 404 `not_found_error`)
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export type Spoken = 'llamaServer' | 'vllm' | 'sglang' | 'ollama';

export interface ModelServerRules {
  speaks?: Spoken;
  models?: readonly string[];
  /** Without it nothing is answered. */
  key?: string;
  /** What is written, in the pieces of its tokens. Default: a comment. */
  write?: (request: Asked) => readonly string[];
  /** What is thought before, of an answer. */
  thinks?: readonly string[];
  /** Natural log-probability of each token. */
  logProbability?: number;
  /** Milliseconds before the first piece, and between two. */
  wait?: number;
  between?: number;
  /** Pieces after which the connection breaks. */
  cutAfter?: number;
  /** Answers all but the list of models with this in its place. */
  instead?: (response: http.ServerResponse, asked: Asked) => void;
  /** The same for the list of models. */
  insteadOfModels?: (response: http.ServerResponse) => void;
}

export interface Asked {
  path: string;
  headers: http.IncomingHttpHeaders;
  body: Record<string, any>;
  /** The client went before all was written. */
  aborted: boolean;
}

export interface ModelServer {
  url: string;
  host: string;
  rules: ModelServerRules;
  /** All but lists of models. */
  asked: Asked[];
  lists: number;
  /** Everything that was ever sent here, as it came. */
  raw: string;
  close(): Promise<void>;
}

const owners: Record<Spoken, string> = { llamaServer: 'llamacpp', vllm: 'vllm', sglang: 'sglang', ollama: 'library' };

const failure = (speaks: Spoken, status: number, message: string, type: string): object => {
  if (speaks === 'llamaServer') return { error: { code: status, message, type } };
  return { error: { message, type, param: null, code: speaks === 'ollama' ? null : status } };
};

export function refuse(response: http.ServerResponse, speaks: Spoken, status: number, message: string, type: string): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(failure(speaks, status, message, type)));
}

export async function modelServer(rules: ModelServerRules = {}, port = 0): Promise<ModelServer> {
  const made: ModelServer = { url: '', host: '', rules, asked: [], lists: 0, raw: '', close: async () => {} };
  const server = http.createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => {
      made.raw += `${request.url}\n${JSON.stringify(request.headers)}\n${text}\n`;
      const { speaks = 'vllm', key, models = ['qwen2.5-coder-7b'] } = made.rules;
      if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) return refuse(response, speaks, 401, speaks === 'llamaServer' ? 'Invalid API Key' : 'Unauthorized', 'authentication_error');
      if (request.url === '/v1/models') {
        made.lists++;
        if (made.rules.insteadOfModels) return made.rules.insteadOfModels(response);
        const extra = speaks === 'llamaServer' ? { meta: { n_ctx_train: 32_768 } } : speaks === 'ollama' ? {} : { max_model_len: 8192 };
        return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ object: 'list', data: models.map((id) => ({ id, object: 'model', created: 1, owned_by: owners[speaks], ...extra })) }));
      }
      const asked: Asked = { path: request.url ?? '', headers: request.headers, body: JSON.parse(text || '{}'), aborted: false };
      made.asked.push(asked);
      response.on('close', () => (asked.aborted = !response.writableEnded));
      if (made.rules.instead) return made.rules.instead(response, asked);
      void answer(response, asked, made.rules, speaks, models);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  made.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  made.url = `http://${made.host}`;
  made.close = () => new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
  return made;
}

async function answer(response: http.ServerResponse, asked: Asked, rules: ModelServerRules, speaks: Spoken, models: readonly string[]): Promise<void> {
  const { path, body } = asked;
  const isInfill = path === '/infill' && speaks === 'llamaServer';
  const isChat = path === '/v1/chat/completions';
  if (!isInfill && !isChat && path !== '/v1/completions') return refuse(response, speaks, 404, 'Not Found', 'not_found_error');
  if (speaks !== 'llamaServer' && !models.includes(body.model)) return refuse(response, speaks, 404, `model '${body.model}' not found`, 'not_found_error');
  if (speaks === 'vllm' && body.suffix !== undefined) return refuse(response, speaks, 400, 'suffix is not currently supported', 'BadRequestError');
  const { write = () => ['// written', ' by', ' the server\n'], thinks = [], logProbability = -0.05, wait = 0, between = 0, cutAfter = Infinity } = rules;
  response.writeHead(200, { 'content-type': isInfill || speaks !== 'ollama' ? 'text/event-stream; charset=utf-8' : 'text/event-stream' });
  response.flushHeaders();
  const pause = (ms: number): Promise<void> => new Promise((resolve) => (ms > 0 ? setTimeout(resolve, ms) : setImmediate(resolve)));
  const send = (event: object): void => void response.write(`data: ${JSON.stringify(event)}\n\n`);
  const written = write(asked);
  const most = isInfill ? body.n_predict : body.max_tokens;
  const tokens = written.slice(0, most);
  const prompt = Math.ceil(JSON.stringify(body).length / 4);
  const base = { id: 'cmpl-1', object: isChat ? 'chat.completion.chunk' : 'text_completion', created: 1, model: body.model };
  const chunk = (text: string, reason: string | null): object => {
    if (isInfill) return { index: 0, content: text, tokens: [1], stop: false, id_slot: 0, tokens_predicted: 1, tokens_evaluated: prompt, ...(body.n_probs > 0 && { completion_probabilities: [{ id: 1, token: text, bytes: [...Buffer.from(text)], logprob: logProbability, top_logprobs: [{ id: 1, token: text, bytes: [...Buffer.from(text)], logprob: logProbability }] }] }) };
    if (isChat) return { ...base, choices: [{ index: 0, delta: { role: 'assistant', content: text }, finish_reason: reason }] };
    const scores = speaks === 'ollama' || !body.logprobs ? {} : speaks === 'llamaServer' ? { logprobs: { content: [{ id: 1, token: text, bytes: [], logprob: logProbability, top_logprobs: [] }] } } : { logprobs: { text_offset: [0], tokens: [text], token_logprobs: [logProbability], top_logprobs: [{ [text]: logProbability }] } };
    return { ...base, choices: [{ index: 0, text, ...scores, finish_reason: reason, stop_reason: null }] };
  };
  await pause(wait);
  if (isChat && thinks.length > 0) for (const text of thinks) send({ ...base, choices: [{ index: 0, delta: { role: 'assistant', content: '', [speaks === 'ollama' ? 'reasoning' : 'reasoning_content']: text }, finish_reason: null }] });
  for (const [i, text] of tokens.entries()) {
    if (response.destroyed) return;
    if (i === cutAfter) return void response.socket?.destroy();
    send(chunk(text, null));
    await pause(between);
  }
  if (response.destroyed) return;
  if (tokens.length === cutAfter) return void response.socket?.destroy();
  const reason = tokens.length < written.length ? 'length' : 'stop';
  if (isInfill) {
    send({ index: 0, content: '', tokens: [], id_slot: 0, stop: true, model: 'x.gguf', tokens_predicted: tokens.length, tokens_evaluated: prompt, truncated: false, stop_type: reason === 'length' ? 'limit' : 'eos', stopping_word: '', timings: { prompt_n: Math.ceil(prompt / 2) }, prompt: 'p'.repeat(5000) });
  } else {
    send(isChat ? { ...base, choices: [{ index: 0, delta: {}, finish_reason: reason }] } : { ...base, choices: [{ index: 0, text: '', logprobs: null, finish_reason: reason }] });
    if (body.stream_options?.include_usage) send({ ...base, choices: [], usage: { prompt_tokens: prompt, completion_tokens: tokens.length, total_tokens: prompt + tokens.length, ...(speaks === 'vllm' && { prompt_tokens_details: { cached_tokens: 7 } }) } });
    response.write('data: [DONE]\n\n');
  }
  response.end();
}
