// Other files in front of the one at the cursor, in the form that a model was trained to read several in:
//   separated  <repo>NAME⏎ <sep>path⏎text⏎ … <sep>own⏎ <prefix>…      Qwen2.5-Coder
//   named      <sep>path⏎text⏎ … <sep>own⏎ <prefix>…                   Granite
//   unnamed    <sep>text⏎ … <sep> <prefix>…                            StarCoder2
//   between    text⏎<sep> … <prefix>…                                  CodeGemma
//   commented  <prefix>#path⏎text⏎ … #own⏎…                            DeepSeek-Coder
//   plus       <prefix>+++++ path⏎text⏎ … +++++ own⏎…                  Codestral
// What a file says, its path included, is text: it never becomes a control token.
import type { FilesForm, FimTokens } from '../tokenizer/files.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { cutSuffix, normalise } from './budget.ts';

export interface OtherFile {
  /** As the model reads it. */
  readonly path: string;
  readonly text: string;
}

export interface FilesBefore {
  /** Behind the first token of all, before the markers. */
  readonly lead: readonly number[];
  /** At the beginning of the text before the cursor. */
  readonly inPrefix: readonly number[];
  /** What stands there, in its order. */
  readonly files: readonly OtherFile[];
}

/** Tokens of a prompt below which other files have no place in it. */
const LEAST_PROMPT = 1024;
/** Tokens of a file below which it says nothing. */
const LEAST_FILE = 32;

/**
 * Tokens of a prompt that other files may take: a quarter, and half beside a file that needs no more, which a token a character never does. Depends on
 * nothing that a key changes but that.
 */
export function filesRoom(total: number, characters: number): number {
  if (total < LEAST_PROMPT) return 0;
  return Math.floor(characters <= total ? total / 2 : total / 4);
}

interface Form {
  inPrefix: boolean;
  /** Whether a separator stands before a file, or behind it. */
  separator: 'before' | 'behind' | 'none';
  head: (path: string) => string;
}

const forms: Readonly<Record<FilesForm, Form>> = {
  separated: { inPrefix: false, separator: 'before', head: (path) => `${path}\n` },
  named: { inPrefix: false, separator: 'before', head: (path) => `${path}\n` },
  unnamed: { inPrefix: false, separator: 'before', head: () => '' },
  between: { inPrefix: false, separator: 'behind', head: () => '' },
  commented: { inPrefix: true, separator: 'none', head: (path) => `#${path}\n` },
  plus: { inPrefix: true, separator: 'none', head: (path) => `+++++ ${path}\n` },
};

export interface Beside {
  /** The nearest first: what has no room is left out from the end, and of a file that is too long the end. */
  ranked: readonly OtherFile[];
  /** All of them, in the order in which they are to stand. */
  order: readonly OtherFile[];
  /** Path of the file at the cursor. */
  own: string;
  repository: string;
}

/** The files of which at least the beginning fits into `room` tokens; undefined where none does. */
export function filesBefore({ ranked, order, own, repository }: Beside, room: number, form: FilesForm, fim: FimTokens, tokenizer: Pick<Tokenizer, 'encode'>): FilesBefore | undefined {
  const { inPrefix, separator, head } = forms[form];
  const mark = separator === 'none' ? [] : [fim.fileSeparator!];
  const named = form === 'separated' && fim.repo !== undefined;
  const first = named ? [fim.repo!, ...tokenizer.encode(`${repository}\n`, { atStart: true })] : [];
  // In a prefix the header of the file at the cursor goes on the text of those before it.
  const last = separator === 'behind' ? [] : [...mark, ...tokenizer.encode(head(own), { atStart: !inPrefix })];
  let left = room - first.length - last.length;
  const kept = new Map<OtherFile, number[]>();
  for (const file of ranked) {
    // No file takes all of the room where there are others.
    const limit = Math.min(left, Math.max(LEAST_FILE * 2, Math.floor(room / Math.min(2, ranked.length))));
    if (limit < LEAST_FILE) break;
    const body = beginning(file, limit - mark.length, head(file.path), inPrefix, tokenizer);
    if (!body) continue;
    kept.set(file, separator === 'before' ? [...mark, ...body] : [...body, ...mark]);
    left -= body.length + mark.length;
  }
  const files = order.filter((file) => kept.has(file));
  if (files.length === 0) return undefined;
  const tokens = [...first, ...files.flatMap((file) => kept.get(file)!), ...last];
  return { lead: inPrefix ? [] : tokens, inPrefix: inPrefix ? tokens : [], files };
}

/** Head and whole lines of a file, at most so many tokens; undefined where nothing of it fits. */
function beginning({ text }: OtherFile, limit: number, head: string, inPrefix: boolean, tokenizer: Pick<Tokenizer, 'encode'>): number[] | undefined {
  const trimmed = text.trimEnd();
  if (trimmed === '') return undefined;
  const encode = (part: string): number[] => tokenizer.encode(part, { atStart: !inPrefix });
  const headTokens = encode(head).length;
  // Head and text together may take a token or two more than each alone.
  for (let room = limit - headTokens - 1; room >= 1; room -= 4) {
    const cut = trimmed.slice(0, cutSuffix(trimmed, room, encode).end).trimEnd();
    if (cut === '') return undefined;
    const tokens = encode(`${head}${normalise(cut)}\n`);
    if (tokens.length <= limit) return tokens;
  }
  return undefined;
}
