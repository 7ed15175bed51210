// One small file a document: the tokens that were read of it last, what its next prompt needs to begin as that one did, and who wrote it.
import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { BLOCK } from '../binding/addon.ts';
import { replaceFile } from '../shared/replaceFile.ts';

const FORMAT = 1;
/** Bytes: several times what the longest prompt takes. */
const MOST_BYTES = 2_000_000;

export interface KeptDocument {
  /** Of the prompt, from its beginning; whole blocks once they are on the disk. */
  tokens: Int32Array;
  /** Tokens that the prompt might have. */
  size: number;
  /** The text behind the cursor that it began with. */
  suffix: string;
}

/** Throws what the file system throws. */
export async function writeDocument(path: string, { tokens, size, suffix }: KeptDocument, root: Uint8Array, maker: Readonly<Record<string, string | number>>): Promise<void> {
  const body = JSON.stringify({ format: FORMAT, root: hex(root), maker, size, suffix, tokens: Buffer.from(bytesOf(tokens)).toString('base64') });
  await replaceFile(path, `${sum(body)}\n${body}\n`);
}

/** What a file says, with the root of its blocks; undefined where there is none. */
export async function readDocument(path: string): Promise<(KeptDocument & { root: Uint8Array }) | 'damaged' | undefined> {
  const text = await fs.stat(path).then(({ size }) => (size <= MOST_BYTES ? fs.readFile(path, 'utf8') : ''), () => undefined).catch(() => '');
  if (text === undefined) return undefined;
  const [stated, body] = text.split('\n');
  if (body === undefined || stated !== sum(body) || text !== `${stated}\n${body}\n`) return 'damaged';
  // The sum holds: these are the words of some version of ours.
  const said = JSON.parse(body) as { format: number; root: string; size: number; suffix: string; tokens: string };
  if (said.format !== FORMAT) return 'damaged';
  const bytes = new Uint8Array(Buffer.from(said.tokens, 'base64'));
  return { root: Buffer.from(said.root, 'hex'), size: said.size, suffix: said.suffix, tokens: new Int32Array(bytes.buffer, 0, bytes.length >> 2) };
}

/** Names of a text's full blocks, each by all tokens up to its end. */
export function blockKeys(root: Uint8Array, tokens: Int32Array): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (let at = 0; at + BLOCK <= tokens.length; at += BLOCK) keys.push(hash(keys.at(-1) ?? root, bytesOf(tokens.subarray(at, at + BLOCK))));
  return keys;
}

/** 32 bytes. */
export const hash = (...parts: Uint8Array[]): Uint8Array => parts.reduce((digest, part) => digest.update(part), createHash('sha256')).digest();
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);
const sum = (text: string): string => hex(hash(Buffer.from(text)));
