// What a model writes between think tags, told apart from its answer while both arrive in pieces.

export interface SplitPiece {
  text: string;
  reasoning: string;
}

const tags = ['think', 'thinking'];

/** Did the prompt itself open the reasoning? Some templates do. */
export const opensReasoning = (prompt: string): boolean => /<think(?:ing)?>\s*$/.test(prompt);

/** Tags count only before the first word of the answer: an answer may be about them. Neither part shows a tag or a piece of one. */
export class ReasoningSplitter {
  /** What could still become a tag, or blanks whose part is not known yet. */
  private held = '';
  /** The tag that is open; undefined: none. */
  private open: string | undefined;
  /** The answer has begun: from here on everything is its text. */
  private answering = false;
  /** The reasoning so far is blank: blanks are held back until a word follows. */
  private reasoned = false;
  /** A block of reasoning has ended. */
  private closed = false;

  /** @param opened the prompt ends with the opening tag (`opensReasoning`) */
  constructor(opened = false) {
    this.open = opened ? tags[0] : undefined;
  }

  /** What these characters add to the answer and to the reasoning. */
  push(piece: string): SplitPiece {
    const added: SplitPiece = { text: '', reasoning: '' };
    this.held += piece;
    while (this.held !== '' && this.step(added));
    return added;
  }

  /** What was held back; the answer is over. */
  end(): SplitPiece {
    const { held } = this;
    this.held = '';
    if (this.open !== undefined) return { text: '', reasoning: this.reasoned ? held.trimEnd() : held.trim() };
    return { text: this.closed && !this.answering ? held.trimStart() : held, reasoning: '' };
  }

  /** Takes what is certain from the front of `held`; false: nothing is, for now. */
  private step(added: SplitPiece): boolean {
    if (this.answering) {
      added.text += this.held;
      this.held = '';
      return false;
    }
    return this.open === undefined ? this.begin() : this.reason(added, `</${this.open}>`);
  }

  private begin(): boolean {
    const word = this.held.trimStart();
    const opened = tags.find((tag) => word.startsWith(`<${tag}>`));
    if (opened !== undefined) {
      this.open = opened;
      this.held = word.slice(opened.length + 2);
      return true;
    }
    if (tags.some((tag) => `<${tag}>`.startsWith(word))) return false;
    this.answering = true;
    if (this.closed) this.held = word;
    return true;
  }

  private reason(added: SplitPiece, closing: string): boolean {
    const end = this.held.indexOf(closing);
    const known = end >= 0 ? this.held.slice(0, end) : this.held.slice(0, this.held.length - partLength(this.held, closing));
    const words = this.reasoned ? known.trimEnd() : known.trim();
    if (words !== '') this.reasoned = true;
    added.reasoning += words;
    if (end >= 0) {
      this.open = undefined;
      this.closed = true;
      this.held = this.held.slice(end + closing.length);
      return true;
    }
    // Blanks at the end wait: behind them comes a word, or the end of the reasoning.
    this.held = this.held.slice(words === '' && !this.reasoned ? known.length : known.trimEnd().length);
    return false;
  }
}

/** How many characters at the end of the text begin the tag. */
function partLength(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) if (text.endsWith(tag.slice(0, length))) return length;
  return 0;
}
