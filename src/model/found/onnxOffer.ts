// A folder for ONNX Runtime as an offer: what its configuration says. Its graph, which may be as large as its weights, is opened by loading alone.
import { promises as fs } from 'node:fs';
import { basename } from 'node:path';
import { record } from '../../shared/record.ts';
import { filesOf, isWeights, jsonBeside, textBeside } from '../onnx/onnxFiles.ts';
import type { Shape } from '../manifest.ts';
import { visible } from './names.ts';

export interface OnnxDescription {
  /** False: it answers with vectors or pictures, or nobody says what it is. */
  isLanguageModel: boolean;
  name: string | undefined;
  architecture: string;
  /** Of all files of weights. */
  bytes: number;
  /** "q4", as the file is called. */
  quantisation: string;
  chat: boolean;
  fim: boolean;
  /** What memory depends on; undefined where the configuration does not say. */
  shape: Shape | undefined;
}

/** Tokens that mark the place to fill, as tokenizer.json writes them. */
const FILLS = /"(<\|?fim[_-]prefix\|?>|<｜fim▁begin｜>|\[PREFIX\])"/;
const MAX_COUNT = 1 << 24;

/** Throws onnxFolderInvalid. */
export async function describeOnnx(graph: string): Promise<OnnxDescription> {
  const config = record(await jsonBeside(graph, 'config.json'));
  const tokenizer = await textBeside(graph, 'tokenizer.json');
  const template = record(await jsonBeside(graph, 'tokenizer_config.json')).chat_template ?? (await textBeside(graph, 'chat_template.jinja'));
  const sizes = await Promise.all(filesOf(graph).filter(isWeights).map((path) => fs.stat(path).then(({ size }) => size)));
  const count = (value: unknown): number => (Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_COUNT ? (value as number) : NaN);
  const [layers, hidden, heads] = ['num_hidden_layers', 'hidden_size', 'num_attention_heads'].map((key) => count(config[key]));
  const keyLength = count(config.head_dim ?? hidden / heads);
  const shape: Shape = {
    layers, hidden, heads, kvHeads: count(config.num_key_value_heads ?? heads), keyLength, valueLength: keyLength, feedForward: count(config.intermediate_size ?? 4 * hidden),
    vocabulary: count(config.vocab_size), context: count(config.max_position_embeddings),
  };
  return {
    isLanguageModel: tokenizer !== undefined && Array.isArray(config.architectures) && config.architectures.some((name) => /ForCausalLM$/.test(String(name))),
    name: typeof config._name_or_path === 'string' ? basename(config._name_or_path) : undefined,
    architecture: visible(String(config.model_type ?? '')).slice(0, 40), bytes: sizes.reduce((sum, size) => sum + size, 0),
    quantisation: visible(/_([a-z]+\d*\w*)\.onnx$/i.exec(basename(graph))?.[1] ?? 'ONNX').slice(0, 20),
    chat: typeof template === 'string' || Array.isArray(template), fim: FILLS.test(tokenizer ?? ''),
    shape: Object.values(shape).every((size) => !Number.isNaN(size)) ? shape : undefined,
  };
}
