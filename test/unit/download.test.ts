// Downloads from a server of our own: what arrives, what is left of what does not, and what is said.
import http from 'node:http';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { downloadWith, type DownloadNeeds } from '../../src/download/download.ts';
import type { Download, DownloadOutcome, DownloadProgress, DownloadStop } from '../../src/shared/downloads.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { fileServer, proxyServer, sha256, type FileServer, type ServerRules } from '../support/fileServer.ts';
import { until } from '../support/until.ts';
import { itUnless } from '../support/where.ts';
// @ts-expect-error plain JavaScript
import { downloadBundle } from '../../scripts/bundles.mjs';

const base = mkdtempSync(join(tmpdir(), 'deltallm-download-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const servers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const file = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
const serve = async (rules: ServerRules = {}, bytes = file): Promise<FileServer> => {
  const server = await fileServer(bytes, rules);
  servers.push(server);
  return server;
};

let count = 0;
const folder = () => join(base, String(count++));
const quick: DownloadNeeds = { restMs: 1, silenceMs: 60_000 };

interface Tried {
  outcome: DownloadOutcome;
  heard: DownloadProgress[];
  /** What is left in the folder. */
  left: string[];
  sentence: string;
}

async function fetchTo(into: string, { url }: { url: string }, needs: DownloadNeeds = {}, act: (progress: DownloadProgress, stop: DownloadStop) => void = () => {}): Promise<Tried> {
  const heard: DownloadProgress[] = [];
  const stop: DownloadStop = { how: null, heard: () => {} };
  const outcome = await downloadWith({ ...quick, ...needs }, { url, path: join(into, 'model.gguf') }, (progress) => {
    heard.push(progress);
    act(progress, stop);
  }, stop);
  const sentence = 'failed' in outcome ? new DeltaError(outcome.failed.code, ...(outcome.failed.args as never)).message : '';
  return { outcome, heard, left: existsSync(into) ? readdirSync(into).sort() : [], sentence };
}

const ends = (how: 'cancel' | 'pause', after: number) => ({ done }: DownloadProgress, stop: DownloadStop) => {
  if (done < after || stop.how) return;
  stop.how = how;
  stop.heard();
};

describe('a file', () => {
  it('arrives through a redirect, with the SHA-256 that the first server names', async () => {
    const server = await serve();
    const into = folder();
    const { outcome, heard, left } = await fetchTo(into, server);
    expect(outcome).toEqual({ done: { bytes: file.length, sha256: sha256(file), stated: sha256(file) } });
    expect(readFileSync(join(into, 'model.gguf')).equals(file)).toBe(true);
    expect(left).toEqual(['model.gguf']);
    expect(heard.at(-1)).toEqual({ done: file.length, total: file.length, checking: false });
    expect(server.requests).toEqual(['GET /org/model/resolve/main/model.gguf', 'GET /store']);
  });

  it('is compared with nothing where the server names nothing, and says so', async () => {
    const server = await serve({ stated: null });
    expect((await fetchTo(folder(), server)).outcome).toEqual({ done: { bytes: file.length, sha256: sha256(file), stated: null } });
  });

  it('goes on where it was cut off, without a byte twice', async () => {
    const server = await serve({ cutAfter: (no) => (no <= 2 ? 100_000 : undefined) });
    const into = folder();
    const { outcome, left } = await fetchTo(into, server);
    expect(outcome).toMatchObject({ done: { sha256: sha256(file) } });
    expect(left).toEqual(['model.gguf']);
    const ranges = server.requests.filter((line) => line.includes('/store')).map((line) => Number(/bytes=(\d+)-/.exec(line)?.[1] ?? 0));
    expect(ranges).toHaveLength(3);
    expect(ranges).toEqual([...ranges].sort((a, b) => a - b));
    expect(ranges[1]).toBeGreaterThan(0);
  });

  it('goes on where another window stopped', async () => {
    const server = await serve({ stallAfter: 120_000 });
    const into = folder();
    const first = await fetchTo(into, server, {}, ends('pause', 50_000));
    expect(first.outcome).toEqual({ stopped: true });
    expect(first.left).toEqual(['model.gguf.part', 'model.gguf.part.json']);
    server.rules = {};
    const second = await fetchTo(into, server);
    expect(second.outcome).toMatchObject({ done: { sha256: sha256(file) } });
    expect(second.heard[0]).toMatchObject({ checking: true });
    expect(server.requests.at(-1)).toMatch(/bytes=[1-9]\d+-$/);
    expect(second.left).toEqual(['model.gguf']);
  });

  it('begins anew where it is another one by now, or the store gives no parts', async () => {
    for (const then of [(server: FileServer) => void (server.file = Buffer.concat([Buffer.from('new'), file])), (server: FileServer) => void (server.rules.whole = true)]) {
      const server = await serve({ stallAfter: 120_000 });
      const into = folder();
      await fetchTo(into, server, {}, ends('pause', 50_000));
      server.rules = {};
      then(server);
      expect((await fetchTo(into, server)).outcome).toMatchObject({ done: { sha256: sha256(server.file) } });
      expect(readFileSync(join(into, 'model.gguf')).equals(server.file)).toBe(true);
    }
  });

  it('whatever is cut off and whenever, is the one that was asked for', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 20_000 }), fc.array(fc.integer({ min: 0, max: 9000 }), { maxLength: 5 }), fc.boolean(), async (length, cuts, whole) => {
      const bytes = file.subarray(0, length);
      const server = await fileServer(bytes, { whole, cutAfter: (no) => cuts[no - 1] });
      const into = folder();
      let outcome: DownloadOutcome;
      // Whoever presses the button again gets it in the end.
      for (let pressed = 0; ; pressed++) {
        ({ outcome } = await fetchTo(into, server));
        if (!('failed' in outcome) || pressed > cuts.length) break;
        expect(outcome.failed.code).toBe('downloadUnreachable');
      }
      expect(outcome).toEqual({ done: { bytes: length, sha256: sha256(bytes), stated: sha256(bytes) } });
      expect(readdirSync(into)).toEqual(['model.gguf']);
      await server.close();
    }), { numRuns: 25 });
  });
});

describe('a file that does not arrive', () => {
  it('is refused and removed where its SHA-256 is another', async () => {
    const { outcome, left, sentence } = await fetchTo(folder(), await serve({ stated: '0'.repeat(64) }));
    expect(outcome).toMatchObject({ failed: { code: 'downloadDamaged' } });
    expect(left).toEqual([]);
    expect(sentence).toMatch(/^model\.gguf did not arrive as 127\.0\.0\.1:\d+ says it is .* download it again\.$/);
  });

  it('leaves nothing when it is cancelled, at once and between two tries', async () => {
    const stalled = await fetchTo(folder(), await serve({ stallAfter: 120_000 }), {}, ends('cancel', 50_000));
    expect([stalled.outcome, stalled.left]).toEqual([{ stopped: true }, []]);
    const server = await serve({ cutAfter: () => 0 });
    const stop: DownloadStop = { how: null, heard: () => {} };
    const into = folder();
    const resting = downloadWith({ ...quick, restMs: 600_000 }, { url: server.url, path: join(into, 'model.gguf') }, () => {}, stop);
    // While it rests, something else hears of a stop than while it asks.
    const asking = stop.heard;
    await until(() => expect(stop.heard).not.toBe(asking));
    expect(server.requests.some((line) => line.includes('/store'))).toBe(true);
    stop.how = 'cancel';
    stop.heard();
    expect([await resting, readdirSync(into)]).toEqual([{ stopped: true }, []]);
  });

  it('stays as far as it came where the server is silent, and that is one sentence', async () => {
    const { outcome, left, sentence } = await fetchTo(folder(), await serve({ stallAfter: 10 }), { silenceMs: 300 });
    expect(outcome).toMatchObject({ failed: { code: 'downloadUnreachable' } });
    expect(left).toEqual(['model.gguf.part', 'model.gguf.part.json']);
    expect(sentence).toMatch(/does not answer \(.+\): check the network .* what has come is kept\.$/);
  });

  it('is refused by its server in one sentence', async () => {
    const { sentence, left } = await fetchTo(folder(), await serve({ status: 404 }));
    expect(sentence).toMatch(/^127\.0\.0\.1:\d+ does not give the file \(404\): /);
    expect(left).toEqual(['model.gguf.part']);
  });

  it('is not fetched from where a circle of redirects leads, nor from anything but the web', async () => {
    expect((await fetchTo(folder(), await serve({ location: '/again' }))).sentence).toMatch(/too many redirects/);
    expect((await fetchTo(folder(), await serve({ location: 'file:///etc/passwd' }))).sentence).toMatch(/a redirect to file:/);
  });

  it('is not begun where the disk is too small', async () => {
    const { outcome, sentence, heard } = await fetchTo(folder(), await serve(), { free: async () => 100e6 });
    expect(outcome).toMatchObject({ failed: { code: 'diskFull' } });
    expect(sentence).toMatch(/needs 0\.0 GB but only 0\.1 GB are free: make room or choose another folder\.$/);
    expect(heard).toEqual([]);
  });

  itUnless(existsSync('/dev/full') ? undefined : 'no /dev/full here', 'ends in one sentence where the disk is full in the middle', async () => {
    const into = folder();
    mkdirSync(into);
    symlinkSync('/dev/full', join(into, 'model.gguf.part'));
    const { outcome, sentence } = await fetchTo(into, await serve(), { free: async () => Infinity });
    expect(outcome).toMatchObject({ failed: { code: 'diskFull' } });
    expect(sentence).toMatch(/make room or choose another folder\.$/);
  });

  it('ends in one sentence where the folder cannot be written', async () => {
    const into = folder();
    writeFileSync(into, 'no folder');
    const { outcome } = await fetchTo(join(into, 'inside'), await serve());
    expect(outcome).toMatchObject({ failed: { code: 'folderNotWritable' } });
  });

  it('ends in one sentence where the certificate is not trusted', async () => {
    const tls = { key: readFileSync('test/fixtures/tls/key.pem', 'utf8'), cert: readFileSync('test/fixtures/tls/certificate.pem', 'utf8') };
    const { outcome, sentence } = await fetchTo(folder(), await serve({ tls }));
    expect(outcome).toMatchObject({ failed: { code: 'certificateUntrusted' } });
    expect(sentence).toMatch(/^The certificate of 127\.0\.0\.1:\d+ is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\): add your organisation's certificate to those of the system\.$/);
  });
});

describe('the bundle', () => {
  it('asks for the modules that VS Code replaces, and so goes through its proxy', async () => {
    const server = await serve();
    const proxy = await proxyServer();
    servers.push(proxy);
    const path = join(base, 'download.cjs');
    const { outputFiles } = await build({ ...downloadBundle, write: false, sourcemap: false });
    writeFileSync(path, outputFiles!.find((output: { path: string }) => output.path.endsWith('.cjs'))!.text);
    // As VS Code's extension host does it: by the plain name, for whoever asks.
    const loader = Module as unknown as { _load: (name: string, ...rest: unknown[]) => unknown };
    const original = loader._load;
    const replaced: string[] = [];
    const viaProxy = { ...http, request: (url: URL, options: http.RequestOptions, hear: (response: http.IncomingMessage) => void) => http.request({ ...options, host: '127.0.0.1', port: proxy.port, path: url.href }, hear) };
    loader._load = function (name, ...rest) {
      if (name !== 'http' && name !== 'https') return original.call(this, name, ...rest);
      replaced.push(name);
      return viaProxy;
    };
    let bundled: { download: Download };
    try {
      bundled = createRequire(path)(path) as typeof bundled;
    } finally {
      loader._load = original;
    }
    expect(replaced.sort()).toEqual(['http', 'https']);
    const into = folder();
    const outcome = await bundled.download({ url: server.url, path: join(into, 'model.gguf') }, () => {}, { how: null, heard: () => {} });
    expect(outcome).toMatchObject({ done: { sha256: sha256(file) } });
    expect(proxy.asked).toEqual([`GET ${server.url}`, `GET http://${server.host}/store`]);
  });
});
