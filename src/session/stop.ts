// When a code completion ends, and what of it a person would accept.
// Everything here looks at the text generated so far as a whole, so the way it arrives (in which pieces) changes nothing.
import type { Open } from '../lexer/lexer.ts';
import { Place } from '../lexer/place.ts';
import { blankRun, lineLoop, wordLoop } from './loops.ts';
import { endOfWhole } from './wholeCharacters.ts';

export { StopStrings } from './stopStrings.ts';

/** The surroundings of the cursor. */
export interface CursorContext {
  /** Text left of the cursor on its line. */
  linePrefix: string;
  /** Text right of the cursor on its line. */
  lineSuffix: string;
  /** The next lines below; a dozen is enough. */
  linesBelow: readonly string[];
  languageId: string;
  /** Default: `DEFAULT_MOST_LINES`. */
  maxLines?: number;
  /** Columns of a tab. Default 4. */
  tabSize?: number;
  /** What is open at the cursor and what of it is closed behind it, by the whole document. Default: by the lines above alone. */
  place?: Place;
}

export type StopReason =
  | 'newline' // a single-line completion has its line
  | 'indentation' // the next line leaves the block
  | 'bracket' // a bracket, a quote or the end of a comment would close what is closed already, or what is not open
  | 'complete' // the block that was opened left of the cursor is closed
  | 'blankLine' // a blank line after something complete
  | 'below' // the next line already stands below the cursor
  | 'maxLines'
  | 'repetition'; // the text goes in circles

interface Cut {
  /** The text ends here (exclusive). */
  end: number;
  reason: StopReason;
}

type Opener = 'none' | 'bracket' | 'colon' | 'word' | 'arrow';

const colonBlocks = new Set(['python', 'yaml', 'dockercompose', 'nim', 'gdscript', 'mojo', 'cython']);
const wordBlocks = new Set(['ruby', 'lua', 'shellscript', 'elixir', 'julia', 'crystal', 'fish']);
const paragraphs = new Set(['markdown', 'plaintext', 'restructuredtext', 'asciidoc', 'latex', 'tex']);
/** What is written in several lines and can be closed behind any of them. */
const BLOCKS: ReadonlySet<string> = new Set(['{', '[']);
const CLOSING: Readonly<Partial<Record<string, string>>> = { '{': '}', '[': ']', '(': ')' };
export const DEFAULT_MOST_LINES = 20;
/** Right of the cursor: nothing but what closes. */
const CLOSERS = /^[)\]}\s;,]*[)\]}][)\]}\s;,]*$/;
/** Of words that are written without blanks between them each character may be the last. */
const WORD = /(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}])[\p{L}\p{N}_$]/u;
/** After these something must follow. */
const MID_EXPRESSION = /(?:[,.([+\-*/%&|^=<>!?~@\\]|=>|\b(?:and|or|not|in|is|as|if|else|return|new|await|typeof|instanceof|const|let|var|import|from|of|function|async|class|extends|throw|lambda|fn|func|def))\s*$/;

export class CompletionStop {
  readonly mode: 'singleLine' | 'multiLine';
  /** Why generation should end; null while it should go on. */
  reason: StopReason | null = null;

  private readonly context: CursorContext;
  private readonly opener: Opener;
  private readonly place: Place;
  private readonly maxLines: number;
  private readonly below: readonly string[];
  private readonly prefixIndent: number;
  /** The word or bracket that would close the block stands below already. */
  private readonly closedBelow: boolean;
  private generated = '';
  /** A limit ended the text, and what it left open was closed: nothing more is cut of it. */
  private isClosed = false;

  constructor(context: CursorContext) {
    this.context = { ...context, lineSuffix: context.lineSuffix.replace(/\r$/, '') };
    this.maxLines = context.maxLines ?? DEFAULT_MOST_LINES;
    this.below = context.linesBelow.map((line) => line.trimEnd()).filter((line) => line !== '');
    this.prefixIndent = this.indent(context.linePrefix);
    this.place = context.place ?? new Place({ above: undefined, linePrefix: context.linePrefix, lineSuffix: this.context.lineSuffix, below: context.linesBelow.join('\n'), languageId: context.languageId });
    this.opener = this.place.within ? 'none' : openerOf(this.context);
    this.mode = this.chooseMode();
    const sibling = this.below.find((line) => this.indent(line) <= this.prefixIndent);
    const closer = sibling !== undefined && this.indent(sibling) === this.prefixIndent ? sibling.trim() : '';
    this.closedBelow = /^(?:[)\]}]|(?:end|fi|done|esac|until)\b)/.test(closer);
  }

  /** Takes the next piece of text; true: stop generating. */
  push(piece: string): boolean {
    if (this.reason !== null) return true;
    this.generated += piece;
    return this.apply(this.findCut(this.generated, false));
  }

  /** The model ended by itself; `cutOff`: it did not, a limit did, so the last of several lines may be half a line. */
  end(cutOff = false): void {
    if (this.reason !== null) return;
    if (cutOff) this.generated = this.generated.slice(0, endOfWhole(this.generated));
    this.apply(this.findCut(this.generated, true));
    if (!cutOff || this.reason !== null) return;
    const lines = this.generated.split('\n').slice(0, -1);
    if (this.mode === 'multiLine' && (lines.length > 1 || lines[0]?.trim())) this.close(lines);
    else this.generated = this.wholePart(this.generated, true);
  }

  /** A limit ended the text: keeps of its whole lines those behind which everything can be closed, and closes it. */
  private close(lines: string[]): void {
    for (; lines.length > 0; lines.pop()) {
      if (lines.at(-1)!.trim() === '') continue;
      const text = lines.join('\n');
      const closers = this.closersOf(lines);
      if (closers === null) continue;
      // In JSON nothing may be missing behind a comma.
      this.generated = (closers !== '' && this.context.languageId === 'json' ? text.replace(/,\s*$/, '') : text) + closers;
      this.isClosed = closers !== '';
      return;
    }
    this.generated = '';
  }

  /** The lines that close what these leave open, each with its line break; null where these end in the middle of something. */
  closersOf(text: readonly string[]): string | null {
    if (this.place.within) return '';
    const lines = text.slice(0, 1 + text.findLastIndex((line) => line.trim() !== ''));
    if (lines.length === 0) return null;
    const left = this.place.leftOpen(lines.join('\n'));
    if (left === null) return null;
    const last = lines.at(-1)!.trimEnd();
    const isBlock = left.length > 0 && BLOCKS.has(left.at(-1)!.kind);
    const isHeader = isBlock ? /[{[]$/.test(last) : colonBlocks.has(this.context.languageId) && last.endsWith(':');
    // Nothing would stand between its brackets: better without it, where there is something else.
    if (isHeader) return lines.some((line, i) => i < lines.length - 1 && line.trim() !== '') ? null : this.closingLines(left, lines);
    return MID_EXPRESSION.test(last) && !(isBlock && last.endsWith(',')) ? null : this.closingLines(left, lines);
  }

  /** What was opened in a line is closed in one; null where that line does not end with a block or a list, so that more belongs into it. */
  private closingLines(left: readonly Open[], lines: readonly string[]): string | null {
    const full = [this.context.linePrefix + lines[0], ...lines.slice(1)];
    let closers = '';
    for (let end = left.length; end > 0; ) {
      const { kind, indent } = left[end - 1];
      if (!BLOCKS.has(kind)) return null;
      let start = end - 1;
      while (start > 0 && left[start - 1].indent === indent) start--;
      const group = left.slice(start, end).map((one) => CLOSING[one.kind]);
      if (group.includes(undefined)) return null;
      const line = full.findLast((one) => one.trim() !== '' && this.indent(one) === indent);
      closers += `\n${/^[ \t]*/.exec(line ?? '')![0]}${group.reverse().join('')}`;
      end = start;
    }
    return closers;
  }

  /** The longest beginning of a line that leaves nothing open and does not end in the middle of something; `cutOff`: its last word may be half a word. */
  private wholePart(text: string, cutOff = false): string {
    if (this.place.within) return text; // prose may end anywhere
    for (let end = text.length; end > 0; end--) {
      const isWithin = WORD.test(text[end - 1]) && (end < text.length ? WORD.test(text[end]) : cutOff);
      const part = text.slice(0, end);
      // The parameters of a function that is not written are none of its arguments' place.
      const isHead = /^\s*(?:=>|\{)/.test(text.slice(end));
      if (!isWithin && !isHead && part.trimEnd() === part && !MID_EXPRESSION.test(part) && !this.leavesOpen(part)) return part;
    }
    return '';
  }

  /** In a string or a comment brackets are only signs. */
  private leavesOpen(text: string): boolean {
    return !this.place.within && this.place.scan(text).open > this.place.scan('').open;
  }

  /** What was generated, cut where it should end. */
  get text(): string {
    return this.generated;
  }

  /** What to offer of a text: without what stands right of or below the cursor already, without trailing blank lines; '' for nothing. */
  trim(text: string = this.generated): string {
    const cut = this.isClosed ? null : this.findCut(text, true);
    let kept = cut ? text.slice(0, cut.end) : text;
    kept = this.withoutLinesBelow(kept.replace(/\r/g, ''));
    kept = this.withoutSuffix(kept);
    if (kept.trim() === '') return '';
    const suffix = this.context.lineSuffix.trim();
    if (suffix === '') return kept.trimEnd();
    // What is opened before closers that stand there is closed before them, or not offered.
    if (CLOSERS.test(suffix) && this.leavesOpen(kept)) kept = this.wholePart(kept.split('\n')[0]);
    if (!kept.includes('\n')) return /^\s/.test(this.context.lineSuffix) ? kept.trimEnd() : kept;
    if (this.mode === 'singleLine') return kept;
    // Several lines before a closing bracket: it goes onto a line of its own.
    return `${kept.trimEnd()}\n${/^[ \t]*/.exec(this.context.linePrefix)![0]}`;
  }

  private apply(cut: Cut | null): boolean {
    if (cut === null) return false;
    this.generated = this.generated.slice(0, cut.end);
    this.reason = cut.reason;
    if (cut.reason === 'maxLines') this.close(this.generated.split('\n'));
    return true;
  }

  private chooseMode(): 'singleLine' | 'multiLine' {
    const { linePrefix, lineSuffix } = this.context;
    const right = lineSuffix.trim();
    if (right !== '') {
      // Between the brackets of a block: `{|}`. Everything else right of the cursor asks for one line.
      return /^[}\])\s;,]+$/.test(right) && right.startsWith('}') && /\{\s*$/.test(linePrefix) ? 'multiLine' : 'singleLine';
    }
    return linePrefix.trim() === '' || this.opener !== 'none' ? 'multiLine' : 'singleLine';
  }

  /** The first place where a rule ends the text. `whole`: nothing follows, so the last line is a whole line. */
  private findCut(text: string, whole: boolean): Cut | null {
    const cut = this.mode === 'singleLine' ? this.cutSingle(text) : this.cutMulti(text, whole);
    const blanks = blankRun(text, this.context.linePrefix);
    // Whichever is known first.
    return blanks && (cut === null || blanks.at < cut.end) ? { end: blanks.start, reason: 'repetition' } : cut;
  }

  private cutSingle(text: string): Cut | null {
    const newline = text.search(/\r?\n/);
    const line = newline < 0 ? text : text.slice(0, newline);
    if (newline >= 0 && this.opensBlock(line)) return this.cutBlock(text, newline);
    const { excess } = this.place.scan(line);
    const loop = wordLoop(excess < 0 ? line : line.slice(0, excess));
    if (loop >= 0) return { end: loop, reason: 'repetition' };
    if (excess >= 0) return { end: excess, reason: 'bracket' };
    return newline < 0 ? null : { end: newline, reason: 'newline' };
  }

  /** `map(|)` and the text `(x) => {`: the block goes on to its end, before the closers that stand there. */
  private opensBlock(line: string): boolean {
    return CLOSERS.test(this.context.lineSuffix.trim()) && /[{([]\s*$/.test(line) && this.place.scan(line).excess < 0 && this.leavesOpen(line);
  }

  /** The end of the block that the first line opens; where there is none in sight, of the first line. */
  private cutBlock(text: string, newline: number): Cut | null {
    const { excess, openAtNewline } = this.place.scan(text);
    const least = this.place.scan('').open;
    const lines = text.split('\n');
    for (let i = 1, start = lines[0].length + 1; i < lines.length; i++, start += lines[i - 1].length + 1) {
      const end = start + lines[i].length;
      if (excess >= start && excess <= end) return { end: excess, reason: 'bracket' };
      const leaves = lines[i].trim() !== '' && i < lines.length - 1 && openAtNewline[i - 1] !== -1 && this.indent(lines[i]) < this.prefixIndent;
      if (leaves || i >= this.maxLines) return { end: newline, reason: 'newline' };
      if (openAtNewline[i] !== undefined && openAtNewline[i] !== -1 && openAtNewline[i] <= least) return { end, reason: 'complete' };
    }
    return null;
  }

  private cutMulti(text: string, whole: boolean): Cut | null {
    const { languageId, linePrefix } = this.context;
    const { excess, openAtNewline, open } = this.place.scan(text);
    const depthAt = (line: number): number => openAtNewline[line] ?? open;
    const lines = text.split('\n');
    const onEmptyLine = linePrefix.trim() === '';
    const seen: string[] = [];
    let base = onEmptyLine ? -1 : this.prefixIndent; // -1: the first line with text sets it
    let blank = -1; // where a run of blank lines began
    let start = 0;
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i].replace(/\r$/, '');
      const full = i === 0 ? linePrefix + line : line;
      const end = start + line.length;
      const before = Math.max(0, start - 1); // without the newline in front
      const finished = whole || i < lines.length - 1;
      const nested = i > 0 && depthAt(i - 1) !== 0;

      if (line.trim() !== '') {
        const indent = this.indent(full);
        if (base < 0) base = Math.max(indent, this.prefixIndent);
        // Inside a string or a comment that began above, indentation means nothing.
        const placed = i > 0 && depthAt(i - 1) !== -1;
        if (placed && indent < (onEmptyLine ? Math.min(base, this.floor(nested, base)) : base)) return { end: before, reason: 'indentation' };
        const closing = excess >= start && excess < end;
        const words = wordLoop(text.slice(start, closing ? excess : end));
        if (words >= 0) return { end: start + words, reason: 'repetition' };
        if (closing) {
          const alone = text.slice(start, excess).trim() === '' && i > 0;
          return { end: alone ? before : excess, reason: 'bracket' };
        }
        if (placed && finished && !onEmptyLine && indent === base && !this.mayStandAtBase(full.trim(), depthAt(i - 1))) return { end: before, reason: 'indentation' };
        blank = -1;
        if (!finished) break;
        if (this.repeatsBelow(full, depthAt(i))) return { end: before, reason: 'below' };
        seen.push(full.trimEnd());
        const loop = lineLoop(seen);
        if (loop > 0) return { end: endOfLine(lines, i - loop * 2), reason: 'repetition' };
        if (this.isComplete(i, line, full.trim(), depthAt(i), i < lines.length - 1)) return { end, reason: 'complete' };
      } else if (finished && i < lines.length - 1 && (i > 0 || onEmptyLine)) {
        const something = seen.length > 0;
        if (blank >= 0 && something) return { end: blank, reason: 'blankLine' };
        if (something) {
          blank = before;
          const inside = !onEmptyLine || depthAt(i) !== 0 || (colonBlocks.has(languageId) && /:\s*$/.test(seen[seen.length - 1]));
          if (!inside || paragraphs.has(languageId)) return { end: before, reason: 'blankLine' };
        }
      }
      if (i + 1 >= this.maxLines && i < lines.length - 1) return { end, reason: 'maxLines' };
      start += lines[i].length + 1;
    }
    return null;
  }

  /** Inside brackets that the completion itself opened, a line may stand further left than its first line, but not left of the cursor's. */
  private floor(nested: boolean, base: number): number {
    return nested ? this.prefixIndent : base;
  }

  /** May this line stand as far left as the line that opened the block? */
  private mayStandAtBase(line: string, open: number): boolean {
    const { languageId, linePrefix } = this.context;
    if (/^[)\]}]/.test(line)) return open > 0 || this.opener === 'arrow';
    if (this.opener === 'colon') {
      return languageId === 'python' && /^(?:else|elif|except|finally)\b/.test(line) && /^\s*(?:if|elif|for|while|try|except|async for)\b/.test(linePrefix);
    }
    if (this.opener === 'word') {
      if (/^(?:else|elsif|elif|elseif|rescue|ensure|when|catch|after|in)\b/.test(line)) return true;
      return /^(?:end|fi|done|esac|until)\b/.test(line) && !this.closedBelow;
    }
    // Labels are often written at the depth of their block: `case 1:`, `default:`, `public:`, `#endif`.
    return open > 0 && /^(?:case\b|default\b|\w+\s*:$|#)/.test(line);
  }

  /** Is the block that the cursor's line opened closed at the end of this line? */
  private isComplete(index: number, line: string, trimmed: string, open: number, ended: boolean): boolean {
    if (!ended || open !== 0) return false;
    if (this.place.needed > 0) return true;
    if (this.opener === 'arrow') return index === 0 || /^[)\]}]/.test(trimmed);
    if (this.opener === 'word') return index > 0 && this.indent(line) === this.prefixIndent && /^(?:end|fi|done|esac|until)\b/.test(trimmed);
    // `{|}` or a bracket that is closed below: something on the cursor's own line is all there is to say.
    return this.opener === 'bracket' && index === 0;
  }

  /** Does the next line below stand here again? A closing bracket does not count while it closes something of ours. */
  private repeatsBelow(full: string, open: number): boolean {
    if (this.below.length === 0 || this.expand(full) !== this.expand(this.below[0])) return false;
    return /[\p{L}\p{N}]/u.test(full) || open <= 0;
  }

  /** Cuts the last lines where they are the first lines below. */
  private withoutLinesBelow(text: string): string {
    const lines = text.trimEnd().split('\n');
    const full = (i: number): string => this.expand(i === 0 ? this.context.linePrefix + lines[i] : lines[i]);
    for (let count = Math.min(lines.length, this.below.length); count > 0; count--) {
      const from = lines.length - count;
      const same = lines.slice(from).every((_, k) => full(from + k) === this.expand(this.below[k]));
      if (same && lines.slice(from).some((line) => /[\p{L}\p{N}]/u.test(line))) return lines.slice(0, from).join('\n');
    }
    return text;
  }

  /** Cuts the end of the text where it is the beginning of what stands right of the cursor. */
  private withoutSuffix(text: string): string {
    const { lineSuffix } = this.context;
    const right = lineSuffix.trimEnd();
    if (right.trim() === '') return text;
    const repeatsRight = (middle: string): boolean => right.trimStart().startsWith(middle.trim()) && isOverlap(middle.trim(), right.trimStart());
    if (repeatsRight(text)) return '';
    const unbalanced = (middle: string): number => this.place.unbalanced(middle, lineSuffix);
    for (const candidate of right === right.trimStart() ? [right] : [right, right.trimStart()]) {
      for (let length = Math.min(candidate.length, text.length); length > 0; length--) {
        const overlap = candidate.slice(0, length);
        if (!text.endsWith(overlap) || !isOverlap(overlap, candidate)) continue;
        const shorter = text.slice(0, text.length - length);
        if (unbalanced(shorter) <= unbalanced(text)) return repeatsRight(shorter) ? '' : shorter;
      }
    }
    return text;
  }

  private expand(line: string): string {
    return ' '.repeat(this.indent(line)) + line.trim();
  }

  /** Columns of white space in front. */
  private indent(line: string): number {
    const tab = this.context.tabSize ?? 4;
    let columns = 0;
    for (const char of line) {
      if (char === ' ') columns++;
      else if (char === '\t') columns += tab - (columns % tab);
      else break;
    }
    return columns;
  }
}

/** Is this common text too much to be chance? Punctuation, three characters, or all that stands there. */
function isOverlap(overlap: string, right: string): boolean {
  return overlap === right || overlap.trim().length >= 3 || /^[^\p{L}\p{N}_$]*$/u.test(overlap);
}

function openerOf({ linePrefix, languageId }: CursorContext): Opener {
  const line = linePrefix.trimEnd();
  if (line.trim() === '' || paragraphs.has(languageId)) return 'none';
  if (/^\s*(?:\/\/|\*|#(?=\s|$)|--\s)/.test(line)) return 'none'; // a comment
  if (colonBlocks.has(languageId) && line.endsWith(':')) return 'colon';
  if (wordBlocks.has(languageId) && !/\bend\s*$/.test(line)) {
    if (/(?:^|\s)(?:do|then|else|begin|repeat)$/.test(line) || /\bdo\s*\|[^|]*\|$/.test(line)) return 'word';
    if (languageId !== 'shellscript' && languageId !== 'lua' && /^\s*(?:def|class|module|if|unless|while|until|case|for|struct|function)\b/.test(line)) return 'word';
    if (languageId === 'lua' && /\bfunction\b[^()]*\([^()]*\)$/.test(line)) return 'word';
  }
  if (/=>$/.test(line)) return 'arrow';
  return /[{([]$/.test(line) ? 'bracket' : 'none';
}

/** The end of line `index` in the joined text; of 0 lines: 0. */
function endOfLine(lines: readonly string[], index: number): number {
  return lines.slice(0, Math.max(0, index + 1)).join('\n').length;
}
