// Text of a file on the page: nothing in it may change the direction or the place of what stands around it.

/** Tabs as two blanks, line ends stay, and what cannot be seen is a dot. */
export const readable = (text: string): string => text.replaceAll('\t', '  ').replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{M}{4,}/gu, '·');
