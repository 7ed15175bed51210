// A server of one file as a store of models is one: a first address that names the SHA-256 and leads to another, which gives the file, or a part of it.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';

export interface ServerRules {
  /** What the first address names; undefined: the right one; null: none. */
  stated?: string | null;
  /** Bytes after which the connection is cut, by the number of the request for the file, from 1. */
  cutAfter?: (no: number) => number | undefined;
  /** The store gives no parts. */
  whole?: boolean;
  /** What the first address answers instead. */
  status?: number;
  /** Where the first address leads to, instead. */
  location?: string;
  /** Bytes of the file, after which nothing more comes. */
  stallAfter?: number;
  tls?: { key: string; cert: string };
}

export interface FileServer {
  url: string;
  host: string;
  /** "GET /path bytes=…" of each request. */
  requests: string[];
  rules: ServerRules;
  file: Buffer;
  close(): Promise<void>;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const listening = (server: Server): Promise<number> => new Promise((done) => server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port)));
const closing = (server: Server): Promise<void> => new Promise((done) => {
  server.closeAllConnections();
  server.close(() => done());
});

export async function fileServer(file: Buffer, rules: ServerRules = {}): Promise<FileServer> {
  const served: FileServer = { url: '', host: '', requests: [], rules, file, close: () => closing(server) };
  let no = 0;
  const answer: RequestListener = (request: IncomingMessage, response: ServerResponse) => {
    const { rules, file } = served;
    const path = request.url!.replace(/^http:\/\/[^/]+/, '');
    served.requests.push(`${request.method} ${path} ${request.headers.range ?? ''}`.trim());
    if (path !== '/store') {
      if (rules.status) return void response.writeHead(rules.status).end('no');
      const stated = rules.stated === undefined ? sha256(file) : rules.stated;
      return void response.writeHead(302, { location: rules.location ?? '/store', ...(stated !== null && { 'x-linked-etag': `"${stated}"`, 'x-linked-size': String(file.length) }) }).end();
    }
    no++;
    const from = rules.whole ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from > 0 && from >= file.length) return void response.writeHead(416).end();
    response.writeHead(from > 0 ? 206 : 200, { etag: `"${file.length}"`, 'content-length': file.length - from, ...(from > 0 && { 'content-range': `bytes ${from}-${file.length - 1}/${file.length}` }) });
    const cut = rules.cutAfter?.(no);
    if (cut !== undefined) return void response.write(file.subarray(from, from + cut), () => response.socket!.destroy());
    if (rules.stallAfter !== undefined) return from < rules.stallAfter ? void response.write(file.subarray(from, rules.stallAfter)) : response.flushHeaders();
    response.end(file.subarray(from));
  };
  const server: Server = rules.tls ? (createSecureServer(rules.tls, answer) as unknown as Server) : createServer(answer);
  served.host = `127.0.0.1:${await listening(server)}`;
  served.url = `${rules.tls ? 'https' : 'http'}://${served.host}/org/model/resolve/main/model.gguf`;
  return served;
}

/** A proxy that hands everything on, and notes for whom. */
export async function proxyServer(): Promise<{ port: number; asked: string[]; close(): Promise<void> }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { host, pathname, search } = new URL(request.url!);
    const [hostname, port] = host.split(':');
    const socket = connect(Number(port ?? 80), hostname, () => {
      const headers = Object.entries({ ...request.headers, host, connection: 'close' }).map(([name, value]) => `${name}: ${String(value)}\r\n`).join('');
      socket.write(`${request.method} ${pathname}${search} HTTP/1.1\r\n${headers}\r\n`);
      socket.pipe(response.socket!);
    });
    socket.on('error', () => response.socket?.destroy());
  });
  server.on('connect', (request, client) => {
    asked.push(`CONNECT ${request.url}`);
    const [hostname, port] = request.url!.split(':');
    const socket = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(client).pipe(socket);
    });
    for (const end of [socket, client]) end.on('error', () => (socket.destroy(), client.destroy()));
  });
  return { port: await listening(server), asked, close: () => closing(server) };
}
