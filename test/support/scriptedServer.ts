// A team's server as the bundle gives it, played by the test: what was asked, and what is written when the test says so.
import { DeltaError } from '../../src/shared/errors.ts';
import type { AnswerRequest, CodeRequest, RemoteServer, ServerAddress, ServerEnd, ServerFacts, ServerPiece } from '../../src/shared/remoteServer.ts';

export interface ServerCall {
  request: CodeRequest | AnswerRequest;
  stop: AbortSignal;
  write: (text: string, logProbability?: number | null, reasoning?: string) => void;
  end: (end?: Partial<ServerEnd>) => void;
  fail: (error: DeltaError) => void;
}

export class ScriptedServer {
  /** The addresses that were connected to. */
  readonly connected: ServerAddress[] = [];
  readonly calls: ServerCall[] = [];
  facts: () => Promise<ServerFacts> = async () => ({ kind: 'vllm', models: [{ id: 'qwen2.5-coder-7b', context: 8192 }] });
  /** What each call does at once; nothing: the test says. */
  onCall: (call: ServerCall) => void = () => {};

  readonly connect = (address: ServerAddress): RemoteServer => {
    this.connected.push(address);
    const call = (request: CodeRequest | AnswerRequest, hear: (piece: ServerPiece) => void, stop: AbortSignal): Promise<ServerEnd> =>
      new Promise((resolve, reject) => {
        let isOver = false;
        const made: ServerCall = {
          request, stop,
          fail: (error) => ((isOver = true), reject(error)),
          write: (text, logProbability = -0.01, reasoning = '') => void (isOver || stop.aborted || hear({ text, reasoning, tokens: logProbability === null || text === '' ? null : [{ text, logProbability }] })),
          end: (end = {}) => ((isOver = true), resolve({ reason: 'end', tokens: null, ...end })),
        };
        if (stop.aborted) return reject(new DeltaError('cancelled'));
        stop.addEventListener('abort', () => reject(new DeltaError('cancelled')));
        this.calls.push(made);
        this.onCall(made);
      });
    return { facts: () => this.facts(), code: call, answer: call };
  };

  get last(): ServerCall {
    return this.calls.at(-1)!;
  }
}
