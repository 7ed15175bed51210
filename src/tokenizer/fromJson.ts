// A Hugging Face tokenizer.json, with what stands in the files beside it → TokenizerFiles: read as what a GGUF would say of it. Byte-level vocabularies only.
import { DeltaError } from '../shared/errors.ts';
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
const record = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const mostTokens = 1 << 20;
const [normal, control, userDefined, unused] = [1, 3, 4, 5];

/** @param rows of the embedding: ids without a token fill them up. Throws tokenizerUnknown, metadataInvalid. */
export function tokenizerFromJson({ tokenizer: json, tokenizerConfig, configs, template }: TokenizerFolder, rows: number, path: string): TokenizerFiles {
  const tokenizer = record(json);
  const model = record(tokenizer.model);
  const invalid = (key: string, reason: string) => new DeltaError('metadataInvalid', path, key, reason);
  const kind = typeof model.type === 'string' ? model.type : Array.isArray(model.merges) ? 'BPE' : 'none';
  if (kind !== 'BPE' || model.byte_fallback === true) throw new DeltaError('tokenizerUnknown', model.byte_fallback === true ? 'tokenizer.json with byte fallback' : kind.slice(0, 80));
  const pre: PreTokenizer = { patterns: patternsOf(tokenizer.pre_tokenizer), ignoreMerges: model.ignore_merges === true, addBos: false };
  const normalizer = record(tokenizer.normalizer).type;
  // Composed characters: llama.cpp leaves them as they are, too.
  if (normalizer !== undefined && normalizer !== 'NFC') throw new DeltaError('tokenizerUnknown', `normalizer ${String(normalizer).slice(0, 60)}`);

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

  const own = record(tokenizerConfig);
  const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : typeof record(value).content === 'string' ? (record(value).content as string) : undefined);
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
    'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.tokens': tokens, 'tokenizer.ggml.token_type': types, 'tokenizer.ggml.merges': merges, 'tokenizer.ggml.add_bos_token': addBos,
    ...(bos !== undefined && { 'tokenizer.ggml.bos_token_id': bos }), ...(ends.length > 0 && { 'tokenizer.ggml.eos_token_id': ends[0] }), ...(typeof chat === 'string' && { 'tokenizer.chat_template': chat }),
  }, path, pre);
  return { ...files, special: { ...files.special, eos: [...new Set([...files.special.eos, ...ends])].sort((a, b) => a - b) } };
}

/** The patterns that cut a text, in order. Throws tokenizerUnknown. */
function patternsOf(stated: unknown): string[] {
  const step = record(stated);
  const unknown = (what: unknown) => new DeltaError('tokenizerUnknown', `pre-tokenizer ${String(what).slice(0, 60)}`);
  switch (step.type) {
    case 'Sequence': return list(step.pretokenizers).flatMap(patternsOf);
    case 'ByteLevel':
      if (step.add_prefix_space === true) throw unknown('with a blank in front');
      return step.use_regex === false ? [] : [gpt2Pattern];
    case 'Digits': return [step.individual_digits === true ? String.raw`\p{N}` : String.raw`\p{N}+`];
    case 'Split': {
      const { Regex: regex, String: text } = record(step.pattern);
      if (step.behavior !== 'Isolated' || step.invert === true) throw unknown(`that splits otherwise (${String(step.behavior)})`);
      if (typeof regex === 'string') return [regex];
      if (typeof text === 'string') return [text.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)];
      throw unknown('without a pattern');
    }
    default: throw unknown(step.type);
  }
}

/** Whether a text gets this token in front. */
function beginsWith(processor: unknown, token: string): boolean {
  const { type, single, processors } = record(processor);
  if (type === 'Sequence') return list(processors).some((one) => beginsWith(one, token));
  return type === 'TemplateProcessing' && record(record(list(single)[0]).SpecialToken).id === token;
}
