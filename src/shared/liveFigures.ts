// What the runtime counts while it works, and what its cache holds: plain data, from the worker to the panel.

/** Multiply-adds of attention by layer and KV head, `[layers, kvHeads]`, since the model was loaded; as in AttendStats. */
export interface LiveWork {
  tokens: number;
  dense: Float64Array;
  required: Float64Array;
  executed: Float64Array;
}

/** Of the model that worked last. */
export interface LiveFigures {
  model: string;
  role: 'completion' | 'chat';
  shape: { layers: number; heads: number; kvHeads: number; keyLength: number; valueLength: number };
  /** Tokens that are exact for every query. */
  sinks: number;
  /** Delta-coded elements of the blocks that the cache holds now, and the zeros among them, `[layers, kvHeads]`. */
  elements: Float64Array;
  zeros: Float64Array;
  /** What was read, and what was written: a token a pass, or a few where guesses are verified. */
  reading: LiveWork;
  writing: LiveWork;
  /** What the row that was sampled last looked at; null while there is none. */
  sample: LiveSample | null;
  /** Where the last completion that was sampled looked; null while there is none. */
  looked: LiveLooked | null;
  /** What the model wrote last: its end, at most, and the path of the document; null: in a conversation. */
  wrote: { path: string | null; text: string } | null;
}

/** What `LiveLooked.regions` says of a line: not in the prompt, read from afar, in the window. */
export const [UNREAD_LINE, FAR_LINE, NEAR_LINE] = [0, 1, 2] as const;

/** The attention of the sampled rows of one completion by the lines of its document, mean of rows, layers and heads. The lines, the sinks, the rest and its own text are together 1. */
export interface LiveLooked {
  /** Another one for every completion. */
  request: string;
  path: string;
  uri: string | null;
  /** The document as the completion had it; null where whoever looks knows it already. */
  text: string | null;
  /** What was written so far. */
  written: string;
  /** The line (from 0) of the cursor. */
  cursor: number;
  rows: number;
  /** `[lines]`, without the sinks. */
  lines: Float32Array;
  sinks: number;
  /** On what else stands in the prompt (its marks, other files), and on what the completion wrote itself. */
  rest: number;
  own: number;
  /** `[lines]` */
  regions: Uint8Array;
  /** Lines in which a sink token begins. */
  sinkLines: number[];
}

/** The attention of one row that was written. The blocks and the mean of the sinks are together 1. */
export interface LiveSample {
  /** Of the row among the tokens that it sees. */
  position: number;
  /** `[layers, heads]` */
  sinks: Float32Array;
  /** `[layers, blocks]`, blocks of 64 tokens, mean over the heads. */
  blocks: Float32Array;
}

/** Blocks of one document, or of a conversation, in one model's cache. */
export interface BlockGroup {
  /** Path of the document whose request used them last; null: a conversation's, or a text's without a name. */
  path: string | null;
  blocks: number;
  tokens: number;
  /** Blocks that a later request took over instead of reading the text anew; the others were computed and served that once. */
  reused: number;
  /** Blocks that have their exact form, and those that have their delta form; some have both. */
  exact: number;
  delta: number;
  /** Blocks that were read behind a change, not as the text stands now. */
  approximate: number;
  /** Blocks that are used at another place than where they were read. */
  moved: number;
  /** Blocks of a text that is no more: they go first. */
  superseded: number;
  bytes: number;
}

/** The KV cache of one model. The groups and what is under way come to what the allocator counts. */
export interface CacheFigures {
  model: string;
  roles: ('completion' | 'chat')[];
  blocks: number;
  bytes: number;
  /** What the setting allows. */
  budget: number;
  /** The tokens of the groups in float16. */
  float16: number;
  /** The most bytes first. */
  groups: BlockGroup[];
  /** Blocks that only a request under way holds. */
  underWay: { blocks: number; bytes: number };
  /** Tokens of prompts since the model was loaded: known already, and computed. */
  saved: number;
  computed: number;
}
