// GPT-2's printable stand-in for every byte: vocabularies and merges are written in it (space is "Ġ", newline "Ċ").

const printable = (byte: number): boolean => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

/** byte → stand-in character; bytes that print stand for themselves, the others count up from U+0100. */
export const byteToChar: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
})();

/** stand-in code unit → byte, -1 for a character that stands for nothing. */
const charToByte: Int16Array = (() => {
  const table = new Int16Array(0x144).fill(-1);
  byteToChar.forEach((char, byte) => {
    table[char.charCodeAt(0)] = byte;
  });
  return table;
})();

const utf8 = new TextEncoder();

/** The bytes a vocabulary entry stands for; an entry with a foreign character stands for its own UTF-8 text. */
export function bytesOfToken(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const unit = token.charCodeAt(i);
    const byte = unit < charToByte.length ? charToByte[unit] : -1;
    if (byte < 0) return utf8.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}
