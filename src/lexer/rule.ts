// What a language's grammar of brackets, strings and comments is made of: rules with steps, plain data for the one engine in lexer.ts.

/** How a stretch of a document is read: code, where brackets are structure, or a text (a string, a comment, prose), where they are punctuation. */
export interface Rule {
  readonly name: 'code' | 'string' | 'comment' | 'regex' | 'markup' | 'tag' | 'prose';
  readonly code: boolean;
  /** It ends with its line, whatever it holds. */
  readonly line?: boolean;
  /** Tried in order. */
  readonly steps: readonly Step[];
}

/** What may stand in a stretch, and what it does. */
export interface Step {
  /** The characters that it may begin with. */
  readonly first: string;
  /** Sticky; a lookbehind says what must stand in front. */
  readonly match: RegExp;
  readonly does:
    | { readonly skip: true }
    /** The stretch ends behind it. */
    | { readonly leave: true }
    /** A stretch of its own begins behind it, up to `close`. `lone`: where nothing closes it on its line, it is an ordinary character. */
    | { readonly enter: () => Rule; readonly close?: (match: RegExpExecArray) => string; readonly lone?: boolean }
    /** The stretch goes on as another: a tag becomes the text of an element. */
    | { readonly turn: () => Rule }
    /** Code within a text, up to the bracket that closes `hole`. */
    | { readonly hole: '{' | '(' | '['; readonly code: () => Rule }
    /** A text that begins on the next line and ends with a line that is `close`. */
    | { readonly below: (match: RegExpExecArray) => string; readonly rule: () => Rule }
    /** A word that opens, or one that closes. */
    | { readonly opens: string }
    | { readonly closes: string }
    /** A line for a preprocessor: its branches all begin with what was open before the first. */
    | { readonly branch: (match: RegExpExecArray) => 'if' | 'else' | 'end' | null; readonly rule: () => Rule }
    /** Cannot stand here unless something was read wrongly. */
    | { readonly doubt: true };
  /** `first` are the beginnings of whole words; `match` is tried where such a word begins. */
  readonly words?: string;
}

export const skip = (first: string, match: RegExp): Step => ({ first, match, does: { skip: true } });
export const leave = (first: string, match: RegExp): Step => ({ first, match, does: { leave: true } });

/** A backslash and what it takes the meaning of. */
export const escape = skip('\\', /\\(?:\r\n|[^])/y);

export function literal(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), 'y');
}

/** A comment up to the end of the line. */
export function lineComment(first: string, match: RegExp = literal(first)): Step {
  return { first: first[0], match, does: { enter: () => commentLine } };
}
const commentLine: Rule = { name: 'comment', code: false, line: true, steps: [] };

/** A comment between two marks. */
export function blockComment(open: string, close: string, nests = false): Step {
  const again = literal(open);
  const inside: Rule = {
    name: 'comment', code: false,
    // The same mark once more says that the comment was closed, or was none. `/*/` is both.
    steps: [nests ? { first: open[0], match: again, does: { enter: () => inside, close: () => close } } : { first: open[0], match: new RegExp(`${again.source}(?!\\/)`, 'y'), does: { doubt: true } }],
  };
  return { first: open[0], match: literal(open), does: { enter: () => inside, close: () => close } };
}

export interface StringForm {
  /** Where not the quote alone begins it. */
  match?: RegExp;
  first?: string;
  /** What closes it, where it is not the quote. */
  close?: string | ((match: RegExpExecArray) => string);
  /** Default: a backslash takes the meaning of the next character. `doubled`: the quote twice is one of it. */
  escapes?: 'backslash' | 'doubled' | 'none';
  /** May go over several lines. */
  spans?: boolean;
  /** Code within it. */
  holes?: readonly Step[];
}

/** A string between quotes. */
export function quoted(quote: string, { match, first, close = quote, escapes = 'backslash', spans = false, holes = [] }: StringForm = {}): Step {
  const steps = [...(escapes === 'backslash' ? [escape] : escapes === 'doubled' ? [skip(quote[0], literal(quote + quote))] : []), ...holes];
  const rule: Rule = { name: 'string', code: false, line: !spans, steps };
  return { first: first ?? quote[0], match: match ?? literal(quote), does: { enter: () => rule, close: typeof close === 'string' ? () => close : close, lone: !spans && holes.length === 0 } };
}

/** Code within a text, `open` up to and with its bracket. */
export function hole(open: string, code: () => Rule): Step {
  return { first: open[0], match: literal(open), does: { hole: open.at(-1) as '{' | '(' | '[', code } };
}

export const code = (steps: readonly Step[]): Rule => ({ name: 'code', code: true, steps });
