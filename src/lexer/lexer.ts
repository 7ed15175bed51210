// One pass over a text by a language's rules: what is open at its end (brackets, strings, comments, code within strings), and every place where something closes.
import type { Rule, Step } from './rule.ts';

/** Something that is open. */
export interface Open {
  /** What it began with: a bracket, or a name for what is no bracket. */
  readonly kind: string;
  /** How what stands in it is read. */
  readonly rule: Rule;
  /** The text that ends it, where it is no bracket. */
  readonly close?: string;
  /** The line that ends it. */
  readonly lastLine?: string;
  /** Brackets do not pair across it. */
  readonly wall: boolean;
  /** A bracket within a text: punctuation that ends with its line at the latest. */
  readonly soft: boolean;
  /** Columns of white space in front of its line. */
  readonly indent: number;
}

/** What was open where a text begins. */
export interface LexState {
  readonly root: Rule;
  readonly open: readonly Open[];
  /** What was open at the `#if` of each branch that is still open. */
  readonly branches: readonly (readonly Open[])[];
}

/** A place where something closes. */
export interface Closing {
  readonly at: number;
  /** How much is open behind it. */
  readonly height: number;
  /** What it closed; null: nothing that is open, so that it is one too many. */
  readonly closed: Open | null;
}

export interface Lexed extends LexState {
  readonly closings: readonly Closing[];
  /** For each newline: how much is open behind it, and the index of the innermost text that goes on there, -1 in code. */
  readonly newlines: readonly { readonly height: number; readonly text: number }[];
  /** What was open at `mark`. */
  readonly marked: readonly Open[];
  /** Signs that the text was not read as it is meant: closed without being open, open at a wrong place, a lone quote. */
  readonly doubts: number;
  /** Brackets within texts that pair with none. */
  readonly loose: number;
}

export interface LexOptions {
  /** Begin here; what stands before is only looked back at. */
  from?: number;
  /** Notes what is open here. */
  mark?: number;
  /**
   * Something before the text is still to be written: a bracket that begins its line rather closes what a line of the same depth opened.
   * and closes the innermost in any case. `needed`: not if a deeper line opened that.
   */
  byIndent?: 'preferred' | 'needed';
  /** Stops when less than this is open. */
  least?: number;
}

const OPENERS = '([{';
const CLOSES: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
const TAB = 4;

export function lex(text: string, state: LexState, { from = 0, mark = -1, byIndent, least = -1 }: LexOptions = {}): Lexed {
  const run = new Run(text, state, byIndent);
  run.to(from, mark, least);
  return run;
}

class Run implements Lexed {
  readonly root: Rule;
  readonly open: Open[];
  readonly branches: (readonly Open[])[];
  readonly closings: Closing[] = [];
  readonly newlines: { height: number; text: number }[] = [];
  marked: readonly Open[] = [];
  doubts = 0;
  loose = 0;
  /** Texts that begin with the next line. */
  private pending: Open[] = [];
  private lineStart = 0;

  constructor(
    private readonly text: string,
    { root, open, branches }: LexState,
    private readonly byIndent: LexOptions['byIndent'],
  ) {
    this.root = root;
    this.open = [...open];
    this.branches = [...branches];
  }

  to(from: number, mark: number, least: number): void {
    const { text, open } = this;
    this.lineStart = text.lastIndexOf('\n', from - 1) + 1;
    let isMarked = mark < 0;
    for (let i = from; open.length >= least; ) {
      const { search, steps, words } = compiled(this.rule, this.close);
      search.lastIndex = i;
      const found = search.exec(text);
      if (!isMarked && (!found || found.index >= mark)) {
        isMarked = true;
        this.marked = [...open];
      }
      if (!found) break;
      i = this.at(found.index, steps.get(text[found.index]) ?? [], found.groups?.word === undefined ? [] : words);
    }
    if (!isMarked) this.marked = [...open];
  }

  private get rule(): Rule {
    return this.open.at(-1)?.rule ?? this.root;
  }

  private get close(): string | undefined {
    const text = this.open[this.innermostText()];
    return text?.rule === this.rule ? text.close : undefined;
  }

  /** The index of the text that the end stands in, -1 in code. */
  private innermostText(): number {
    if (this.rule.code) return -1;
    let at = this.open.length - 1;
    while (at >= 0 && !this.open[at].wall) at--;
    return at;
  }

  /** Takes what stands at `i`; returns where to go on. */
  private at(i: number, steps: readonly Step[], words: readonly Step[]): number {
    const { text } = this;
    const char = text[i];
    if (char === '\n') return this.newline(i);
    for (const list of [steps, words]) {
      for (const step of list) {
        step.match.lastIndex = i;
        const match = step.match.exec(text);
        const end = match && this.apply(step, match, i);
        if (end) return end;
      }
    }
    const { close } = this;
    if (close !== undefined && text.startsWith(close, i)) {
      this.leave(i);
      return i + close.length;
    }
    const { rule } = this;
    if (OPENERS.includes(char)) this.push({ kind: char, rule, soft: !rule.code });
    else if (char in CLOSES) {
      if (rule.code) this.closeBracket(i, CLOSES[char]);
      else if (this.open.at(-1)?.soft && this.open.at(-1)!.kind === CLOSES[char]) this.closings.push({ at: i, closed: this.open.pop()!, height: this.open.length });
      else this.loose++;
    }
    return i + 1;
  }

  /** Where to go on; 0 where the step does not apply after all. */
  private apply({ does }: Step, match: RegExpExecArray, i: number): number {
    const end = i + match[0].length;
    for (let at = match[0].indexOf('\n'); at >= 0; at = match[0].indexOf('\n', at + 1)) {
      this.lineStart = i + at + 1;
      this.newlines.push({ height: this.open.length, text: this.innermostText() });
    }
    if ('enter' in does) {
      const rule = does.enter();
      const close = does.close?.(match);
      if (does.lone && close !== undefined && isLone(this.text, end, close)) {
        this.doubts++;
        return end;
      }
      this.push({ kind: rule.name + (close ?? ''), rule, close, wall: true });
    } else if ('leave' in does) this.leave(i);
    else if ('turn' in does) {
      const at = this.innermostText();
      if (at >= 0) {
        const rule = does.turn();
        this.open.length = at + 1;
        this.open[at] = { ...this.open[at], kind: rule.name, rule };
      }
    } else if ('hole' in does) this.push({ kind: does.hole, rule: does.code(), wall: true });
    else if ('below' in does) this.pending.push({ kind: 'lines', rule: does.rule(), lastLine: does.below(match), wall: true, soft: false, indent: this.indent });
    else if ('opens' in does) this.push({ kind: does.opens, rule: this.rule });
    else if ('closes' in does) {
      const at = this.open.findLastIndex(({ kind, wall }) => wall || kind === does.closes);
      if (at < 0 || this.open[at].kind !== does.closes) return end;
      this.closings.push({ at: i, closed: this.open[at], height: at });
      this.open.length = at;
    } else if ('branch' in does) {
      const what = does.branch(match);
      if (what === 'if') this.branches.push([...this.open]);
      else if (what === 'else' && this.branches.length > 0) this.open.splice(0, Infinity, ...this.branches.at(-1)!);
      else if (what === 'end') this.branches.pop();
      this.push({ kind: 'directive', rule: does.rule(), wall: true });
    } else if ('doubt' in does) this.doubts++;
    return end;
  }

  private push(one: { kind: string; rule: Rule; close?: string; wall?: boolean; soft?: boolean }): void {
    this.open.push({ wall: false, soft: false, indent: this.indent, ...one });
  }

  private leave(i: number): void {
    const at = this.open.findLastIndex(({ wall }) => wall);
    if (at < 0) return;
    this.closings.push({ at: i, closed: this.open[at], height: at });
    this.loose += this.open.length - at - 1;
    this.open.length = at;
  }

  private closeBracket(i: number, kind: string): void {
    const { open } = this;
    // In a shell's `case`, what ends a pattern closes nothing.
    if (kind === '(' && open.at(-1)?.kind === 'case') return;
    let first = -1;
    let same = -1;
    const begins = this.byIndent !== undefined && /^[ \t]*$/.test(this.text.slice(this.lineStart, i));
    for (let at = open.length - 1; at >= 0; at--) {
      if (open[at].kind === kind) {
        if (first < 0) first = at;
        if (begins && open[at].indent === this.indent) same = same < 0 ? at : same;
      }
      if (open[at].wall) break;
    }
    const isOther = first >= 0 && (first < open.length - 1 ? open[first].indent !== this.indent : this.byIndent === 'needed' && open[first].indent > this.indent);
    const at = !begins ? first : same >= 0 ? same : isOther ? -1 : first;
    if (at < 0) {
      this.doubts++;
      this.closings.push({ at: i, closed: null, height: open.length });
      return;
    }
    if (at < open.length - 1) this.doubts++;
    this.closings.push({ at: i, closed: open[at], height: at });
    open.length = at;
  }

  private newline(i: number): number {
    const { open, text } = this;
    for (; open.at(-1)?.soft; open.pop()) this.loose++;
    for (let at = open.length - 1; at >= 0; at--) {
      if (!open[at].wall) continue;
      if (open[at].rule.line) {
        if (open[at].close !== undefined) this.doubts++;
        open.length = at;
      } else if (!open[at].rule.code) break;
    }
    this.lineStart = i + 1;
    open.push(...this.pending.splice(0).reverse());
    let next = i + 1;
    for (let top = open.at(-1); top?.lastLine !== undefined; top = open.at(-1)) {
      const newline = text.indexOf('\n', next);
      const end = newline < 0 ? text.length : newline;
      if (next >= text.length || !endsLines(text.slice(next, end), top.lastLine)) break;
      this.closings.push({ at: next, closed: top, height: open.length - 1 });
      open.pop();
      // What stands behind it on its line is code again: `EOF )`, `TEXT, $next`.
      next += text.slice(next, end).indexOf(top.lastLine) + top.lastLine.length;
      this.lineStart = i + 1;
    }
    this.newlines.push({ height: open.length, text: this.innermostText() });
    return next;
  }

  private get indent(): number {
    let columns = 0;
    for (let i = this.lineStart; ; i++) {
      if (this.text[i] === ' ') columns++;
      else if (this.text[i] === '\t') columns += TAB - (columns % TAB);
      else return columns;
    }
  }
}

/** Is this the line that ends a text over several lines? */
const endsLines = (line: string, last: string): boolean => {
  const trimmed = line.trim();
  return trimmed.startsWith(last) && !/[\p{L}\p{N}_]/u.test(trimmed[last.length] ?? '');
};

/** Does nothing close it on its line? Not known where the text ends before the line does. */
function isLone(text: string, from: number, close: string): boolean {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i += text[i + 1] === '\r' ? 2 : 1;
    else if (text.startsWith(close, i)) return false;
    else if (text[i] === '\n') return true;
  }
  return false;
}

interface Compiled {
  search: RegExp;
  steps: ReadonlyMap<string, readonly Step[]>;
  words: readonly Step[];
}

const compiledRules = new WeakMap<Rule, Map<string, Compiled>>();

/** What to look for in a stretch: the beginnings of its steps, its end, brackets and newlines. */
function compiled(rule: Rule, close = ''): Compiled {
  let forms = compiledRules.get(rule);
  if (!forms) compiledRules.set(rule, (forms = new Map()));
  const first = close.slice(0, 1);
  let form = forms.get(first);
  if (!form) {
    const steps = new Map<string, Step[]>();
    const words = rule.steps.filter((step) => step.words !== undefined);
    for (const step of rule.steps) {
      if (step.words === undefined) for (const char of step.first) steps.set(char, [...(steps.get(char) ?? []), step]);
    }
    const characters = [...new Set(['\n', ...'()[]{}', ...steps.keys(), ...first])].join('').replace(/[\\\]^[-]/g, '\\$&');
    const alternatives = words.length > 0 ? `|(?<![\\w$@%&])(?<word>${words.map((step) => step.words).join('|')})(?!\\w)` : '';
    form = { search: new RegExp(`[${characters}]${alternatives}`, 'g'), steps, words };
    forms.set(first, form);
  }
  return form;
}
