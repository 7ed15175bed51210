// A page's own texts in the user's language: looked up by the English text, with values in their places.

export type Say<T extends string> = (text: T, ...values: string[]) => string;

/** A text that the dictionary lacks stays English. */
export function speak<T extends string>(words: Readonly<Record<string, string>>): Say<T> {
  return (text, ...values) => (words[text] ?? text).replace(/\{(\d)\}/g, (place, index) => values[Number(index)] ?? place);
}
