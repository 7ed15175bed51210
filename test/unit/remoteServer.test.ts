// The bundle that talks to a team's own server, against a server of ours: what it asks in each protocol, what it hears, and what it says when things go wrong.
import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { connectWithin } from '../../src/remote/server.ts';
import { readAnswer, readCompletion, readInfill } from '../../src/remote/pieces.ts';
import { asDeltaError, type ErrorCode } from '../../src/shared/errors.ts';
import type { AnswerRequest, CodeRequest, ServerPiece } from '../../src/shared/remoteServer.ts';
import type { Limits } from '../../src/remote/boundedFetch.ts';
import { modelServer, refuse, type ModelServer, type ModelServerRules, type Spoken } from '../support/modelServer.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const serve = async (rules: ModelServerRules = {}): Promise<ModelServer> => {
  const server = await modelServer(rules);
  closing.push(server.close);
  return server;
};

const never = new AbortController().signal;
setMaxListeners(0, never);
const prompted: CodeRequest = { form: 'prompt', model: 'qwen2.5-coder-7b', max: 16, prompt: '<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>', stops: ['<|file_sep|>'] };
const suffixed: CodeRequest = { form: 'suffix', model: 'qwen2.5-coder-7b', max: 16, before: 'a', after: 'b' };
const infilled: CodeRequest = { form: 'infill', model: 'x.gguf', max: 16, before: 'a', after: 'b', files: [{ path: 'c.ts', text: 'c' }] };
const question: AnswerRequest = { model: 'qwen2.5-coder-7b', kind: 'vllm', messages: [{ role: 'user', content: 'Hello' }], continues: false, max: 16, temperature: 0 };

async function write(server: { url: string }, request: CodeRequest, { limits = {}, key = null, stop = never }: { limits?: Partial<Limits>; key?: string | null; stop?: AbortSignal } = {}) {
  const pieces: ServerPiece[] = [];
  const end = await connectWithin(limits, { url: server.url, key }).code(request, (piece) => pieces.push(piece), stop);
  return { pieces, text: pieces.map(({ text }) => text).join(''), ...end };
}

async function failure(work: Promise<unknown>): Promise<{ code: ErrorCode; sentence: string }> {
  const error = asDeltaError(await work.then(() => new Error('it succeeded'), (thrown: unknown) => thrown));
  return { code: error.code, sentence: error.message };
}

describe('a completion', () => {
  const forms: [Spoken, CodeRequest, string][] = [['vllm', prompted, '/v1/completions'], ['sglang', prompted, '/v1/completions'], ['ollama', suffixed, '/v1/completions'], ['llamaServer', infilled, '/infill'], ['llamaServer', prompted, '/v1/completions']];

  it.each(forms)('of %s arrives piece by piece, with its probabilities where the server says them', async (speaks, request, path) => {
    const server = await serve({ speaks });
    const { text, pieces, reason, tokens } = await write(server, request);
    expect(text).toBe('// written by the server\n');
    expect(pieces.length).toBe(3);
    expect(pieces[1].tokens).toEqual(speaks === 'ollama' ? null : [{ text: ' by', logProbability: -0.05 }]);
    expect(reason).toBe('end');
    expect(tokens).toMatchObject({ generated: 3 });
    expect(server.asked.map((asked) => asked.path)).toEqual([path]);
  });

  it('asks for what the protocol names, greedily and with no more than is wanted', async () => {
    const server = await serve({ speaks: 'llamaServer' });
    await write(server, infilled);
    expect(server.asked[0].body).toEqual({ model: 'x.gguf', input_prefix: 'a', input_suffix: 'b', input_extra: [{ filename: 'c.ts', text: 'c' }], prompt: '', n_predict: 16, temperature: 0, n_probs: 1, cache_prompt: true, stream: true });
    await write(server, suffixed);
    expect(server.asked[1].body).toEqual({ model: 'qwen2.5-coder-7b', prompt: 'a', suffix: 'b', max_tokens: 16, temperature: 0, logprobs: 1, stream: true, stream_options: { include_usage: true } });
    await write(server, prompted);
    expect(server.asked[2].body).toMatchObject({ prompt: prompted.form === 'prompt' ? prompted.prompt : '', stop: ['<|file_sep|>'] });
  });

  it('that a limit ended says so', async () => {
    for (const [speaks, request] of forms) expect((await write(await serve({ speaks }), { ...request, max: 2 })).reason).toBe('length');
  });

  it('ends its request when it is stopped, at once', async () => {
    const server = await serve({ between: 50, write: () => Array(1000).fill('x') });
    const stop = new AbortController();
    const pieces: ServerPiece[] = [];
    const work = connectWithin({}, { url: server.url, key: null }).code(prompted, (piece) => {
      if (pieces.push(piece) === 2) stop.abort();
    }, stop.signal);
    expect(await failure(work)).toMatchObject({ code: 'cancelled' });
    await expect.poll(() => server.asked[0].aborted).toBe(true);
    expect(pieces.length).toBe(2);
  });

  it('that was stopped before it began sends nothing', async () => {
    const server = await serve();
    expect(await failure(write(server, prompted, { stop: AbortSignal.abort() }))).toMatchObject({ code: 'cancelled' });
    expect(server.asked).toEqual([]);
  });
});

describe('what is told of this computer', () => {
  it('is the key for this server and nothing else, whatever the environment holds', async () => {
    const planted = { OPENAI_API_KEY: 'sk-of-another', OPENAI_ORG_ID: 'org-of-another', OPENAI_PROJECT_ID: 'proj-of-another', OPENAI_BASE_URL: 'http://127.0.0.1:9', OPENAI_CUSTOM_HEADERS: 'x-planted: planted\nauthorization: Bearer planted', OPENAI_ADMIN_KEY: 'admin-of-another', OPENAI_WEBHOOK_SECRET: 'hook-of-another' };
    const before = { ...process.env };
    Object.assign(process.env, planted);
    try {
      const server = await serve({ speaks: 'vllm', key: 'the-key' });
      const remote = connectWithin({}, { url: server.url, key: 'the-key' });
      await remote.facts(never);
      await remote.code(prompted, () => {}, never);
      await remote.answer(question, () => {}, never);
      expect(server.raw).not.toMatch(/another|planted|stainless|linux|node/i);
      expect(Object.keys(server.asked[0].headers).sort()).toEqual(['accept', 'accept-encoding', 'accept-language', 'authorization', 'connection', 'content-length', 'content-type', 'host', 'sec-fetch-mode', 'user-agent']);
      expect(server.asked[0].headers['user-agent']).toBe('DeltaLLM');
      const open = await serve();
      await write(open, prompted);
      expect(open.asked[0].headers.authorization).toBeUndefined();
    } finally {
      for (const name of Object.keys(planted)) delete process.env[name];
      Object.assign(process.env, before);
    }
  });
});

describe('the way to a server', () => {
  it('is the fetch that is there when something is asked: in VS Code its own, with the user’s proxy and certificates', async () => {
    const server = await serve();
    const remote = connectWithin({}, { url: server.url, key: null });
    const { fetch: own } = globalThis;
    const asked: string[] = [];
    globalThis.fetch = (input, init) => (asked.push(`${init?.redirect} ${String(input)}`), own(input, init));
    try {
      await remote.facts(never);
      await remote.code(infilled, () => {}, never).catch(() => {});
    } finally {
      globalThis.fetch = own;
    }
    expect(asked).toEqual([`manual ${server.url}/v1/models`, `manual ${server.url}/infill`]);
  });
});

describe('an answer', () => {
  it.each<[Spoken]>([['vllm'], ['sglang'], ['ollama'], ['llamaServer']])('of %s tells apart what was thought', async (speaks) => {
    const server = await serve({ speaks, thinks: ['Well', ', hm'], write: () => ['Hel', 'lo.'] });
    const pieces: ServerPiece[] = [];
    const end = await connectWithin({}, { url: server.url, key: null }).answer({ ...question, kind: speaks }, (piece) => pieces.push(piece), never);
    expect(pieces.map(({ text }) => text).join('')).toBe('Hello.');
    expect(pieces.map(({ reasoning }) => reasoning).join('')).toBe('Well, hm');
    expect(end).toMatchObject({ reason: 'end', tokens: { generated: 2 } });
  });

  it('goes on with what is there in the way that each server has for it', async () => {
    for (const [speaks, wanted] of [['vllm', { continue_final_message: true, add_generation_prompt: false }], ['sglang', { continue_final_message: true }], ['llamaServer', {}]] as const) {
      const server = await serve({ speaks });
      await connectWithin({}, { url: server.url, key: null }).answer({ ...question, kind: speaks, continues: true, temperature: 0.8, seed: 2 }, () => {}, never);
      const { continue_final_message, add_generation_prompt, seed, temperature } = server.asked[0].body;
      expect(JSON.parse(JSON.stringify({ continue_final_message, add_generation_prompt }))).toEqual(wanted);
      expect([seed, temperature]).toEqual([2, 0.8]);
    }
  });
});

describe('the list of models', () => {
  it.each<[Spoken, number | null]>([['vllm', 8192], ['sglang', 8192], ['ollama', null], ['llamaServer', 32_768]])('says that it is %s, and what its models are', async (speaks, context) => {
    const server = await serve({ speaks, models: ['one', 'two'] });
    expect(await connectWithin({}, { url: server.url, key: null }).facts(never)).toEqual({ kind: speaks, models: [{ id: 'one', context }, { id: 'two', context }] });
  });

  it('may be of somebody else, or nonsense', async () => {
    const list = async (body: unknown) => connectWithin({}, { url: (await serve({ insteadOfModels: (response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)) })).url, key: null }).facts(never);
    expect(await list({ data: [{ id: 'x', owned_by: 'somebody', max_model_len: -1 }, { id: 7 }, null, 'x'] })).toEqual({ kind: 'other', models: [{ id: 'x', context: null }] });
    expect(await list({ data: 'none' })).toEqual({ kind: 'other', models: [] });
    expect(await list([1])).toEqual({ kind: 'other', models: [] });
  });
});

describe('a failure is one plain sentence', () => {
  const instead = (act: NonNullable<ModelServerRules['instead']>): ModelServerRules => ({ instead: act });
  const json = (status: number, body: string, type = 'application/json'): ModelServerRules => instead((response) => void response.writeHead(status, { 'content-type': type }).end(body));
  const events = (body: string): ModelServerRules => json(200, body, 'text/event-stream');
  const answers: [string, ModelServerRules, ErrorCode, RegExp][] = [
    ['401', instead((response) => refuse(response, 'llamaServer', 401, 'Invalid API Key', 'authentication_error')), 'serverRefusesKey', /refuses the key/],
    ['403 with a page', json(403, '<html>Forbidden</html>', 'text/html'), 'serverRefusesKey', /refuses the key/],
    ['404', instead((response) => refuse(response, 'ollama', 404, "model 'x' not found", 'not_found_error')), 'serverLacksModel', /does not have qwen2\.5-coder-7b/],
    ['429', instead((response) => refuse(response, 'vllm', 429, 'slow down', 'rate_limit')), 'serverBusy', /too much to do/],
    ['500 with a stack trace', json(500, `{"error":{"message":"${'Traceback '.repeat(2000)}"}}`), 'serverFailed', /failed \(500\)/],
    ['400', instead((response) => refuse(response, 'vllm', 400, 'suffix is not currently supported', 'BadRequestError')), 'serverFailed', /failed \(400\)/],
    ['503 while it loads', instead((response) => refuse(response, 'llamaServer', 503, 'Loading model', 'unavailable_error')), 'serverLoading', /still loading/],
    ['503', json(503, '', 'text/plain'), 'serverFailed', /failed \(503\)/],
    ['a redirect', instead((response) => void response.writeHead(302, { location: 'https://login.example/?secret=1' }).end()), 'serverRedirects', /sends on to https:\/\/login\.example,/],
    ['a page', json(200, '<html>Welcome</html>', 'text/html'), 'serverAnswerInvalid', /a document of type text\/html/],
    ['no type', instead((response) => void response.writeHead(200).end('data: {}\n\n')), 'serverAnswerInvalid', /type unknown/],
    ['garbage', events('data: {"choices": [{]}\n\n'), 'serverAnswerInvalid', /no JSON/],
    ['an error in the stream', events('data: {"error":{"code":500,"message":"boom","type":"server_error"}}\n\n'), 'serverFailed', /failed \(500\)/],
    ['an error in the stream that says nothing', events('data: {"error":"boom"}\n\n'), 'serverFailed', /in the middle of a text/],
    ['an end without an end', events('data: {"choices":[{"index":0,"text":"x","finish_reason":null}]}\n\n'), 'serverUnreachable', /cut off/],
    ['an empty stream', events(''), 'serverUnreachable', /cut off/],
    ['a cut in the middle', { cutAfter: 2 }, 'serverUnreachable', /does not answer/],
    ['a line without end', instead((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: ');
      const more = (): void => void (response.destroyed || response.write('x'.repeat(10_000), () => setImmediate(more)));
      more();
    }), 'serverAnswerInvalid', /a line without end/],
    ['lines without end', instead((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const more = (): void => void (response.destroyed || response.write('data: {"choices":[]}\n\n'.repeat(100), () => setImmediate(more)));
      more();
    }), 'serverAnswerInvalid', /more than an answer can be/],
    ['silence', { wait: 60_000 }, 'serverUnreachable', /silence/],
  ];

  it.each(answers)('where it answers with %s', async (what, rules, code, wanted) => {
    const server = await serve(rules);
    const found = await failure(write(server, prompted, { limits: { line: 100_000, bytes: 300_000, silenceMs: what === 'silence' ? 300 : 60_000 } }));
    expect(found.sentence).toMatch(wanted);
    expect(found.code).toBe(code);
    expect(found.sentence).toMatch(/^127\.0\.0\.1:\d+ .*\.$/);
    expect(found.sentence.length).toBeLessThan(250);
  });

  it('where nobody listens, and where there is no such host', async () => {
    const server = await serve();
    await server.close();
    expect(await failure(write(server, prompted))).toMatchObject({ code: 'serverUnreachable', sentence: expect.stringContaining('(ECONNREFUSED)') });
    expect((await failure(write({ url: 'http://nowhere.invalid' }, prompted))).code).toBe('serverUnreachable');
  });

  it('where its certificate is not trusted', async () => {
    const tls = https.createServer({ key: readFileSync('test/fixtures/tls/key.pem'), cert: readFileSync('test/fixtures/tls/certificate.pem') }, (_, response) => response.end());
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => (tls.close(() => resolve()), tls.closeAllConnections())));
    const { port } = tls.address() as AddressInfo;
    expect((await failure(write({ url: `https://127.0.0.1:${port}` }, prompted))).code).toBe('certificateUntrusted');
  });

  it('where the key is not the right one', async () => {
    const server = await serve({ key: 'right' });
    expect((await failure(write(server, prompted, { key: 'wrong' }))).code).toBe('serverRefusesKey');
    expect((await failure(connectWithin({}, { url: server.url, key: null }).facts(never))).code).toBe('serverRefusesKey');
  });
});

describe('an event', () => {
  it('of any shape is read without a failure, and never as more than it is', () => {
    const keys = fc.constantFrom('choices', 'text', 'delta', 'content', 'reasoning', 'reasoning_content', 'logprobs', 'tokens', 'token_logprobs', 'finish_reason', 'usage', 'prompt_tokens', 'completion_probabilities', 'stop', 'stop_type', 'logprob', 'token', 'timings');
    const { any } = fc.letrec((tie) => ({ any: fc.oneof({ maxDepth: 5 }, fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.array(tie('any'), { maxLength: 3 }), fc.dictionary(keys, tie('any'), { maxKeys: 6 })) }));
    fc.assert(fc.property(any, (event) => {
      for (const read of [readCompletion, readAnswer, readInfill]) {
        const { piece, reason, tokens } = read(event);
        if (piece) {
          expect(typeof piece.text === 'string' && typeof piece.reasoning === 'string' && piece.text + piece.reasoning !== '').toBe(true);
          for (const token of piece.tokens ?? []) expect(token.logProbability <= 0 && typeof token.text === 'string').toBe(true);
        }
        expect([null, 'end', 'length']).toContain(reason);
        if (tokens) for (const count of Object.values(tokens)) expect(Number.isInteger(count) && count >= 0).toBe(true);
      }
    }), { numRuns: 500 });
  });
});
