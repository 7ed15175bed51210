// A Hugging Face tokenizer.json, with what stands in the files beside it → TokenizerFiles: read as what a GGUF would say of it. Bytes or pieces.
import { DeltaError } from '../shared/errors.ts';
import { record } from '../shared/record.ts';
import type { TokenizerFiles } from './files.ts';
import { tokenizerFromMetadata } from './fromGguf.ts';
import { gpt2Pattern, type PreTokenizer } from './preTokenizer.ts';

/** The files of a model's folder, parsed; absent ones are empty. */
export interface TokenizerFolder {
  tokenizer: unknown;
  /** tokenizer_config.json */
  tokenizerConfig: unknown;
  /** config.json and generation_config.json */
  configs: readonly unknown[];
  /** chat_template.jinja */
  template?: string;
}

type Json = Record<string, unknown>;
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const mostTokens = 1 << 20;
/** `tokenizer.ggml.token_type` */
const [normal, unknown, control, userDefined, unused, byte] = [1, 2, 3, 4, 5, 6];

/** @param rows of the embedding: ids without a token fill them up. Throws tokenizerUnknown, metadataInvalid. */
export function tokenizerFromJson({ tokenizer: json, tokenizerConfig, configs, template }: TokenizerFolder, rows: number, path: string): TokenizerFiles {
  const tokenizer = record(json);
  const model = record(tokenizer.model);
  const invalid = (key: string, reason: string) => new DeltaError('metadataInvalid', path, key, reason);
  const kind = typeof model.type === 'string' ? model.type : Array.isArray(model.merges) ? 'BPE' : 'none';
  if (kind !== 'BPE') throw new DeltaError('tokenizerUnknown', kind.slice(0, 80));
  const inPieces = model.byte_fallback === true;

  const tokens: string[] = Array.from({ length: Math.min(rows, mostTokens) }, (_, i) => `[PAD${i}]`);
  const types = tokens.map(() => unused);
  const put = (id: unknown, text: unknown, type: number): void => {
    if (typeof text !== 'string' || !Number.isInteger(id) || (id as number) < 0) throw invalid('tokenizer.json', 'a token has no text or no number');
    if ((id as number) >= tokens.length) throw invalid('tokenizer.json', `the token ${String(id)} is outside the vocabulary of ${tokens.length} tokens`);
    tokens[id as number] = text;
    types[id as number] = type;
  };
  for (const [text, id] of Object.entries(record(model.vocab))) put(id, text, normal);
  for (const added of list(tokenizer.added_tokens).map(record)) put(added.id, added.content, added.special === true ? control : userDefined);
  const merges = list(model.merges).map((merge) => (Array.isArray(merge) ? merge.join(' ') : merge));
  const kindOf = inPieces ? pieces(tokenizer, tokens, types, merges, textOf(model.unk_token)) : words(tokenizer, model, merges);

  const own = record(tokenizerConfig);
  const idOf = (value: unknown): number | undefined => {
    const at = textOf(value) === undefined ? -1 : tokens.indexOf(textOf(value)!);
    return at >= 0 ? at : undefined;
  };
  const numbers = (key: string): number[] => configs.flatMap((config) => [record(config)[key]].flat()).filter((id): id is number => Number.isInteger(id) && (id as number) >= 0 && (id as number) < tokens.length);
  const ends = [...new Set([idOf(own.eos_token), ...numbers('eos_token_id')].filter((id) => id !== undefined))];
  const bos = idOf(own.bos_token) ?? numbers('bos_token_id')[0];
  const addBos = typeof own.add_bos_token === 'boolean' ? own.add_bos_token : bos !== undefined && beginsWith(tokenizer.post_processor, tokens[bos]);
  const chat = template ?? (typeof own.chat_template === 'string' ? own.chat_template : list(own.chat_template).map(record).find(({ name }) => name === 'default')?.template);

  const files = tokenizerFromMetadata({
    ...kindOf.metadata, 'tokenizer.ggml.tokens': tokens, 'tokenizer.ggml.token_type': types, 'tokenizer.ggml.add_bos_token': addBos,
    ...(bos !== undefined && { 'tokenizer.ggml.bos_token_id': bos }), ...(ends.length > 0 && { 'tokenizer.ggml.eos_token_id': ends[0] }), ...(typeof chat === 'string' && { 'tokenizer.chat_template': chat }),
  }, path, kindOf.pre);
  return { ...files, special: { ...files.special, eos: [...new Set([...files.special.eos, ...ends])].sort((a, b) => a - b) } };
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : typeof record(value).content === 'string' ? (record(value).content as string) : undefined);

interface Kind {
  metadata: Json;
  pre?: PreTokenizer;
}

/** A vocabulary of bytes. Throws tokenizerUnknown. */
function words(tokenizer: Json, model: Json, merges: unknown[]): Kind {
  const normalizer = record(tokenizer.normalizer).type;
  // Composed characters: llama.cpp leaves them as they are, too.
  if (normalizer !== undefined && normalizer !== 'NFC') throw new DeltaError('tokenizerUnknown', `normalizer ${String(normalizer).slice(0, 60)}`);
  return { metadata: { 'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.merges': merges }, pre: { patterns: patternsOf(tokenizer.pre_tokenizer), ignoreMerges: model.ignore_merges === true, addBos: false } };
}

/** A vocabulary of pieces: in a list that was made from one, merges stand by the scores of what they make. Marks the types of bytes and of what is unknown. Throws tokenizerUnknown. */
function pieces(tokenizer: Json, tokens: readonly string[], types: number[], merges: readonly unknown[], unknownToken: string | undefined): Kind {
  const steps = [record(tokenizer.normalizer), ...list(record(tokenizer.normalizer).normalizers).map(record)].filter(({ type }) => type !== undefined && type !== 'Sequence');
  const cut = record(tokenizer.pre_tokenizer);
  const odd = steps.find(({ type }) => type !== 'Prepend' && type !== 'Replace');
  if (odd || (cut.type !== undefined && cut.type !== 'Metaspace' && !(cut.type === 'Split' && record(cut.pattern).String === ' '))) {
    throw new DeltaError('tokenizerUnknown', `pieces with ${String(odd?.type ?? cut.type).slice(0, 60)}`);
  }
  for (const [id, token] of tokens.entries()) {
    if (/^<0x[0-9A-F]{2}>$/.test(token)) types[id] = byte;
    else if (token === unknownToken) types[id] = unknown;
  }
  const ranks = new Map<string, number>();
  for (const [rank, merge] of merges.entries()) {
    const made = typeof merge === 'string' ? merge.replace(' ', '') : '';
    if (!ranks.has(made)) ranks.set(made, rank);
  }
  return { metadata: {
    'tokenizer.ggml.model': 'llama', 'tokenizer.ggml.scores': tokens.map((token) => -(ranks.get(token) ?? merges.length)),
    'tokenizer.ggml.add_space_prefix': steps.some(({ type }) => type === 'Prepend') || (cut.type === 'Metaspace' && cut.prepend_scheme !== 'never' && cut.add_prefix_space !== false),
  } };
}

/** The patterns that cut a text, in order. Throws tokenizerUnknown. */
function patternsOf(stated: unknown): string[] {
  const step = record(stated);
  const refused = (what: unknown) => new DeltaError('tokenizerUnknown', `pre-tokenizer ${String(what).slice(0, 60)}`);
  switch (step.type) {
    case 'Sequence': return list(step.pretokenizers).flatMap(patternsOf);
    case 'ByteLevel':
      if (step.add_prefix_space === true) throw refused('with a blank in front');
      return step.use_regex === false ? [] : [gpt2Pattern];
    case 'Digits': return [step.individual_digits === true ? String.raw`\p{N}` : String.raw`\p{N}+`];
    case 'Split': {
      const { Regex: regex, String: text } = record(step.pattern);
      if (step.behavior !== 'Isolated' || step.invert === true) throw refused(`that splits otherwise (${String(step.behavior)})`);
      if (typeof regex === 'string') return [regex];
      if (typeof text === 'string') return [text.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)];
      throw refused('without a pattern');
    }
    default: throw refused(step.type);
  }
}

/** Whether a text gets this token in front. */
function beginsWith(processor: unknown, token: string): boolean {
  const { type, single, processors } = record(processor);
  if (type === 'Sequence') return list(processors).some((one) => beginsWith(one, token));
  return type === 'TemplateProcessing' && record(record(list(single)[0]).SpecialToken).id === token;
}
