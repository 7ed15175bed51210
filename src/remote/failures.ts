// What goes wrong between here and a server, in the catalogue's words. Nothing that a server says is shown: it may be long, in any language, or not meant well.
import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from 'openai';
import { asDeltaError, DeltaError } from '../shared/errors.ts';

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ERR_TLS/;
const LOADING = /loading model/i;

/** `model`: the one that was asked for, where one was. */
export function asServerError(thrown: unknown, host: string, model: string, stop: AbortSignal): DeltaError {
  if (stop.aborted || thrown instanceof APIUserAbortError) return new DeltaError('cancelled');
  const own = ownIn(thrown);
  if (own) return own;
  if (thrown instanceof APIConnectionTimeoutError) return new DeltaError('serverUnreachable', host, 'ETIMEDOUT');
  if (thrown instanceof APIConnectionError) return asUnreachable(thrown, host);
  if (thrown instanceof APIError) return byStatus(thrown, host, model);
  if (thrown instanceof SyntaxError) return new DeltaError('serverAnswerInvalid', host, 'what is no JSON');
  // A stream that breaks off is a TypeError of fetch ("terminated") with the reason of the connection in it.
  return thrown instanceof TypeError ? asUnreachable(thrown, host) : asDeltaError(thrown);
}

/** Ours, wherever in the chain of causes. */
function ownIn(thrown: unknown): DeltaError | null {
  for (let error = thrown; error instanceof Error; error = error.cause) if (error instanceof DeltaError) return error;
  return null;
}

function asUnreachable(thrown: Error, host: string): DeltaError {
  let reason = '';
  for (let error: unknown = thrown; error instanceof Error; error = error.cause) reason = (error as NodeJS.ErrnoException).code ?? reason;
  if (CERTIFICATE.test(reason)) return new DeltaError('certificateUntrusted', host, reason);
  return new DeltaError('serverUnreachable', host, reason === '' || reason === 'UND_ERR_SOCKET' ? 'cut off' : reason);
}

function byStatus({ status, code, message }: APIError, host: string, model: string): DeltaError {
  // An error within a stream has no status of HTTP's; llama-server writes the same number into it.
  const number = status ?? (typeof (code as unknown) === 'number' ? (code as unknown as number) : undefined);
  switch (number) {
    case 401:
    case 403: return new DeltaError('serverRefusesKey', host);
    case 404: return new DeltaError('serverLacksModel', host, model || 'such an address');
    case 429: return new DeltaError('serverBusy', host);
    case 503: return LOADING.test(message) ? new DeltaError('serverLoading', host) : new DeltaError('serverFailed', host, '503');
    default: return new DeltaError('serverFailed', host, number === undefined ? 'in the middle of a text' : String(number));
  }
}
