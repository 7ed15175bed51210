// A text that a limit ends never ends within what a reader sees as one character: an emoji of several parts, a flag of two letters.

const joiner = '\u200d';
/** What waits for more: a joiner, or the first letter of a flag. */
const waits = /(?:\u200d|[\u{1f1e6}-\u{1f1ff}])$/u;
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** Characters of one at most; what is longer is decoration. */
const LONGEST = 40;

/** Where the last character begins if it is certainly unfinished, else the text's length. */
export function endOfWhole(text: string): number {
  if (!waits.test(text)) return text.length;
  const from = Math.max(0, text.length - LONGEST);
  const last = [...segmenter.segment(text.slice(from))].at(-1)!;
  const isFlag = !last.segment.endsWith(joiner) && [...last.segment].length > 1;
  return isFlag ? text.length : from + last.index;
}

/** Text in, text out as its characters become whole. */
export class WholeCharacters {
  private held = '';

  push(text: string): string {
    if (text === '') return '';
    const all = this.held + text;
    const end = endOfWhole(all);
    this.held = all.slice(end);
    return all.slice(0, end);
  }

  /** What was held back; nothing if a limit cut it off. */
  end(cutOff: boolean): string {
    const { held } = this;
    this.held = '';
    return cutOff ? '' : held;
  }
}
