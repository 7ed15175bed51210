// How often the user took what was shown, by kind of place: counts alone, no text. What the gate adds for it, in log-odds.
import type { Snapshot } from '../prompt/snapshot.ts';
import { placeOf } from '../session/textEnd.ts';

/** Kinds of places: few, so that counts soon say something. */
export const KINDS = ['comment', 'string', 'member', 'argument', 'value', 'line', 'other'] as const;
export type Kind = (typeof KINDS)[number];
export type HabitCounts = { readonly [K in Kind]?: { readonly shown: number; readonly taken: number } };

/** What is believed of everybody, and how many suggestions that weighs. */
const TAKEN = 0.3;
const WEIGHT = 30;
/** Log-odds that a habit counts at most: it may move a border, not silence a kind of place. */
const MOST = 0.7;
/** Counts of a kind beyond which all are halved, so that the last weeks count more than the first. */
const FADE = 400;

/** What the text left of the cursor ends with, by what follows it. */
export const BEHIND = {
  member: /(?:\.|->|::)[\p{L}\p{N}_$]*$/u,
  argument: /[([,]\s*$/,
  value: /(?:[=:]|\b(?:return|await|new|throw|in|of|import|from|raise|yield))\s*$/,
};

export function kindOf(snapshot: Snapshot): Kind {
  const within = placeOf(snapshot).within?.name;
  if (within !== undefined) return within === 'comment' ? 'comment' : 'string';
  const left = snapshot.before.slice(snapshot.before.lastIndexOf('\n') + 1);
  if (left.trim() === '') return 'line';
  if (BEHIND.member.test(left)) return 'member';
  if (BEHIND.argument.test(left)) return 'argument';
  return BEHIND.value.test(left) ? 'value' : 'other';
}

export class Habit {
  private counts = new Map<Kind, { shown: number; taken: number }>();

  /** @param kept what `kept` gave in another session; whatever is no count is left out */
  constructor(kept: unknown = {}) {
    for (const kind of KINDS) {
      const { shown, taken } = ((kept ?? {}) as Record<string, { shown?: unknown; taken?: unknown } | undefined>)[kind] ?? {};
      if (isCount(shown) && isCount(taken) && taken <= shown) this.counts.set(kind, { shown, taken });
    }
  }

  /** A suggestion went, taken or not. */
  add(kind: Kind, taken: boolean): void {
    const { shown, taken: before } = this.counts.get(kind) ?? { shown: 0, taken: 0 };
    const next = { shown: shown + 1, taken: before + (taken ? 1 : 0) };
    this.counts.set(kind, next.shown > FADE ? { shown: next.shown / 2, taken: next.taken / 2 } : next);
  }

  /** What to add to the log-odds that a line at such a place is right. */
  of(kind: Kind): number {
    const { shown, taken } = this.counts.get(kind) ?? { shown: 0, taken: 0 };
    const odds = Math.log((taken + WEIGHT * TAKEN) / (shown - taken + WEIGHT * (1 - TAKEN))) - Math.log(TAKEN / (1 - TAKEN));
    return Math.max(-MOST, Math.min(MOST, odds));
  }

  /** As it can be kept: numbers alone. */
  get kept(): HabitCounts {
    return Object.fromEntries(this.counts);
  }

  clear(): void {
    this.counts.clear();
  }
}

const isCount = (x: unknown): x is number => typeof x === 'number' && Number.isFinite(x) && x >= 0;
