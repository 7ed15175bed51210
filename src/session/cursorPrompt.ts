// The prompt at a cursor: as large as what is known of it allows. Only what the cache does not hold has to be read while somebody waits, so that a whole file
// that was read ahead costs no more than a few lines; where nothing is known, the prompt is what can be read in time.
import type { FimPrompt } from '../prompt/fim.ts';
import type { Snapshot } from '../prompt/snapshot.ts';

/** Sizes of prompts, in tokens. Powers of two: another size is another beginning, and each costs a reading of its own. */
export const PROMPT_SIZES = [128, 256, 512, 1024, 2048, 4096, 8192, 16_384] as const;
/** Tokens beyond a suffix that is read with every key, as few as are read at once. */
const QUICK = 64;
/** Documents whose last prompt is remembered. */
const DOCUMENTS = 32;
/** What an editor puts behind the cursor by itself: closers, and the blanks between them. */
const CLOSERS = /^[\s)\]}'"`>;,]{1,200}/;

export interface PromptLimits {
  /** Tokens that are read in time. */
  affordable: number;
  /** Tokens of a prompt at most. */
  most: number;
  /** Tokens that are read with every key in any case: those of a suffix that comes last. */
  suffix: number;
  /** Whether the suffix comes first. */
  suffixFirst: boolean;
  /** The set of neighbours that may stand in it. */
  neighbours?: string;
}

/** A prompt, and the paths of other files in it. */
export interface Made extends FimPrompt {
  files?: readonly string[];
}

/** A prompt, and what of it has to be read. */
export interface CursorPrompt extends Made {
  unknown: number;
}

/** What the next prompt of a document must know to begin as the last one did. */
export interface Beginning {
  /** Tokens that it might have. */
  size: number;
  /** The text behind the cursor that it began with. */
  suffix: string;
}

/** How the last prompt of a document was made. */
interface Last extends Beginning {
  snapshot: Snapshot;
  limits: PromptLimits;
  tokens: readonly number[];
  /** Whether closers behind the cursor were left out of it. */
  lingered: boolean;
}

export class CursorPrompts {
  private readonly last = new Map<string, Last>();
  /** Of documents that were not asked about yet. */
  private readonly recalled = new Map<string, Beginning>();

  /**
   * @param make the prompt of so many tokens at most
   * @param known how many tokens need not be read, for the cache holds them
   */
  constructor(
    private readonly make: (snapshot: Snapshot, tokens: number, limits: PromptLimits) => Made,
    private readonly known: (tokens: readonly number[], limits: PromptLimits) => number,
  ) {}

  /** The largest prompt of which hardly anything has to be read, else the largest that is read in time. */
  choose(snapshot: Snapshot, limits: PromptLimits, isRemembered = true): CursorPrompt {
    const { affordable, most, suffix } = limits;
    const recalled = this.recalled.get(keyOf(snapshot));
    const last = this.last.get(keyOf(snapshot)) ?? recalled;
    const fallback = Math.min(affordable, most);
    // What was read before a restart may be less than is read in time, as far as that is known yet: it is there at once.
    const sizes = [...new Set([Math.min(last?.size ?? 0, most), fallback])].filter((size) => size >= fallback || (recalled && size > 0)).sort((a, b) => b - a);
    const tried = sizes.flatMap((size) => this.candidates(snapshot, size, limits, last));
    const chosen = tried.find(({ prompt }) => prompt.unknown <= suffix + QUICK) ?? tried.find(({ prompt }) => prompt.unknown <= affordable) ?? tried.findLast(({ lingered }) => !lingered)!;
    if (isRemembered) this.remember({ snapshot, limits, size: chosen.size, suffix: chosen.suffix, lingered: chosen.lingered, tokens: chosen.prompt.tokens });
    return chosen.prompt;
  }

  /**
   * What is worth reading while nobody waits, behind the last prompt of a document: the same without what it left out, or twice as much of the file;
   * undefined where there is no more. `read` must be called once it is read.
   */
  ahead(document: Pick<Snapshot, 'uri' | 'path'>): { tokens: readonly number[]; snapshot: Snapshot; read: () => void } | undefined {
    const last = this.last.get(keyOf(document));
    if (!last) return undefined;
    const { snapshot, limits } = last;
    const now = this.prompt(snapshot, last.size, limits);
    if (last.lingered) return { tokens: now.tokens, snapshot, read: () => this.remember({ ...last, suffix: suffixOf(snapshot, now), lingered: false, tokens: now.tokens }) };
    const size = PROMPT_SIZES.find((next) => next > last.size);
    if (size === undefined || size > limits.most) return undefined;
    const next = this.prompt(snapshot, size, limits);
    if (next.tokens.length <= now.tokens.length) return undefined;
    return { tokens: next.tokens, snapshot, read: () => this.remember({ ...last, size, suffix: suffixOf(snapshot, next), tokens: next.tokens }) };
  }

  /** The last prompt of a document, by its key. */
  lastOf(key: string): (Beginning & { tokens: Int32Array }) | undefined {
    const last = this.last.get(key);
    return last && { size: last.size, suffix: last.suffix, tokens: Int32Array.from(last.tokens) };
  }

  /** The first prompt of a document is to begin as one did that was made before. */
  recall(document: Pick<Snapshot, 'uri' | 'path'>, { size, suffix }: Beginning): void {
    this.recalled.set(keyOf(document), { size, suffix });
  }

  /** The prompt of a size; and where the suffix comes first, the one that begins as the last one did, for only closers came between. */
  private candidates(snapshot: Snapshot, size: number, limits: PromptLimits, last: Beginning | undefined): (Pick<Last, 'size' | 'suffix' | 'lingered'> & { prompt: CursorPrompt })[] {
    const prompt = this.prompt(snapshot, size, limits);
    const whole = { prompt, size, suffix: suffixOf(snapshot, prompt), lingered: false };
    const closers = limits.suffixFirst && last ? closersBefore(snapshot.after, last.suffix) : 0;
    if (closers === 0) return [whole];
    const without = this.prompt({ ...snapshot, after: snapshot.after.slice(closers) }, size, limits);
    return [whole, { prompt: { ...without, spans: withGap(without, snapshot, closers) }, size, suffix: last!.suffix, lingered: true }];
  }

  private prompt(snapshot: Snapshot, size: number, limits: PromptLimits): CursorPrompt {
    const prompt = this.make(snapshot, size, limits);
    return { ...prompt, unknown: prompt.tokens.length - this.known(prompt.tokens, limits) };
  }

  private remember(last: Last): void {
    const key = keyOf(last.snapshot);
    this.recalled.delete(key);
    this.last.delete(key);
    this.last.set(key, last);
    const [oldest] = this.last.keys();
    if (this.last.size > DOCUMENTS) this.last.delete(oldest);
  }
}

/** Tells documents apart. */
export const keyOf = ({ uri, path }: Pick<Snapshot, 'uri' | 'path'>): string => uri ?? path;

/** The text behind the cursor that a prompt shows. */
function suffixOf({ before, after }: Snapshot, { spans }: FimPrompt): string {
  const span = spans.find(({ name, dropped }) => name === 'suffix' && !dropped);
  return span ? after.slice(0, span.end - before.length) : '';
}

/** Characters of closers before the text that stood behind the cursor until now; 0 where anything else came between. */
function closersBefore(after: string, suffix: string): number {
  if (suffix === '' || after.startsWith(suffix)) return 0;
  const most = CLOSERS.exec(after)?.[0].length ?? 0;
  for (let length = 1; length <= most; length++) if (after.startsWith(suffix, length)) return length;
  return 0;
}

/** The spans of a prompt that was made without the first characters behind the cursor, for the document that has them. */
function withGap({ spans }: FimPrompt, { before }: Snapshot, gap: number): FimPrompt['spans'] {
  const at = before.length;
  const moved = spans.map((span) => (span.name === 'suffix' ? { ...span, start: span.start + gap, end: span.end + gap } : span));
  const first = moved.findIndex(({ name }) => name === 'suffix');
  return moved.toSpliced(first < 0 ? moved.length : first, 0, { name: 'suffix', start: at, end: at + gap, tokens: 0, dropped: true });
}
