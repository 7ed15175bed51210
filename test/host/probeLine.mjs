// The outer end of the line to the probe: every extension host calls in, says which folder its window shows, and runs the functions that it is sent.

import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const CALL_MS = 120_000;
const HELLO_MS = 120_000;

/** @typedef {Awaited<ReturnType<typeof openLine>>} Line */
/** @typedef {{ folder: string, pid: number, call: (source: string, argument?: unknown, ms?: number) => Promise<any>, ended: Promise<void> }} Probe */

/** Listens at `path`, which may have 107 bytes. */
export async function openLine(/** @type {string} */ path) {
  /** @type {Probe[]} */
  const waiting = [];
  /** @type {(() => void)[]} */
  const listeners = [];
  const server = createServer((socket) => {
    /** @type {Map<number, { resolve: (value: unknown) => void, reject: (error: Error) => void }>} */
    const pending = new Map();
    let nextId = 1;
    /** @type {() => void} */
    let end = () => {};
    const ended = new Promise((/** @type {(value: void) => void} */ resolve) => (end = resolve));
    socket.on('error', () => {});
    socket.on('close', () => {
      for (const { reject } of pending.values()) reject(new Error('the extension host hung up'));
      pending.clear();
      end();
    });
    const call = (/** @type {string} */ source, /** @type {unknown} */ argument, ms = CALL_MS) =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        const timer = setTimeout(() => reject(new Error(`no answer from the extension host after ${ms} ms: ${source.slice(0, 200)}`)), ms);
        const settle = (/** @type {(value: any) => void} */ done) => (/** @type {any} */ value) => {
          clearTimeout(timer);
          done(value);
        };
        pending.set(id, { resolve: settle(resolve), reject: settle(reject) });
        if (socket.destroyed) pending.get(id)?.reject(new Error('the extension host has hung up'));
        else socket.write(`${JSON.stringify({ id, source, argument })}\n`);
      });
    createInterface({ input: socket }).on('line', (text) => {
      const message = JSON.parse(text);
      if ('hello' in message) {
        waiting.push({ folder: message.hello, pid: message.pid, call, ended });
        for (const listener of listeners.splice(0)) listener();
        return;
      }
      const order = pending.get(message.id);
      pending.delete(message.id);
      if (message.error) order?.reject(new Error(message.error));
      else order?.resolve(message.value);
    });
  });
  await new Promise((/** @type {(value: void) => void} */ resolve) => server.listen(path, resolve));

  return {
    path,
    /** The next extension host that calls in for `folder`. */
    next: async (/** @type {string} */ folder) => {
      for (const end = Date.now() + HELLO_MS; ; ) {
        const index = waiting.findIndex((probe) => probe.folder === folder);
        if (index >= 0) return waiting.splice(index, 1)[0];
        const left = end - Date.now();
        if (left <= 0) throw new Error(`no extension host called in for ${folder}`);
        await new Promise((/** @type {(value: void) => void} */ resolve) => {
          const timer = setTimeout(resolve, left);
          listeners.push(() => (clearTimeout(timer), resolve()));
        });
      }
    },
    close: () => {
      server.close();
      rmSync(path, { force: true });
    },
  };
}
