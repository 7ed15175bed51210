// A map of names, learnt from aligned words: whole ones, and the parts in which camelCase and snake_case names differ, in every case form and number.

/** A part of a name: letters that belong together, digits, or what separates. */
const PART = /\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{N}+|[_$]+|[\p{L}]/gu;
/** Letters that a part must have to stand for others elsewhere. */
const LEAST_PART = 3;

const partsOf = (name: string): string[] => name.match(PART) ?? [];
const lower = (parts: readonly string[]): string[] => parts.filter((part) => !/^[_$]/.test(part)).map((part) => part.toLowerCase());

export class Renaming {
  /** Aligned words, how many of them differ, and how many of those others had foretold: the same word again, or the same part in another. */
  words = 0;
  renamed = 0;
  foretold = 0;
  private readonly whole = new Map<string, string>();
  /** Parts by what they were, in lower case, joined by blanks. */
  private readonly parts = new Map<string, readonly string[]>();

  /** Takes aligned words; false, and nothing is changed, where a word would have two names. */
  learn(old: readonly string[], now: readonly string[]): boolean {
    const seen = new Map<string, string>();
    for (const [i, word] of old.entries()) {
      const known = this.whole.get(word) ?? seen.get(word);
      if (known !== undefined && known !== now[i]) return false;
      seen.set(word, now[i]);
    }
    for (const [i, word] of old.entries()) {
      if (word === now[i]) this.whole.set(word, word);
      else {
        this.renamed++;
        if (this.of(word) === now[i]) this.foretold++;
        this.whole.set(word, now[i]);
        this.learnParts(word, now[i]);
      }
    }
    this.words += old.length;
    return true;
  }

  private learnParts(word: string, name: string): void {
    const [old, now] = [lower(partsOf(word)), lower(partsOf(name))];
    let start = 0;
    while (start < old.length && start < now.length && old[start] === now[start]) start++;
    let end = 0;
    while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end++;
    const [from, to] = [old.slice(start, old.length - end), now.slice(start, now.length - end)];
    if (from.length === 0 || to.length === 0 || from.join('').length < LEAST_PART || /^\d+$/.test(from.join(''))) return;
    const put = (last: (word: string) => string | null): void => {
      const [a, b] = [last(from.at(-1)!), last(to.at(-1)!)];
      if (a === null || b === null) return;
      const key = [...from.slice(0, -1), a].join(' ');
      if (!this.parts.has(key)) this.parts.set(key, [...to.slice(0, -1), b]);
    };
    put((word) => word);
    put(singular);
    put(plural);
  }

  /** The name that takes the place of `word`. */
  of(word: string): string {
    const known = this.whole.get(word);
    if (known !== undefined) return known;
    if (this.parts.size === 0) return word;
    const parts = partsOf(word);
    const names = parts.flatMap((part, at) => (/^[_$]/.test(part) ? [] : [{ part, at }]));
    for (const [key, to] of this.parts) {
      const { length } = key.split(' ');
      for (let i = 0; i + length <= names.length; i++) {
        const run = names.slice(i, i + length);
        if (run.map(({ part }) => part.toLowerCase()).join(' ') !== key) continue;
        const separator = parts.slice(run[0].at, run.at(-1)!.at).find((part) => /^[_$]/.test(part)) ?? (word.includes('_') ? '_' : '');
        const renamed = inCase(to, run[0].part, separator);
        return [...parts.slice(0, run[0].at), renamed, ...parts.slice(run.at(-1)!.at + 1)].join('');
      }
    }
    return word;
  }
}

/** Words as one name, in the case of the part that they take the place of. */
function inCase(words: readonly string[], like: string, separator: string): string {
  if (like.length > 1 && like === like.toUpperCase()) return words.map((word) => word.toUpperCase()).join(separator || '_');
  const isCapital = like[0] !== like[0].toLowerCase();
  return words.map((word, i) => ((i === 0 ? isCapital : separator === '') ? capital(word) : word)).join(separator);
}

const capital = (word: string): string => word[0].toUpperCase() + word.slice(1);

function plural(word: string): string | null {
  if (/(?:s|x|z|ch|sh)$/.test(word)) return /s$/.test(word) && !/ss$/.test(word) ? null : `${word}es`;
  return /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;
}

function singular(word: string): string | null {
  if (/ies$/.test(word)) return `${word.slice(0, -3)}y`;
  if (/(?:x|z|ch|sh|ss)es$/.test(word)) return word.slice(0, -2);
  return /[^s]s$/.test(word) ? word.slice(0, -1) : null;
}
