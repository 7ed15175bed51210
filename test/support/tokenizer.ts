// GGUF fixtures as metadata, and the tokenizer of the tiny model.
import { fileURLToPath } from 'node:url';
import { gguf } from '@huggingface/gguf';
import fc from 'fast-check';
import { tokenizerFromMetadata } from '../../src/tokenizer/fromGguf.ts';
import type { TokenizerFiles } from '../../src/tokenizer/files.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';

export const fixturePath = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
export const tinyPath = fixturePath('test/fixtures/models/starter-tiny-q8_0.gguf');
export const vocabPath = (name: string): string => fixturePath(`test/fixtures/vocab/${name}.gguf`);

export async function metadataOf(path: string): Promise<Record<string, unknown>> {
  const { metadata } = await gguf(path, { allowLocalFile: true });
  return metadata as unknown as Record<string, unknown>;
}

export async function tokenizerFiles(path: string): Promise<TokenizerFiles> {
  return tokenizerFromMetadata(await metadataOf(path), path);
}

export async function tinyTokenizer(): Promise<Tokenizer> {
  return Tokenizer.fromFiles(await tokenizerFiles(tinyPath));
}

/** A small byte-level vocabulary: the 256 bytes, then `extra` tokens, all ordinary unless `types` says otherwise. */
export function smallMetadata(extra: readonly string[] = [], merges: readonly string[] = [], types: Readonly<Record<number, number>> = {}): Record<string, unknown> {
  const bytes = Array.from({ length: 256 }, (_, byte) => byteChar(byte));
  const tokens = [...bytes, ...extra];
  return {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'qwen2',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': tokens.map((_, i) => types[i] ?? 1),
    'tokenizer.ggml.merges': [...merges],
  };
}

/** A small vocabulary of pieces, as SentencePiece files have it: `<unk>`, `<s>`, `</s>`, the 256 bytes, then `extra` with scores that fall by one. */
export function piecesMetadata(extra: readonly string[] = [], types: Readonly<Record<number, number>> = {}): Record<string, unknown> {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...extra];
  return {
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.scores': tokens.map((_, i) => (i < 259 ? 0 : 259 - i)),
    'tokenizer.ggml.token_type': tokens.map((_, i) => types[i] ?? (i === 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1)),
  };
}

const unicode = fc.string({ unit: 'grapheme', maxLength: 200 });
const anyString = fc.string({ unit: 'binary', maxLength: 200 });
const codeLike = fc
  .array(fc.constantFrom('foo', 'Bar_baz', ' ', '    ', '\t', '\n', '\r\n', '=> {', '});', "don't", "'S", '123456', '3.14', '// ', 'привет', '日本語', '🦙', '\ufeff', '\u0085', '\u00a0', '==', '!', '`', '▁', '▁▁x'), { maxLength: 60 })
  .map((parts) => parts.join(''));
/** Text of every kind, whole characters. */
export const anyText = fc.oneof(unicode, anyString, codeLike).map((text) => text.replace(/\p{Surrogate}/gu, ''));

function byteChar(byte: number): string {
  const printable = (b: number): boolean => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  let above = 0;
  for (let b = 0; b < byte; b++) if (!printable(b)) above++;
  return String.fromCharCode(printable(byte) ? byte : 256 + above);
}
