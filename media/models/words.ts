// The page's own texts in the user's language: looked up by the English text, with values in their places.
import type { ModelsWords } from '../../src/shared/modelsProtocol.ts';
import type { ModelsText } from '../../src/shared/modelsWords.ts';

export type Say = (text: ModelsText, ...values: string[]) => string;

/** A text that the dictionary lacks stays English. */
export function speak(words: ModelsWords): Say {
  return (text, ...values) => (words[text] ?? text).replace(/\{(\d)\}/g, (place, index) => values[Number(index)] ?? place);
}
