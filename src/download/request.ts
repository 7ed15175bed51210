// One GET over http or https, through redirects, from a byte on. The modules are asked for by their plain names: those are the ones that VS Code replaces in its
// extension host, with the user's proxy and certificates in them (with "node:" before it they would be Node's own).
import http from 'http';
import https from 'https';
import type { ClientRequest, IncomingMessage } from 'http';
import { DeltaError } from '../shared/errors.ts';

/** A server and its store of files need one or two. */
const MOST_REDIRECTS = 8;
/** Without a byte for so long, a connection is taken for dead. */
const SILENCE_MS = 30_000;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ERR_TLS/;

export interface Answer {
  body: IncomingMessage;
  /** The first byte that comes. */
  from: number;
  /** Bytes of the whole file; null: the server does not say. */
  total: number | null;
  /** Lower-case hexadecimal, as the first server of the chain names it in `x-linked-etag` (Hugging Face does, for every large file); null: none does. */
  sha256: string | null;
  /** Equal as long as the file is the same; null where nobody says. */
  identity: string | null;
}

/** What a stop needs to end a request with. */
export interface Reach {
  begun: (request: ClientRequest) => void;
  silenceMs?: number;
}

/** Null: there is no such byte, the file has another length than was thought. Throws downloadRefused, certificateUntrusted, downloadUnreachable. */
export async function get(address: string, from: number, { begun, silenceMs = SILENCE_MS }: Reach): Promise<Answer | null> {
  let url = new URL(address);
  let sha256: string | null = null;
  let linkedSize: number | null = null;
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const body = await once(url, from, begun, silenceMs);
    const { statusCode: status = 0, headers } = body;
    sha256 ??= digestIn(headers['x-linked-etag']);
    linkedSize ??= count(headers['x-linked-size']);
    const { location } = headers;
    if (status >= 300 && status < 400 && location !== undefined) {
      body.resume();
      const next = new URL(location, url);
      // What began behind a certificate stays behind one.
      if (next.protocol !== 'https:' && (next.protocol !== 'http:' || url.protocol !== 'http:')) throw new DeltaError('downloadRefused', url.host, `a redirect to ${next.protocol}`);
      url = next;
      continue;
    }
    if (status === 416) {
      body.resume();
      return null;
    }
    if (status !== 200 && status !== 206) {
      body.resume();
      throw new DeltaError('downloadRefused', url.host, String(status));
    }
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
    const start = status === 206 ? Number(range?.[1] ?? -1) : 0;
    if (start !== from && start !== 0) throw new DeltaError('downloadRefused', url.host, 'other bytes than were asked for');
    const length = count(headers['content-length']);
    const total = linkedSize ?? count(range?.[2]) ?? (length === null ? null : length + start);
    return { body, from: start, total, sha256, identity: sha256 ?? textOf(headers.etag) };
  }
  throw new DeltaError('downloadRefused', url.host, 'too many redirects');
}

const textOf = (header: string | string[] | undefined): string | null => (typeof header === 'string' && header !== '' ? header : null);
const digestIn = (header: string | string[] | undefined): string | null => /^(?:W\/)?"?([0-9a-f]{64})"?$/i.exec(textOf(header) ?? '')?.[1].toLowerCase() ?? null;
const count = (text: string | string[] | undefined): number | null => (typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : null);

function once(url: URL, from: number, begun: Reach['begun'], silenceMs: number): Promise<IncomingMessage> {
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    // As it is: what is packed on the way would have another length, and no byte to go on from.
    const headers = { 'user-agent': 'DeltaLLM', 'accept-encoding': 'identity', ...(from > 0 && { range: `bytes=${from}-` }) };
    const sent = request(url, { method: 'GET', headers }, resolve);
    begun(sent);
    sent.setTimeout(silenceMs, () => sent.destroy(Object.assign(new Error('silence'), { code: 'ETIMEDOUT' })));
    sent.on('error', (error: NodeJS.ErrnoException) => reject(asUnreachable(error, url.host)));
    sent.end();
  });
}

/** A failure of the connection in the catalogue's words. */
export function asUnreachable(error: NodeJS.ErrnoException, host: string): DeltaError {
  const reason = error.code ?? error.message;
  return CERTIFICATE.test(reason) || /certificate/i.test(error.message) ? new DeltaError('certificateUntrusted', host, reason) : new DeltaError('downloadUnreachable', host, reason);
}
