// What was last shown in each of the few documents that the user is working in.
import type { CompletionRequest } from './request.ts';
import { insertionBetween } from './insertion.ts';
import { agreement } from './typedThrough.ts';
import type { Written } from './written.ts';

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

/** What is left of a shown text at the cursor of a request; '' when it does not go with it. `typedFrom`: so far the user may take back what he typed. */
export function restOf({ origin, written }: Shown, { snapshot }: CompletionRequest, typedFrom: number): string {
  const floor = Math.min(typedFrom, origin.cursor ?? origin.snapshot.before.length);
  const inserted = insertionBetween(origin.snapshot, snapshot, floor);
  const agreed = inserted && agreement(written.text, true, inserted, snapshot.languageId);
  return agreed && typeof agreed === 'object' && agreed.rest.trim() !== '' ? agreed.rest : '';
}
