// Text that must never become control tokens inside text that may: a mark breaks every occurrence of a control token's text, and the tokenizer drops the marks.

/** Breaks the text of a control token behind its first character. A noncharacter: no text needs it, and no template trims or matches it. Twice in a row it stands for itself. */
export const breakMark = '\ufdd0';

/** The texts of all control tokens of one model. */
export class ControlTexts {
  private readonly texts = new Set<string>();
  /** The lengths that occur behind a first character, in UTF-16 units. */
  private readonly lengths = new Map<string, number[]>();

  constructor(texts: Iterable<string>) {
    for (const text of texts) {
      if (text === '' || this.texts.has(text)) continue;
      this.texts.add(text);
      const lengths = this.lengths.get(text[0]);
      if (lengths === undefined) this.lengths.set(text[0], [text.length]);
      else if (!lengths.includes(text.length)) lengths.push(text.length);
    }
  }

  /** The text with a mark in every occurrence of a control token's text, and with its own marks doubled. Encoded with `special`, it gives the ids of the text as it is. */
  protect(text: string): string {
    let safe = '';
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const own = text[i] === breakMark;
      if (!own && !this.startsAt(text, i)) continue;
      safe += text.slice(from, i + 1) + breakMark;
      from = i + 1;
    }
    return from === 0 ? text : safe + text.slice(from);
  }

  private startsAt(text: string, at: number): boolean {
    const lengths = this.lengths.get(text[at]);
    return lengths !== undefined && lengths.some((length) => this.texts.has(text.slice(at, at + length)));
  }
}

/** The text as it was before `protect`. */
export const dropMarks = (text: string): string => text.replace(/\ufdd0(\ufdd0?)/g, '$1');

/** Is the place `at` directly behind a broken character? Marks in pairs stand for themselves and break nothing. */
export function brokenAt(text: string, at: number): boolean {
  let end = at;
  while (text[end] === breakMark) end++;
  return (end - at) % 2 === 1;
}
