// The global fetch, which VS Code replaces in its extension host so that the user's proxy and certificates hold, with limits: a server is never followed to
// another address, and what it sends is bounded in length, in its lines and in the time between two pieces.
import { DeltaError } from '../shared/errors.ts';

/** A line of a stream is one event with one token or a few, and what the server adds to it: llama-server's last one repeats the prompt. */
export const MOST_LINE = 1 << 20;
/** All of an answer. */
export const MOST_BYTES = 64 << 20;
/** Without a byte for so long a server is taken for dead: some read a long prompt for a minute before the first. */
export const SILENCE_MS = 120_000;

export interface Limits {
  line: number;
  bytes: number;
  silenceMs: number;
}

const usual: Limits = { line: MOST_LINE, bytes: MOST_BYTES, silenceMs: SILENCE_MS };
const NEWLINE = 10;

/** The headers of a request that are sent as the client made them: everything else that it would tell of this computer, or takes from its environment, is not. */
const SENT = ['accept', 'content-type'];

/** A fetch within these limits, which sends these headers of its own. Throws serverRedirects, serverAnswerInvalid, and what the global fetch throws. */
export function boundedFetch(limits: Partial<Limits>, own: Readonly<Record<string, string>>): (input: string | URL | Request, init?: RequestInit) => Promise<Response> {
  const { line, bytes, silenceMs } = { ...usual, ...limits };
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const made = new Headers(init?.headers);
    const sent = SENT.flatMap((name) => (made.has(name) ? [[name, made.get(name)!]] : []));
    const response = await fetch(input, { ...init, headers: { ...Object.fromEntries(sent), ...own }, redirect: 'manual' });
    const { status, headers, body } = response;
    if (status >= 300 && status < 400) {
      await body?.cancel().catch(() => {});
      throw new DeltaError('serverRedirects', url.host, hostIn(headers.get('location'), url));
    }
    const type = headers.get('content-type')?.split(';', 1)[0].trim().toLowerCase() ?? '';
    // Of a failure any text does: proxies answer with a page.
    if (response.ok && type !== 'application/json' && type !== 'text/event-stream') {
      await body?.cancel().catch(() => {});
      throw new DeltaError('serverAnswerInvalid', url.host, `a document of type ${type || 'unknown'}`);
    }
    if (!body) return response;
    return new Response(guarded(body, url.host, { line, bytes, silenceMs }), { status, statusText: response.statusText, headers });
  };
}

/** The same bytes as long as they keep the limits; fails at the first that does not. */
function guarded(body: ReadableStream<Uint8Array>, host: string, { line, bytes, silenceMs }: Limits): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let [all, inLine] = [0, 0];
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await within(silenceMs, reader.read(), host).catch((error: unknown) => {
        void reader.cancel().catch(() => {});
        throw error;
      });
      if (done) return controller.close();
      all += value.length;
      const [first, last] = [value.indexOf(NEWLINE), value.lastIndexOf(NEWLINE)];
      const longest = inLine + (first < 0 ? value.length : first);
      inLine = last < 0 ? longest : value.length - 1 - last;
      if (all > bytes || longest > line) {
        void reader.cancel().catch(() => {});
        throw new DeltaError('serverAnswerInvalid', host, all > bytes ? 'more than an answer can be' : 'a line without end');
      }
      controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

async function within<T>(ms: number, read: Promise<T>, host: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new DeltaError('serverUnreachable', host, 'silence')), ms)));
  try {
    return await Promise.race([read, silence]);
  } finally {
    clearTimeout(timer);
  }
}

function hostIn(location: string | null, from: URL): string {
  if (location === null || !URL.canParse(location, from.href)) return 'another address';
  const { origin } = new URL(location, from);
  return origin === from.origin ? 'another path' : origin;
}
