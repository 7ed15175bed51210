// What a model folder stores about its tokenizer: a Hugging Face `tokenizer.json` object and what stands beside it. Plain JSON.

/** Where the fill-in-the-middle tokens go: `standard` has a middle token; `suffixFirst` is [SUFFIX]suffix[PREFIX]prefix (Codestral). */
export type FimLayout = 'standard' | 'suffixFirst';

export interface FimTokens {
  prefix: number;
  suffix: number;
  middle: number;
  pad?: number;
  repo?: number;
  fileSeparator?: number;
  layout: FimLayout;
}

export interface SpecialTokens {
  /** First token of a text, whether or not the model wants it there (`addBos`). */
  bos: number | null;
  /** Every id that ends a generation, ascending. */
  eos: number[];
  addBos: boolean;
  fim: FimTokens | null;
}

export interface AddedToken {
  id: number;
  content: string;
  /** true: a control token, never made from user text; false: user-defined text that is always one token. */
  special: boolean;
  single_word: false;
  lstrip: false;
  rstrip: false;
  normalized: false;
}

export interface SplitConfig {
  type: 'Split';
  pattern: { Regex: string };
  behavior: 'Isolated';
  invert: false;
}

export interface ByteLevelConfig {
  type: 'ByteLevel';
  add_prefix_space: false;
  trim_offsets: false;
  use_regex: false;
}

/** The subset of `tokenizer.json` that byte-level BPE needs. */
export interface TokenizerJson {
  version: '1.0';
  added_tokens: AddedToken[];
  normalizer: null;
  pre_tokenizer: { type: 'Sequence'; pretokenizers: (SplitConfig | ByteLevelConfig)[] };
  post_processor: null;
  decoder: ByteLevelConfig;
  model: {
    type: 'BPE';
    dropout: null;
    unk_token: null;
    continuing_subword_prefix: null;
    end_of_word_suffix: null;
    fuse_unk: false;
    byte_fallback: false;
    ignore_merges: boolean;
    /** Every token, added ones too. */
    vocab: Record<string, number>;
    /** `left right`, best first. */
    merges: string[];
  };
}

export interface TokenizerFiles {
  tokenizer: TokenizerJson;
  special: SpecialTokens;
  /** `tokenizer.ggml.pre` as the file names it. */
  pre: string;
  /** What was odd about the file but did not stop us, one sentence each. */
  warnings: string[];
  chatTemplate?: string;
}
