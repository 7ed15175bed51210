// A recorded session against the real prompt and cache code: what each step finds in the cache, how that was read, and what is left to compute.
import { BLOCK } from '../binding/addon.ts';
import type { MovePolicy } from '../cache/known.ts';
import type { KvCache } from '../cache/store.ts';
import { best, divergence } from '../model/divergence.ts';
import { storeFor } from '../model/stores.ts';
import { normalise } from '../prompt/budget.ts';
import { atOnce } from '../shared/pass.ts';
import { CancelFlag } from '../shared/cancel.ts';
import type { Engine } from '../session/engine.ts';
import { step } from '../session/session.ts';
import type { AttentionMode } from '../session/protocol.ts';
import { PlayedDocuments, type Action } from './recordedSession.ts';
import { mean, percentile } from './similarity.ts';

export interface ReplayOptions {
  /** Tokens that are read in time, and of a prompt at most. */
  promptTokens: number;
  mostTokens: number;
  /** Tokens to write at each place. */
  max: number;
  /** What may be moved; undefined: nothing. */
  moves: MovePolicy | undefined;
  /** Whether steps that are not read strictly are compared with a cold run, every fifth key, and in which mode. */
  drift?: AttentionMode;
  /** Hears each step as it is over, and the tokens of its prompt. */
  heard?: (step: ReplayStep, prompt: Int32Array) => Promise<void> | void;
  cancel?: CancelFlag;
}

/** How far an answer is from that of a cold run on the same prompt. */
export interface Drift {
  /** KL(cold ‖ ours) of the next token, nats, and whether both find the same likeliest. */
  kl: number;
  agree: boolean;
  /** Whether both would write the same first line, at temperature 0. */
  sameLine: boolean;
}

export interface ReplayStep {
  /** What was done, and which key of it. */
  do: Action['do'];
  key: number;
  path: string;
  prompt: number;
  strict: number;
  approximate: number;
  moved: number;
  computed: number;
  /** Tokens that were read before it while nobody waited. */
  ahead: number;
  /** Bytes that the cache holds afterwards, and its blocks. */
  bytes: number;
  blocks: number;
  /** Milliseconds until the first token. */
  ms: number;
  text: string;
  drift?: Drift;
}

/** Keys from one comparison with a cold run to the next: each costs two lines of text. */
const COMPARED = 5;
/** Tokens of a first line that are compared at most. */
const LINE_TOKENS = 24;

/** Plays the actions and asks behind every key; `read` gives the files that they open. */
export async function replay(engine: Engine, actions: readonly Action[], read: (file: string) => Promise<string>, options: ReplayOptions): Promise<ReplayStep[]> {
  const { promptTokens, mostTokens, max, cancel = new CancelFlag(), heard } = options;
  const documents = new PlayedDocuments();
  const steps: ReplayStep[] = [];
  const cold = options.drift && storeFor(options.drift, engine.addon, engine.forward.manifest, engine.tables);
  let suggested = '';
  let ahead = 0;
  let prompt: Int32Array = new Int32Array(0);
  const { moves } = engine;
  engine.moves = options.moves;
  engine.hears = (tokens) => (prompt = tokens);
  const ask = async (action: Action, key: number) => {
    const { snapshot } = documents;
    const chat = action.do === 'chat' ? chatText(snapshot.path, snapshot.before + snapshot.after, action.ask) : undefined;
    const result = await engine.generate(
      chat === undefined ? { prompt: { snapshot, promptTokens, mostTokens }, max, sampling: { temperature: 0 } }
        : engine.converses ? { prompt: { messages: [{ role: 'user', content: chat }] }, max, sampling: { temperature: 0 }, conversation: 'chat' }
          : { prompt: { tokens: engine.tokenizer.encode(chat).slice(0, engine.forward.manifest.shape.context - max - 1) }, max, sampling: { temperature: 0 }, conversation: 'chat' },
      cancel);
    if (chat === undefined) suggested = result.text;
    const { blocks, bytes } = engine.addon.storeInfo(engine.cache.store);
    const said: ReplayStep = {
      do: action.do, key, path: snapshot.path, prompt: result.tokens.prompt, ...result.reuse, computed: result.tokens.prompt - result.tokens.reused, ahead, bytes, blocks,
      ms: result.ms.prefill, text: result.text,
      ...(cold && result.approximate && key % COMPARED === 0 && { drift: await drift(engine, cold, prompt) }),
    };
    steps.push(said);
    ahead = 0;
    await heard?.(said, prompt);
  };
  try {
    for (const action of actions) {
      if (cancel.isSet) break;
      if (action.do === 'open') documents.open(action.as, normalise(await read(action.file)));
      if (action.do === 'pause') {
        const before = engine.census().computed;
        while (!cancel.isSet && (await engine.readAhead(cancel, atOnce)));
        ahead += engine.census().computed - before;
      }
      if (action.do === 'open' || action.do === 'chat') await ask(action, 0);
      let key = 0;
      for (const _ of documents.play(action, suggested)) {
        if (cancel.isSet) break;
        await ask(action, key++);
      }
    }
  } finally {
    engine.hears = undefined;
    engine.moves = moves;
    cold?.close();
  }
  return steps;
}

const chatText = (path: string, text: string, question: string): string => `${path}:\n\`\`\`\n${text}\n\`\`\`\n${question}`;

/** What the two caches say of a prompt: ours as it just was, and one in which everything is read strictly. */
async function drift(engine: Engine, cold: KvCache, prompt: Int32Array): Promise<Drift> {
  const ours = await line(engine, engine.cache, prompt, { approximate: true, moves: engine.moves });
  const strict = await line(engine, cold, prompt, {});
  const { kl, agree } = divergence(strict.row, ours.row);
  return { kl, agree, sameLine: strict.ids.join() === ours.ids.join() };
}

/** The logits behind a prompt, and the first line that the model would write. */
async function line({ forward, tokenizer }: Engine, cache: KvCache, prompt: Int32Array, how: { approximate?: boolean; moves?: MovePolicy }): Promise<{ row: Float32Array; ids: number[] }> {
  const lease = cache.lease(prompt, { most: prompt.length - 1, ...how });
  const cancel = new CancelFlag();
  try {
    let row: Float32Array = new Float32Array(0);
    for (let at = lease.join(); at < prompt.length; at = lease.join()) row = (await step(forward, lease, prompt.subarray(at, Math.min(prompt.length, at + forward.chunk, lease.until)), 'last', cancel))!.slice();
    const ids: number[] = [];
    for (let next = row; ids.length < Math.min(LINE_TOKENS, BLOCK); ) {
      const id = best(next);
      if (tokenizer.ends.includes(id)) break;
      ids.push(id);
      if (tokenizer.decode([id]).includes('\n')) break;
      next = (await step(forward, lease, [id], 'last', cancel))!;
    }
    return { row, ids };
  } finally {
    lease.release();
  }
}

/** What a session comes to: the first step of each place apart, for it is cold in any case. */
export function summarise(steps: readonly ReplayStep[]): Record<string, number> {
  const sum = (of: (step: ReplayStep) => number) => steps.reduce((n, s) => n + of(s), 0);
  const drifts = steps.flatMap(({ drift }) => drift ?? []);
  return {
    steps: steps.length, prompt: sum((s) => s.prompt), strict: sum((s) => s.strict), approximate: sum((s) => s.approximate), moved: sum((s) => s.moved), computed: sum((s) => s.computed), ahead: sum((s) => s.ahead),
    computedP50: percentile(steps.map((s) => s.computed), 0.5), computedP95: percentile(steps.map((s) => s.computed), 0.95),
    msP50: percentile(steps.map((s) => s.ms), 0.5), msP95: percentile(steps.map((s) => s.ms), 0.95), ms: sum((s) => s.ms), bytes: Math.max(...steps.map((s) => s.bytes)),
    ...(steps.some(({ drift }) => drift) && {
      compared: drifts.length, kl: drifts.length > 0 ? mean(drifts.map(({ kl }) => kl)) : 0, klP95: drifts.length > 0 ? percentile(drifts.map(({ kl }) => kl), 0.95) : 0,
      agree: drifts.length > 0 ? mean(drifts.map(({ agree }) => Number(agree))) : 1, sameLine: drifts.length > 0 ? mean(drifts.map(({ sameLine }) => Number(sameLine))) : 1,
    }),
  };
}
