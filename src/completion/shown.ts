// What was last shown in each of the few documents that the user is working in.
import type { CompletionRequest } from './request.ts';
import { insertionBetween, type Insertion } from './insertion.ts';
import { leftOf, type Written } from './written.ts';

export interface Shown {
  /** The request for which it was written. */
  readonly origin: CompletionRequest;
  /** The newest request that it answered. */
  readonly answered: CompletionRequest;
  readonly written: Written;
}

/** Each holds two copies of a document. */
const DOCUMENTS = 3;

export class ShownTexts {
  /** The document that was looked at last stands last. */
  private readonly texts = new Map<string, Shown>();

  get(document: string): Shown | undefined {
    return this.texts.get(document);
  }

  set(shown: Shown): void {
    const { document } = shown.origin;
    this.texts.delete(document);
    this.texts.set(document, shown);
    for (const oldest of this.texts.keys()) {
      if (this.texts.size <= DOCUMENTS) break;
      this.texts.delete(oldest);
    }
  }

  clear(): void {
    this.texts.clear();
  }
}

/** What is left of a shown text at the cursor of a request; null when it does not go with it. `typedFrom`: so far the user may take back what he typed. */
export function restOf({ origin, written }: Shown, { snapshot }: CompletionRequest, typedFrom: number): Written | null {
  const floor = Math.min(typedFrom, origin.cursor ?? origin.snapshot.before.length);
  const inserted = insertionBetween(origin.snapshot, snapshot, floor);
  for (const typed of [inserted, inserted && withoutIndentation(inserted, origin, written)]) {
    const left = typed && leftOf(written, true, typed, snapshot.languageId);
    if (left && typeof left === 'object' && left.text.trim() !== '') return left;
  }
  return null;
}

/**
 * VS Code keeps a text of one line while more indentation is typed before it. What is typed behind that indentation is typed of the text, too; the
 * indentation alone says something new, and another text may be right there.
 */
function withoutIndentation({ left, right, deleted }: Insertion, { snapshot: { before } }: CompletionRequest, { text }: Written): Insertion | null {
  const typed = left.replace(/^[ \t]+/, '');
  const line = before.slice(before.lastIndexOf('\n') + 1);
  const isBehind = deleted === '' && typed !== '' && typed !== left && line.trim() === '' && !/^\s|\n/.test(text);
  return isBehind ? { left: typed, right, deleted } : null;
}
