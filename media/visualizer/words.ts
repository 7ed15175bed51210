// The page's own texts in the user's language: looked up by the English text, with values in their places.
import type { PanelWords } from '../../src/shared/panelProtocol.ts';
import type { PanelText } from '../../src/shared/panelWords.ts';

export type Say = (text: PanelText, ...values: string[]) => string;

/** A text that the dictionary lacks stays English. */
export function speak(words: PanelWords): Say {
  return (text, ...values) => (words[text] ?? text).replace(/\{(\d)\}/g, (place, index) => values[Number(index)] ?? place);
}
