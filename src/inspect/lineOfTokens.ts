// Which line of the text each token begins in, counted as editors count: \n, \r\n or \r ends a line.
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** By token, from 0; a control token in front of the text begins where the text does. */
export function lineOfTokens(ids: Int32Array, tokenizer: Pick<Tokenizer, 'bytes' | 'isControl'>): Int32Array {
  const lines = new Int32Array(ids.length);
  let line = 0;
  let returned = false;
  ids.forEach((id, token) => {
    const bytes = tokenizer.isControl(id) ? [] : tokenizer.bytes(id);
    // The second half of \r\n belongs to the line that it ends.
    lines[token] = returned && bytes[0] !== undefined && bytes[0] !== LINE_FEED ? line + 1 : line;
    for (const byte of bytes) {
      if (returned && byte !== LINE_FEED) line++;
      returned = byte === CARRIAGE_RETURN;
      if (byte === LINE_FEED) line++;
    }
  });
  return lines;
}
