// What goes with a question: how it stands in the prompt, and what of it fits. Whole or not at all: nothing is cut silently.
import type { AttachmentView } from '../shared/chatProtocol.ts';

export interface CodeAttachment {
  /** As the user knows it. */
  path: string;
  /** VS Code's id of the language: "typescript". */
  language: string;
  text: string;
  /** From 1, the last one included; undefined: the whole file. */
  lines?: { first: number; last: number };
  /** The function or class that it is. */
  symbol?: string;
}

export interface Problem {
  /** From 1. */
  line: number;
  severity: 'error' | 'warning' | 'information' | 'hint';
  message: string;
  /** "ts(2345)" */
  source?: string;
}

/** One more backtick than the longest run in the text, three at least: the text cannot end its block. */
export function fenceFor(text: string): string {
  const longest = (text.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 2);
  return '`'.repeat(longest + 1);
}

/** Path and lines, then the text in a fenced block. */
export function codeText({ path, language, text, lines, symbol }: CodeAttachment): string {
  const fence = fenceFor(text);
  const place = lines === undefined ? '' : lines.first === lines.last ? `, line ${lines.first}` : `, lines ${lines.first} to ${lines.last}`;
  const what = symbol === undefined ? '' : `, ${oneLine(symbol)}`;
  return `${oneLine(path)}${place}${what}:\n${fence}${/^[\w+#.-]+$/.test(language) ? language : ''}\n${text.replace(/\r\n?/g, '\n').replace(/\n$/, '')}\n${fence}`;
}

/** The path, then a problem a line. */
export function problemsText(path: string, problems: readonly Problem[]): string {
  const lines = problems.map(({ line, severity, message, source }) => `- line ${line}, ${severity}: ${oneLine(message)}${source === undefined ? '' : ` (${oneLine(source)})`}`);
  return `Problems in ${oneLine(path)}:\n${lines.join('\n')}`;
}

const oneLine = (text: string): string => text.replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();

/** Why something does not take part. `tooLong`: the model could not read it even alone. `noRoom`: not beside the rest. */
export type Refusal = { reason: 'empty' } | { reason: 'tooLong'; tokens: number; most: number } | { reason: 'noRoom'; tokens: number; free: number };

export interface Fitting {
  id: string;
  kind: AttachmentView['kind'];
  tokens: number;
}

export interface Room {
  /** Tokens that the model reads at most. */
  context: number;
  /** Kept for the answer. */
  reserve: number;
  /** Of the question and the system text: what has to be there. */
  needed: number;
}

/** The question is about what was selected; a whole file is only around it. */
const importance: readonly AttachmentView['kind'][] = ['selection', 'symbol', 'problems', 'file'];

/** For each attachment null (it takes part) or why it does not; the important ones first, then in the order given. A long one that has no room leaves it to shorter ones. */
export function fit(attachments: readonly Fitting[], { context, reserve, needed }: Room): Map<string, Refusal | null> {
  const most = Math.max(0, context - reserve - needed);
  let free = most;
  const fates = new Map<string, Refusal | null>();
  const ordered = attachments.map((attachment, i) => ({ ...attachment, i })).sort((a, b) => importance.indexOf(a.kind) - importance.indexOf(b.kind) || a.i - b.i);
  for (const { id, tokens } of ordered) {
    if (tokens === 0) fates.set(id, { reason: 'empty' });
    else if (tokens > most) fates.set(id, { reason: 'tooLong', tokens, most });
    else if (tokens > free) fates.set(id, { reason: 'noRoom', tokens, free });
    else {
      fates.set(id, null);
      free -= tokens;
    }
  }
  return fates;
}
