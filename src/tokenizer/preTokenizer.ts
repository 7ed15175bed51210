// The regular expressions that cut text into words before byte-pair merging, by the name a GGUF gives in `tokenizer.ggml.pre`.
// Names and behaviour follow llama.cpp; the expressions are the ones of the models' own tokenizer.json files.
// Expressions of one entry apply one after another, each to the pieces the former left.
import type { ByteLevelConfig, SplitConfig, TokenizerJson } from './files.ts';

export interface PreTokenizer {
  patterns: string[];
  /** A word that is a token as a whole is taken as such, whatever the merges say. */
  ignoreMerges: boolean;
  /** The default where the file has no `add_bos_token`. */
  addBos: boolean;
}

const contraction = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`;
/** GPT-2's, and that of every byte-level vocabulary that names none. */
export const gpt2Pattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
/** The GPT-4 family: newlines close a run of punctuation, digits come in groups of at most `digits`. */
const gpt4 = (digits: string): string =>
  `${contraction}|` + String.raw`[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
/** The GPT-4o family: words are cut where lower case turns into upper case. */
const gpt4o = (suffix: string, digits: string): string => {
  const upper = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
  const lower = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
  const lead = String.raw`[^\r\n\p{L}\p{N}]?`;
  return `${lead}${upper}*${lower}+${suffix}|${lead}${upper}+${lower}*${suffix}|` + String.raw`${digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
};
// DeepSeek's own ranges, U+0800 to U+4E00 and all: it is what the models were trained with.
const cjk = String.raw`[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+`;
const deepseek3 = [
  String.raw`\p{N}{1,3}`,
  String.raw`[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+`,
  String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_` + '`' + String.raw`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
];
const wordsWithoutMarks = String.raw` ?[^\s|.,!?…。，、।۔،()]+`;

const entry = (patterns: string[], flags: Partial<PreTokenizer> = {}): PreTokenizer => ({ patterns, ignoreMerges: false, addBos: false, ...flags });

const singleDigits = entry([String.raw`\p{N}`, gpt2Pattern]);
const gpt2Entry = entry([gpt2Pattern]);
const llama3 = entry([gpt4(String.raw`\p{N}{1,3}`)], { ignoreMerges: true, addBos: true });
const llama3Plain = entry([gpt4(String.raw`\p{N}{1,3}`)]);
const qwen2 = entry([gpt4(String.raw`\p{N}`)]);
const deepseek3Entry = entry(deepseek3);
const bloom = entry([wordsWithoutMarks]);

/** Used where a file has no `pre` at all. */
const fallbackDefault = entry([String.raw`[\p{P}\$\+<=>\^~\|]+`, gpt2Pattern, String.raw`\p{N}+`, '[0-9][0-9][0-9]']);

const table = new Map<string, PreTokenizer>([
  ['default', fallbackDefault],
  ...['gpt-2', 'phi-2', 'jina-es', 'jina-de', 'gigachat', 'jina-v2-es', 'jina-v2-de', 'a.x-4.0', 'mellum', 'modern-bert', 'mpt', 'olmo', 'jais', 'exaone4', 'trillion', 'granite-docling'].map(
    (name): [string, PreTokenizer] => [name, gpt2Entry],
  ),
  ...['starcoder', 'refact', 'command-r', 'smollm', 'codeshell', 'exaone', 'minerva-7b', 'mellum2', 'granite-code'].map((name): [string, PreTokenizer] => [name, singleDigits]),
  ...['llama3', 'llama-v3', 'llama-bpe', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'].map((name): [string, PreTokenizer] => [name, llama3]),
  ...['dbrx', 'smaug-bpe', 'chatglm-bpe', 'glm4'].map((name): [string, PreTokenizer] => [name, llama3Plain]),
  ...['qwen2', 'stablelm2', 'hunyuan', 'solar-open', 'megrez', 'deepseek-r1-qwen', 'grok-2'].map((name): [string, PreTokenizer] => [name, qwen2]),
  ['qwen35', entry([`${contraction}|` + String.raw`[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`])],
  ['seed-coder', entry([`${contraction}|` + String.raw`[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+`])],
  ...['bailingmoe', 'bailingmoe2', 'llada-moe'].map((name): [string, PreTokenizer] => [
    name,
    entry([`'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|` + String.raw`[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`]),
  ]),
  ['deepseek-coder', entry([String.raw`[\r\n]`, String.raw`\s?\p{L}+`, String.raw`\s?\p{P}+`, cjk, String.raw`\p{N}`])],
  // The cased letters, without those that later Unicode versions or the model's authors left out.
  [
    'deepseek-llm',
    entry([
      String.raw`[\r\n]`,
      String.raw`\s?(?:\u0295|(?![\u0560-\u0588\u10c6-\u10ff\u1c80-\u1c8a\u2d00-\u2d2d\ua790-\ua7ff\uab30-\uab68\u{10570}-\u{105bc}\u{10d50}-\u{10d85}\u{16e40}-\u{16eff}\u{1d400}-\u{1dfff}])[\p{Lu}\p{Ll}\p{Lt}])+`,
      String.raw`\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+`,
      String.raw`\s+$`,
      cjk,
      String.raw`\p{N}+`,
    ]),
  ],
  ...['deepseek-v3', 'hunyuan-dense', 'joyai-llm'].map((name): [string, PreTokenizer] => [name, deepseek3Entry]),
  ['tekken', entry([gpt4o('', String.raw`\p{N}`)], { ignoreMerges: true, addBos: true })],
  ...['gpt-4o', 'llama4', 'kanana2', 'minimax-m2'].map((name): [string, PreTokenizer] => [name, entry([gpt4o(`${contraction}?`, String.raw`\p{N}{1,3}`)])]),
  ['falcon', entry([String.raw`[\p{P}\$\+<=>\^~\|` + '`]+', gpt2Pattern, '[0-9][0-9][0-9]'])],
  ...['bloom', 'poro-chat', 'gpt3-finnish'].map((name): [string, PreTokenizer] => [name, bloom]),
  ['viking', entry([wordsWithoutMarks, String.raw`\p{N}`])],
]);

/** The name that a file without one most likely means (files from before there were names, and BitNet's): by what else it says. */
export function presumedName(vocabulary: number, architecture: unknown, has: (token: string) => boolean): string | undefined {
  if (vocabulary === 128_256) return 'llama-bpe';
  if (vocabulary === 151_936 || vocabulary === 152_064 || /^qwen[23]$/.test(String(architecture))) return 'qwen2';
  if (vocabulary === 49_152 && has('<fim_prefix>')) return 'starcoder';
  return vocabulary === 32_256 ? 'deepseek-coder' : undefined;
}

/** The entry for a name, and a sentence when the name was missing or unknown and another entry stands in for it. */
export function preTokenizerFor(name: string | undefined): PreTokenizer & { warning?: string } {
  if (name === undefined || name === '') return { ...fallbackDefault, warning: 'The file names no pre-tokenizer: the default one is used and tokens may differ from those the model was trained on.' };
  const known = table.get(name);
  if (known) return known;
  return { ...gpt2Entry, warning: `The pre-tokenizer "${name}" is not known: that of GPT-2 is used and tokens may differ from those the model was trained on.` };
}

export const byteLevel: ByteLevelConfig = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };

export function preTokenizerJson(pre: PreTokenizer): TokenizerJson['pre_tokenizer'] {
  const splits = pre.patterns.map((pattern): SplitConfig => ({ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }));
  return { type: 'Sequence', pretokenizers: [...splits, byteLevel] };
}
