// Names in source text, of any language.

const WORD = /[\p{L}\p{N}_$]/u;

/** Whether a text has a name, whole, before `end`. */
export function hasName(text: string, name: string, end = text.length): boolean {
  for (let at = text.indexOf(name); at >= 0 && at + name.length <= end; at = text.indexOf(name, at + 1)) {
    if (!WORD.test(text[at - 1] ?? ' ') && !WORD.test(text[at + name.length] ?? ' ')) return true;
  }
  return false;
}
