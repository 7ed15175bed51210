// Every setting of the extension: the one table that package.json, the typed reading and the tests are compared with.
import { isRecord } from '../shared/record.ts';

/** `machine`: not settable by a workspace. `window`: by the user or the workspace. */
type Scope = 'machine' | 'window';

interface Entry<T> {
  readonly default: T;
  readonly scope: Scope;
  /** Why a value cannot be used, or null. */
  readonly refuse: (value: unknown) => string | null;
  /** What package.json must say besides type, default, scope and description. */
  readonly schema: Readonly<Record<string, unknown>>;
}

const flag = (initial: boolean, scope: Scope): Entry<boolean> => ({
  default: initial, scope, schema: { type: 'boolean' }, refuse: (value) => (typeof value === 'boolean' ? null : 'it must be true or false'),
});

const whole = (initial: number, minimum: number, maximum: number, scope: Scope): Entry<number> => ({
  default: initial, scope, schema: { type: 'integer', minimum, maximum },
  refuse: (value) => (Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum ? null : `it must be a whole number from ${minimum} to ${maximum}`),
});

const oneOf = <const T extends string>(initial: NoInfer<T>, values: readonly T[], scope: Scope): Entry<T> => ({
  default: initial, scope, schema: { type: 'string', enum: values },
  refuse: (value) => ((values as readonly unknown[]).includes(value) ? null : `it must be one of ${values.join(', ')}`),
});

const text = (initial: string, scope: Scope): Entry<string> => ({
  default: initial, scope, schema: { type: 'string' }, refuse: (value) => (typeof value === 'string' ? null : 'it must be text'),
});

const texts = (initial: readonly string[], scope: Scope): Entry<readonly string[]> => ({
  default: initial, scope, schema: { type: 'array', items: { type: 'string' }, uniqueItems: true },
  refuse: (value) => (Array.isArray(value) && value.every((item) => typeof item === 'string') ? null : 'it must be a list of texts'),
});

const flags = (initial: Readonly<Record<string, boolean>>, scope: Scope): Entry<Readonly<Record<string, boolean>>> => ({
  default: initial, scope, schema: { type: 'object', additionalProperties: { type: 'boolean' } },
  refuse: (value) => (isRecord(value) && Object.values(value).every((item) => typeof item === 'boolean') ? null : 'it must map language identifiers to true or false'),
});


export const SECTION = 'deltallm';

/** Among the languages: every one that is not listed. */
export const ANY = '*';

/** By the name behind `deltallm.`. */
export const settingsTable = {
  'completions.enabled': flag(true, 'window'),
  /** By language identifier; `*` is every language that is not listed. */
  'completions.languages': flags({ '*': true, plaintext: false, markdown: false }, 'window'),
  'completions.eagerness': oneOf('auto', ['low', 'auto', 'high'], 'window'),
  /** Milliseconds from the last key to the text. VS Code shows its own list instead of waiting longer than 750 ms. */
  'completions.latencyBudget': whole(600, 100, 30_000, 'window'),
  /** Tokens. */
  'completions.maxTokens': whole(96, 1, 1024, 'window'),
  /** 0: never more than is read while somebody waits. */
  'completions.promptTokens': whole(8192, 0, 16_384, 'window'),
  /** Glob patterns, besides those that are always refused. */
  'completions.exclude': texts([], 'window'),
  /** Whether what lies beside a document takes part in what is written in it. */
  'completions.neighbours': flag(true, 'window'),
  /** Whether the suggestion behind the one that is shown is written ahead. */
  'completions.nextAhead': flag(true, 'window'),
  /** A GGUF file or a model folder; empty: the embedded model. */
  'model.path': text('', 'machine'),
  /** What answers in the chat; empty: the model for completions where it has a chat template. */
  'chat.model': text('', 'machine'),
  /** A server that has what Hugging Face has; empty: Hugging Face itself. */
  'models.mirror': text('', 'machine'),
  /** A team's own server; empty: none, and nothing of it is loaded. */
  'remote.url': text('', 'machine'),
  /** What it is asked for. */
  'remote.use': oneOf('both', ['both', 'completions', 'chat'], 'machine'),
  /** By the names that the server gives them; empty: the first that it has. */
  'remote.completionModel': text('', 'machine'),
  'remote.chatModel': text('', 'machine'),
  /** How it gets to know where the cursor is. */
  'remote.prompt': oneOf('auto', ['auto', 'infill', 'suffix', 'markers'], 'machine'),
  mode: oneOf('balanced', ['exact', 'balanced', 'compact'], 'window'),
  /** 0: chosen from the number of cores. */
  threads: whole(0, 0, 64, 'machine'),
  /** Of the KV cache, in millions of bytes. */
  /** 0: by the memory of the machine. */
  cacheMegabytes: whole(0, 0, 65_536, 'machine'),
  /** Of what is kept of recent files for the next start, in millions of bytes, of all windows together; 0: nothing. */
  diskCacheMegabytes: whole(1024, 0, 65_536, 'machine'),
  /** 0: never. */
  idleUnloadMinutes: whole(30, 0, 1440, 'machine'),
} as const;

export type SettingName = keyof typeof settingsTable;
export type Settings = { readonly [K in SettingName]: (typeof settingsTable)[K]['default'] };
