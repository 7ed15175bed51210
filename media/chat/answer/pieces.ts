// The top-level blocks of a piece of Markdown, and where each begins. Line by line, so that more text never moves what a whole line began.
import { languageOf, markdown } from './markdown.ts';
import { visible } from './visible.ts';

export interface Fence {
  sign: string;
  length: number;
  indent: number;
}

export interface Piece {
  kind: 'markdown' | 'code';
  /** Where it begins in the text, in characters. */
  start: number;
  /** A whole line begins it. */
  begun: boolean;
  /** Of Markdown: as it is shown. Of code: as the model wrote it. */
  text: string;
  language: string;
  /** Set for code between fences that has no end yet, with the characters of the line that opens it. */
  open: { fence: Fence; opening: number } | null;
  /** Of code between fences whose end is a whole line: where what follows begins. No text can change it any more. */
  closed: number | null;
}

/** Quotes and lists within each other, at most; what is deeper is shown as it was written. */
const MAX_DEPTH = 8;
/** Signs of one kind in what is read as one block. Beyond them it is a pattern and no text, and reading it takes more than linear time. */
const MAX_SIGNS = 400;

const deep = new RegExp(`^(?:[ \\t]*(?:>|(?:[-*+]|\\d{1,9}[.)])(?=[ \\t]|$))){${MAX_DEPTH + 1},}`);

/** Counts the signs that Markdown gives a meaning to. */
export class Signs {
  readonly #counts = new Map<string, number>();

  /** True once there are too many of one kind. */
  add(text: string): boolean {
    let many = false;
    for (const [sign] of text.matchAll(/[[\]<>*_~`!\\&|]/g)) {
      const count = (this.#counts.get(sign) ?? 0) + 1;
      this.#counts.set(sign, count);
      many ||= count > MAX_SIGNS;
    }
    return many;
  }
}

/** A line that is not read as Markdown: it would take long, or be nested deeper than anybody reads. */
export const isPattern = (line: string): boolean => (deep.test(line) && !/^[ \t]*([-*+])(?:[ \t]*\1)*[ \t]*$/.test(line)) || new Signs().add(line);

export function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

export const closesFence = (line: string, { sign, length }: Fence): boolean => {
  const found = line.length < 200 && /^ {0,3}(`{3,}|~{3,})[ \t]*$/.exec(line);
  return found !== null && found !== false && found[1][0] === sign && found[1].length >= length;
};

/** Takes away as much indentation as the fence has. */
export const unindented = (line: string, indent: number): string => line.slice(Math.min(/^ */.exec(line)![0].length, indent));

export function piecesOf(text: string): Piece[] {
  const source = visible(text);
  const [starts, shownStarts] = [lineStarts(text), lineStarts(source)];
  const tokens: ReturnType<typeof markdown.parse> = [];
  markdown.block.parse(source, markdown, {}, tokens);
  const tops = tokens.filter(({ level, nesting, map }) => level === 0 && nesting >= 0 && map !== null);
  return tops.map(({ type, map, markup, info }, index) => {
    const [line, end] = map!;
    const start = starts[line];
    const place = { start, begun: line < starts.length - 1, language: '', open: null, closed: null };
    const lines = (from: number, to: number) => text.slice(starts[from] ?? text.length, starts[to] ?? text.length).split('\n');
    if (type === 'code_block') return { ...place, kind: 'code', text: `${lines(line, end).map((each) => each.replace(/^(?: {4}|\t| +)/, '')).join('\n').trimEnd()}\n` };
    if (type !== 'fence') return { ...place, kind: 'markdown', text: source.slice(shownStarts[line], shownStarts[tops[index + 1]?.map![0]] ?? source.length) };
    const fence: Fence = { sign: markup[0], length: markup.length, indent: /^ */.exec(text.slice(start))![0].length };
    const closed = end - 1 > line && closesFence(lines(end - 1, end)[0], fence);
    const code = lines(line + 1, closed ? end - 1 : end).map((each) => unindented(each, fence.indent)).join('\n');
    return { ...place, kind: 'code', text: code, language: languageOf(info), open: closed ? null : { fence, opening: (starts[line + 1] ?? text.length) - start }, closed: closed ? (starts[end] ?? null) : null };
  });
}
