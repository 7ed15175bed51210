// What the extension and the bundle that talks to a team's own server both know: what is asked of it, and what comes back. Plain data.

/** Which program answers, by what it says of itself in its list of models; the protocols are the same and their corners are not. */
export type ServerKind = 'llamaServer' | 'ollama' | 'vllm' | 'sglang' | 'other';

export interface ServerModel {
  id: string;
  /** Tokens that it reads at most, where the server says so. */
  context: number | null;
}

export interface ServerFacts {
  kind: ServerKind;
  models: readonly ServerModel[];
}

export interface ServerAddress {
  /** http or https, without `/v1` and without a slash at its end. */
  url: string;
  /** Null: none is sent. */
  key: string | null;
}

/**
 * A text between what stands before the cursor and behind it.
 * `infill`: llama-server puts the model's own tokens around the parts (`/infill`). `suffix`: the server does (`suffix` of `/v1/completions`). `prompt`: the
 * prompt has them already.
 */
export type CodeRequest = { model: string; /** Tokens at most. */ max: number } & (
  | { form: 'infill'; before: string; after: string; files: readonly { path: string; text: string }[] }
  | { form: 'suffix'; before: string; after: string }
  | { form: 'prompt'; prompt: string; stops: readonly string[] }
);

export interface AnswerRequest {
  model: string;
  kind: ServerKind;
  messages: readonly { role: 'system' | 'user' | 'assistant'; content: string }[];
  /** The last message is the assistant's, and is gone on with. */
  continues: boolean;
  max: number;
  temperature: number;
  seed?: number;
}

/** What a server wrote since the piece before. */
export interface ServerPiece {
  text: string;
  /** What the model thought before it answers; of answers only. */
  reasoning: string;
  /** The tokens of `text` with their natural log-probabilities; null where the server does not say. */
  tokens: readonly { text: string; logProbability: number }[] | null;
}

export interface ServerEnd {
  /** `length`: a limit ended the text. */
  reason: 'end' | 'length';
  /** As the server counted them; null where it does not say. */
  tokens: { prompt: number; reused: number; generated: number } | null;
}

/** Everything here rejects with a DeltaError of the catalogue's server codes, and with `cancelled` once `stop` is aborted, which ends the HTTP request. */
export interface RemoteServer {
  facts(stop: AbortSignal): Promise<ServerFacts>;
  code(request: CodeRequest, hear: (piece: ServerPiece) => void, stop: AbortSignal): Promise<ServerEnd>;
  answer(request: AnswerRequest, hear: (piece: ServerPiece) => void, stop: AbortSignal): Promise<ServerEnd>;
}

export type ConnectServer = (address: ServerAddress) => RemoteServer;
