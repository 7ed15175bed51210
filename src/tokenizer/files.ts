// What a tokenizer is made from: a Hugging Face `tokenizer.json` object, or pieces with scores; and what stands beside it. Plain JSON.

/** Where the fill-in-the-middle tokens go: `standard` has a middle token; `suffixFirst` is [SUFFIX]suffix[PREFIX]prefix (Codestral). */
export type FimLayout = 'standard' | 'suffixFirst';

/** How other files stand in a prompt (`prompt/otherFiles.ts`). */
export type FilesForm = 'separated' | 'named' | 'unnamed' | 'between' | 'commented' | 'plus';

export interface FimTokens {
  prefix: number;
  suffix: number;
  middle: number;
  pad?: number;
  repo?: number;
  fileSeparator?: number;
  layout: FimLayout;
  /** Of families that are trained on several files at once. */
  files?: FilesForm;
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
  /** Every token by its id: what `vocab` says the other way round. */
  readonly tokens: readonly string[];
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
    readonly vocab: Record<string, number>;
    /** `left right`, best first. */
    merges: string[];
  };
}

/** A SentencePiece vocabulary: of two neighbours that are a token together, those with the highest score merge first. */
export interface ScoredPieces {
  added_tokens: AddedToken[];
  /** Every token, added ones too; a blank is written ▁. */
  tokens: string[];
  /** One for each token, finite. */
  scores: ArrayLike<number>;
  /** The token of each byte, -1 where there is none. */
  bytes: number[];
  /** Ids of tokens that no text is made of, besides bytes and added ones. */
  unused: number[];
  /** Whether a blank is written before a text. */
  spacePrefix: boolean;
}

export interface TokenizerFiles {
  tokenizer: TokenizerJson | ScoredPieces;
  special: SpecialTokens;
  /** `tokenizer.ggml.pre` as the file names it; pieces have none. */
  pre: string;
  /** What was odd about the file but did not stop us, one sentence each. */
  warnings: string[];
  chatTemplate?: string;
}
