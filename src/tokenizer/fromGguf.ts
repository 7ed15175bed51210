// GGUF metadata → TokenizerFiles. The file is untrusted: every array is checked and every limit is a named constant.
import { DeltaError } from '../shared/errors.ts';
import { byteToChar } from './byteAlphabet.ts';
import type { AddedToken, ScoredPieces, TokenizerFiles, TokenizerJson } from './files.ts';
import { byteLevel, preTokenizerFor, preTokenizerJson, presumedName, type PreTokenizer } from './preTokenizer.ts';
import { fimKeys, findEnds, findFim, looksSpecial } from './specialTokens.ts';
import type { NamedIds } from './specialTokens.ts';

/** The largest vocabulary in use has 262,144 tokens (Gemma). */
const maxTokens = 1 << 20;
/** Merges are at most about two per token (Llama 3: 280,147 for 128,256). */
const maxMerges = 1 << 22;
/** The longest entries in use are runs of a few hundred spaces. */
const maxTokenLength = 8192;
/** The longest chat templates in use are about 20 kB. */
const maxTemplateLength = 1 << 20;

/** The longest pieces in use are runs of some thirty blanks. */
const maxPieceLength = 512;

/** `tokenizer.ggml.token_type` */
const tokenType = { unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** `tokenizer.ggml.model` → the kind of vocabulary. */
const kinds = { gpt2: 'bytes', llama: 'pieces' } as const;
/** What files of pieces need not say. */
const pieceDefaults = { bos: 1, eos: 2 } as const;

const key = (name: string): string => `tokenizer.ggml.${name}`;

/** @param patterns how texts are cut, where that is known already */
export function tokenizerFromMetadata(metadata: Record<string, unknown>, path: string, patterns?: PreTokenizer): TokenizerFiles {
  const invalid = (name: string, reason: string): never => {
    throw new DeltaError('metadataInvalid', path, name, reason);
  };
  const model = metadata[key('model')];
  if (typeof model !== 'string' || !Object.hasOwn(kinds, model)) throw new DeltaError('tokenizerUnknown', typeof model === 'string' ? model.slice(0, 80) : 'none');
  const inPieces = kinds[model as keyof typeof kinds] === 'pieces';

  const strings = (name: string, limit: number): string[] => {
    const value = metadata[key(name)];
    if (value === undefined) return invalid(key(name), 'it is missing');
    if (!Array.isArray(value)) return invalid(key(name), 'it is not an array');
    if (value.length > limit) return invalid(key(name), `it has ${value.length} entries, more than ${limit}`);
    const odd = value.findIndex((item) => typeof item !== 'string');
    if (odd >= 0) return invalid(key(name), `entry ${odd} is not a string`);
    return value as string[];
  };
  const id = (...names: readonly string[]): number | undefined => {
    for (const name of names) {
      const value = metadata[key(name)];
      if (value === undefined || value === null) continue;
      const number = typeof value === 'bigint' ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isInteger(number)) return invalid(key(name), 'it is not an integer');
      if (number === -1 || number === 0xffffffff) continue; // "none" in some converters
      if (number < 0 || number >= tokens.length) return invalid(key(name), `${number} is outside the vocabulary of ${tokens.length} tokens`);
      return number;
    }
    return undefined;
  };

  const warnings: string[] = [];
  const tokens = strings('tokens', maxTokens).slice();
  if (tokens.length === 0) invalid(key('tokens'), 'it is empty');
  const types = readTypes(metadata[key('token_type')], tokens.length, (reason) => invalid(key('token_type'), reason));

  const idOf = new Map<string, number>();
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] === '') {
      tokens[i] = `[EMPTY_${i}]`;
      warnings.push(`The token ${i} has no text.`);
    }
    const token = tokens[i];
    if (token.length > maxTokenLength) invalid(key('tokens'), `entry ${i} is ${token.length} characters long`);
    const before = idOf.get(token);
    if (before !== undefined) invalid(key('tokens'), `entries ${before} and ${i} are the same`);
    idOf.set(token, i);
  }

  /** Where the file is silent. */
  const usual = (one: number): number | undefined => (inPieces && one < tokens.length ? one : undefined);
  const bos = id('bos_token_id') ?? usual(pieceDefaults.bos);
  const named: NamedIds = { eos: id('eos_token_id') ?? usual(pieceDefaults.eos), eot: id('eot_token_id'), eom: id('eom_token_id'), fim: {} };
  for (const [role, names] of Object.entries(fimKeys)) named.fim[role as keyof typeof fimKeys] = id(...names);

  const fim = findFim(named.fim, idOf, tokens);
  const eos = findEnds(named, fim, idOf);
  if (eos.length === 0) warnings.push('No token ends a generation: only limits and stop rules will.');

  const steering = new Set<number>(eos);
  for (const value of [bos, fim?.prefix, fim?.suffix, fim?.middle]) if (value !== undefined) steering.add(value);
  const added: AddedToken[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const declared = types[i] === tokenType.control || types[i] === tokenType.unknown;
    const userDefined = types[i] === tokenType.userDefined;
    // A steering token that is declared as plain text becomes a control token, unless it could be a piece of ordinary text.
    const control = declared || ((userDefined || steering.has(i)) && looksSpecial(tokens[i])) || (userDefined && steering.has(i));
    if (!control && steering.has(i)) warnings.push(`The token ${i} (${JSON.stringify(tokens[i].slice(0, 40))}) steers the model but is ordinary text.`);
    if (!control && !userDefined) continue;
    if (!control && /^\[PAD\d+\]$/.test(tokens[i])) continue; // fills the vocabulary up to a round size; never in a text
    // Texts hold blanks, not their signs.
    const content = inPieces && !control ? tokens[i].replaceAll('\u2581', ' ') : tokens[i];
    added.push({ id: i, content, special: control, single_word: false, lstrip: false, rstrip: false, normalized: false });
  }

  const flag = (name: string, otherwise: boolean): boolean => {
    const value = metadata[key(name)] ?? otherwise;
    return typeof value === 'boolean' ? value : invalid(key(name), 'it is not a boolean');
  };
  const name = metadata[key('pre')] ?? '';
  if (typeof name !== 'string') return invalid(key('pre'), 'it is not a string');
  let tokenizer: TokenizerFiles['tokenizer'];
  let wanted: boolean;
  if (inPieces) {
    const scores = readScores(metadata[key('scores')], tokens.length, (reason) => invalid(key('scores'), reason));
    const bytes = readBytes(idOf, types, metadata[key('token_type')] !== undefined);
    const verbatim = new Set([...added.map((token) => token.id), ...bytes]);
    const tooLong = tokens.findIndex((token, i) => token.length > maxPieceLength && !verbatim.has(i));
    if (tooLong >= 0) invalid(key('tokens'), `entry ${tooLong} is ${tokens[tooLong].length} characters long`);
    const missing = bytes.filter((byte) => byte < 0).length;
    if (missing > 0) warnings.push(`${missing} of the 256 bytes have no token: characters without one that need them lose them.`);
    const unused = [...tokens.keys()].filter((i) => types[i] === tokenType.unused && !verbatim.has(i));
    tokenizer = { added_tokens: added, tokens, scores, bytes, unused, spacePrefix: flag('add_space_prefix', true) };
    wanted = flag('add_bos_token', true);
  } else {
    const merges = usableMerges(strings('merges', maxMerges), idOf, new Set(added.map((token) => token.id)), warnings);
    const missing = byteToChar.filter((char) => !idOf.has(char)).length;
    if (missing > 0) warnings.push(`${missing} of the 256 bytes have no token: text that needs them loses them.`);
    const pre: PreTokenizer & { warning?: string } = patterns ?? preTokenizerFor(name || presumedName(tokens.length, metadata['general.architecture'], (token) => idOf.has(token)));
    if (pre.warning) warnings.push(pre.warning);
    tokenizer = bytePairJson(pre, tokens, added, merges);
    wanted = flag('add_bos_token', pre.addBos);
  }
  if (wanted && bos === undefined) warnings.push('The file asks for a first token but does not name it: none is added.');

  const template = metadata['tokenizer.chat_template'];
  if (template !== undefined && typeof template !== 'string') invalid('tokenizer.chat_template', 'it is not a string');
  if (typeof template === 'string' && template.length > maxTemplateLength) invalid('tokenizer.chat_template', `it is ${template.length} characters long`);

  return {
    tokenizer,
    special: { bos: bos ?? null, eos, addBos: wanted && bos !== undefined, fim },
    pre: name,
    warnings,
    ...(typeof template === 'string' ? { chatTemplate: template } : {}),
  };
}

/** A byte-level vocabulary in the library's form, and as a list: an object with a hundred thousand names is only made where somebody wants it. */
function bytePairJson(pre: PreTokenizer, tokens: readonly string[], added: AddedToken[], merges: string[]): TokenizerJson {
  let vocab: Record<string, number> | undefined;
  return {
    tokens,
    version: '1.0',
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: preTokenizerJson(pre),
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre.ignoreMerges,
      get vocab() {
        if (vocab) return vocab;
        vocab = Object.create(null) as Record<string, number>; // "__proto__" is a possible token
        for (const [id, token] of tokens.entries()) vocab[token] = id;
        return vocab;
      },
      merges,
    },
  };
}

/** One finite number a token. */
function readScores(value: unknown, count: number, invalid: (reason: string) => never): ScoredPieces['scores'] {
  if (value === undefined) return invalid('it is missing');
  const list = Array.isArray(value) || ArrayBuffer.isView(value) ? (value as unknown as ArrayLike<unknown>) : invalid('it is not an array');
  if (list.length !== count) invalid(`it has ${list.length} entries for ${count} tokens`);
  for (let i = 0; i < count; i++) if (typeof list[i] !== 'number' || !Number.isFinite(list[i])) invalid(`entry ${i} is not a number`);
  return Array.from(list as ArrayLike<number>);
}

/** The token of each byte, -1 where there is none. */
function readBytes(idOf: ReadonlyMap<string, number>, types: ArrayLike<number>, typed: boolean): number[] {
  return Array.from({ length: 256 }, (_, byte) => {
    const id = idOf.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
    return id !== undefined && (!typed || types[id] === tokenType.byte) ? id : -1;
  });
}

function readTypes(value: unknown, count: number, invalid: (reason: string) => never): ArrayLike<number> {
  if (value === undefined) return new Uint8Array(count).fill(1);
  const list = Array.isArray(value) || ArrayBuffer.isView(value) ? (value as unknown as ArrayLike<unknown>) : invalid('it is not an array');
  if (list.length !== count) invalid(`it has ${list.length} entries for ${count} tokens`);
  const types = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const type = list[i];
    if (typeof type !== 'number' || !Number.isInteger(type) || type < 0 || type > 255) invalid(`entry ${i} is not a token type`);
    types[i] = type as number;
  }
  return types;
}

/** Merges whose two sides and result are ordinary tokens, in order. Others can produce nothing we could name, or a control token. */
function usableMerges(merges: string[], idOf: ReadonlyMap<string, number>, added: ReadonlySet<number>, warnings: string[]): string[] {
  const ordinary = (text: string): boolean => {
    const id = idOf.get(text);
    return id !== undefined && !added.has(id);
  };
  const usable = merges.filter((merge) => {
    const space = merge.indexOf(' ', 1);
    if (space < 0) return false;
    const left = merge.slice(0, space);
    const right = merge.slice(space + 1);
    return ordinary(left) && ordinary(right) && ordinary(left + right);
  });
  const skipped = merges.length - usable.length;
  if (skipped > 0) warnings.push(`${skipped} of ${merges.length} merges refer to tokens that do not exist and are skipped.`);
  return usable;
}
