// Tokens that stand for their own text, whatever the vocabulary makes of the rest.
import { brokenAt } from './controlText.ts';

const utf8 = new TextEncoder();

/** Tokens that stand for their own text, found in a text the longest first (as llama.cpp does). */
export class AddedTexts {
  private readonly longestFirst: { id: number; content: string }[];
  private readonly any: RegExp | null;

  constructor(tokens: readonly { id: number; content: string }[]) {
    const length = new Map(tokens.map((token) => [token.id, utf8.encode(token.content).length]));
    this.longestFirst = [...tokens].sort((a, b) => length.get(b.id)! - length.get(a.id)!);
    const escaped = this.longestFirst.map((token) => token.content.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
    this.any = escaped.length > 0 ? new RegExp(escaped.join('|')) : null;
  }

  /** With `marked`, an occurrence that a break mark follows is none. */
  cut(text: string, marked = false): (string | number)[] {
    if (this.any === null || !this.any.test(text)) return [text];
    let parts: (string | number)[] = [text];
    for (const { id, content } of this.longestFirst) {
      if (!text.includes(content)) continue;
      parts = parts.flatMap((part) => (typeof part === 'number' ? [part] : between(part, content, id, marked)));
    }
    return parts;
  }
}

function between(text: string, content: string, id: number, marked: boolean): (string | number)[] {
  const parts: (string | number)[] = [];
  let from = 0;
  for (let at = text.indexOf(content); at >= 0; at = text.indexOf(content, at)) {
    const end = at + content.length;
    if (marked && brokenAt(text, end)) {
      at++;
      continue;
    }
    if (at > from) parts.push(text.slice(from, at));
    parts.push(id);
    at = from = end;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}
