// The view's own texts in the user's language: looked up by the English text, with values in their places.
import type { ChatWords } from '../../src/shared/chatProtocol.ts';
import type { ChatText } from '../../src/shared/chatWords.ts';

export type Say = (text: ChatText, ...values: string[]) => string;

/** A text that the dictionary lacks stays English. */
export function speak(words: ChatWords): Say {
  return (text, ...values) => (words[text] ?? text).replace(/\{(\d)\}/g, (place, index) => values[Number(index)] ?? place);
}
