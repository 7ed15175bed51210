// The line to the tests outside: a socket over which they send functions to run in the extension host, as a browser's driver does with a page.

import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import * as vscode from 'vscode';
import type { Observations } from './observe.ts';

interface Order {
  id: number;
  /** Source of a function `(vscode, seen, argument) => value or promise`; what it gives must be plain data. */
  source: string;
  argument: unknown;
}

/** Says who is here, and runs what is asked until the other end hangs up. */
export function link(path: string, seen: Observations): Socket {
  const socket = createConnection(path);
  const send = (message: unknown) => void socket.write(`${JSON.stringify(message)}\n`);
  socket.on('error', () => {}); // the tests have ended
  socket.on('connect', () => send({ hello: vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '', pid: process.pid }));
  createInterface({ input: socket }).on('line', (line) => {
    const { id, source, argument } = JSON.parse(line) as Order;
    void (async () => {
      try {
        const action = new Function(`return (${source});`)() as (...args: unknown[]) => unknown;
        send({ id, value: (await action(vscode, seen, argument)) ?? null });
      } catch (error) {
        send({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      }
    })();
  });
  return socket;
}
