// A line typed key by key: how much of the prompt each key leaves to be computed.
import { CancelFlag } from '../shared/cancel.ts';
import type { Engine } from '../session/engine.ts';
import type { Cursor } from './cursors.ts';
import { mean, percentile } from './similarity.ts';

/** Tokens written behind each key: enough that what was written stands in the cache when the next key comes. */
const WRITTEN = 4;
/** Keys of a line at most. */
const MOST_KEYS = 40;

export interface Typing {
  lines: number;
  keys: number;
  /** Mean tokens of the prompt, and what of them was in the cache. */
  prompt: number;
  reused: number;
  /** Tokens of the prompt computed behind a key. */
  computed: { p50: number; p95: number; most: number };
}

/** Types what the author wrote at each cursor; the first request of a line, which reads the place, does not count. */
export async function typeLines(engine: Engine, cursors: readonly Cursor[], promptTokens: number, cancel = new CancelFlag()): Promise<Typing> {
  const keys: { prompt: number; reused: number }[] = [];
  for (const { snapshot, expected } of cursors) {
    const characters = [...expected].slice(0, MOST_KEYS);
    for (let typed = 0; typed <= characters.length; typed++) {
      const before = snapshot.before + characters.slice(0, typed).join('');
      const { tokens } = await engine.generate({ prompt: { snapshot: { ...snapshot, before }, promptTokens }, max: WRITTEN, sampling: { temperature: 0 } }, cancel);
      if (cancel.isSet) break;
      if (typed > 0) keys.push(tokens);
    }
  }
  const computed = keys.map(({ prompt, reused }) => prompt - reused);
  return {
    lines: cursors.length, keys: keys.length, prompt: mean(keys.map(({ prompt }) => prompt)), reused: mean(keys.map(({ reused }) => reused)),
    computed: { p50: percentile(computed, 0.5), p95: percentile(computed, 0.95), most: Math.max(...computed) },
  };
}
