import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, snapshotAt, withoutMark } from '../../src/cli/sourceText.ts';

const before = (text: string, line: number, column: number) => snapshotAt('/w/a.ts', text, line, column).before;
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
const utf32 = (text: string) => Buffer.from(Uint32Array.from([...text].map((char) => char.codePointAt(0)!)).buffer);

describe('a line ends', () => {
  test.each([['LF', '\n'], ['CR LF', '\r\n'], ['CR', '\r']])('with %s', (_, end) => {
    const text = ['const a = 1;', '', 'b();'].join(end);
    expect(before(text, 1, 13)).toBe('const a = 1;');
    expect(before(text, 2, 1)).toBe(`const a = 1;${end}`);
    expect(before(text, 3, 5)).toBe(text);
    expect(() => before(text, 1, 14)).toThrow('beyond the end of line 1 (13)');
    expect(() => before(text, 4, 1)).toThrow('beyond the last line (3)');
  });

  test('with any of them in one file, and with nothing else', () => {
    expect(before('a\rb\r\nc\nd', 4, 2)).toBe('a\rb\r\nc\nd');
    expect(before('a\r\rb', 3, 1)).toBe('a\r\r');
    expect(() => before('a\u2028b\u0085c\fd', 2, 1)).toThrow('beyond the last line (1)');
  });
});

test('a column within a character is refused, beside it is not', () => {
  const text = 'x = "🙂é"';
  expect(() => before(text, 1, 7)).toThrow('--column 7 is within a character of line 1, which takes columns 6 and 7.');
  expect(before(text, 1, 6)).toBe('x = "');
  expect(before(text, 1, 8)).toBe('x = "🙂');
  // Half a character is not within one.
  expect(before('\ud83d', 1, 2)).toBe('\ud83d');
});

test('every place of any text is either refused or splits it, characters whole', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', '\n', '\r', '🙂', '日', '\t'), maxLength: 12 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 8 }), (text, line, column) => {
    try {
      const place = snapshotAt('/w/a', text, line, column);
      expect(place.before + place.after).toBe(text);
      expect(/[\ud800-\udbff]$/.test(place.before) && /^[\udc00-\udfff]/.test(place.after)).toBe(false);
      expect(place.before.endsWith('\r') && place.after.startsWith('\n')).toBe(false);
      expect(place.before.split(/\r\n|\n|\r/).length).toBe(line);
      expect(place.before.split(/\r\n|\n|\r/).at(-1)!.length).toBe(column - 1);
    } catch (error) {
      expect(error).toMatchObject({ code: 'usage' });
    }
  }));
});

test('a byte order mark is not part of the text', () => {
  expect(withoutMark(decode(Buffer.from('\ufeffa\ufeff'), 'x'))).toBe('a\ufeff');
});

describe('bytes that are no UTF-8 are refused', () => {
  const CODE = 'const a = 1;\nexport function f() {\n  return a;\n}\n';
  test.each<[string, Uint8Array, string]>([
    ['UTF-16, with a mark', Buffer.from(`\ufeff${CODE}`, 'utf16le'), 'UTF-16'], ['UTF-16, big-endian, with a mark', utf16be(`\ufeff${CODE}`), 'UTF-16'], ['UTF-16', Buffer.from(CODE, 'utf16le'), 'UTF-16'], ['UTF-16, big-endian', utf16be(CODE), 'UTF-16'],
    ['UTF-16 of Cyrillic comments', Buffer.from(`// функция возвращает сумму\n${CODE}`, 'utf16le'), 'UTF-16'], ['UTF-16 of Greek, big-endian', utf16be('// άλφα βήτα γάμμα\nx = 1\n'), 'UTF-16'], ['UTF-16, long', Buffer.from(CODE.repeat(500), 'utf16le'), 'UTF-16'], ['UTF-16 of two letters', Buffer.from('ab', 'utf16le'), 'UTF-16'],
    ['UTF-32, with a mark', utf32(`\ufeff${CODE}`), 'UTF-32'], ['UTF-32', utf32(CODE), 'UTF-32'], ['UTF-32, big-endian', utf32(CODE).swap32(), 'UTF-32'], ['Latin-1', Buffer.from('é', 'latin1'), 'not UTF-8'], ['UTF-16 of Japanese', Buffer.from('// 日本語のコメント\n', 'utf16le'), 'not UTF-8'],
  ])('%s', (_, bytes, reason) => expect(() => decode(bytes, 'a.ts')).toThrow(new RegExp(`^a.ts cannot be read \\(it is .*${reason}`)));

  test('text with an odd control character is not', () => {
    for (const text of ['', 'a', 'ab', 'abc', 'a\0b', 'x = "\x01\x02"\n', '\x1b[0m red\n', 'a\f\nb\x0b\n', `${CODE}\0`]) expect(decode(Buffer.from(text), 'x')).toBe(text);
    fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 4 }), (text) => {
      expect(decode(Buffer.from(`${text} and a word`), 'x')).toBe(`${text} and a word`);
    }));
  });
});
