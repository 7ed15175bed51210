// Model files on this computer that could answer: who looks for them, and what is known of each before it is chosen.
import type { CancelFlag } from '../shared/cancel.ts';
import type { OfferView } from '../shared/chatProtocol.ts';

/** A file that was read far enough to say what it is. Texts are in the user's language. */
export interface ModelOffer extends OfferView {
  path: string;
}

export interface ModelOffers {
  /** What programs for language models keep on this computer, usable ones first. Nothing of theirs is changed. Setting `cancel` ends it with what was found so far. */
  find(cancel: CancelFlag): Promise<ModelOffer[]>;
  /** One file that the user chose. Never rejects: what cannot be used says why. */
  look(path: string): Promise<ModelOffer>;
}
