// Messages between the visualizer's page and its host in the extension. Plain data that both sides import.
// The host owns the state. The page shows it, says `hello` with the last sequence number that it has, and gets the rest or everything anew.
import type { AttentionMap, InspectReport } from './inspectReport.ts';
import type { CacheFigures, LiveFigures, LiveLooked } from './liveFigures.ts';
import type { StageMs } from './stages.ts';

/** Raised with every change that an older page could not read: a page of another version asks for nothing and shows nothing. */
export const PANEL_PROTOCOL = 3;

/** As the setting `deltallm.mode` names them. */
export type ModeName = 'exact' | 'balanced' | 'compact';

/** One file that was measured. */
export interface MeasurementView {
  report: InspectReport;
  mode: Exclude<ModeName, 'exact'>;
  /** Milliseconds since the epoch. */
  at: number;
  /** Of the extension. */
  version: string;
  /** The text, line by line; empty where it is not at hand any more. */
  lines: readonly string[];
  /** True where the file has changed since. */
  stale: boolean;
}

/** What a mode comes to on one file. The mode exact is the reference: its figures are so by definition. */
export interface ModeFigures {
  /** Zeros of the far keys, and key work left out; null where no key was far. */
  keySparsity: number | null;
  keyWork: number;
  /** 1 − Σ|delta − dense| / Σ dense; null where there are no sinks or none was measured. */
  sinksKept: number | null;
  outputError: number | null;
  /** Share of positions with the same most likely token, of how many; mean KL in nats. */
  top1: number;
  positions: number;
  kl: number;
  bytes: number;
}

export interface ComparisonView {
  name: string;
  tokens: number;
  model: string;
  /** In the order of the modes; null: not measured (yet). */
  columns: { mode: ModeName; figures: ModeFigures | null }[];
  /** True where the user stopped it. */
  stopped: boolean;
}

/** The attention of one head, as the panel shows it. */
export type MapView = Omit<AttentionMap, 'schema' | 'model'>;

/** The KV caches of this window, a model each; paths are names of files. */
export type CacheView = readonly CacheFigures[];

/** What is counted while the model works; the path is the name of a file. */
export type LiveView = Omit<LiveFigures, 'looked'>;

/** The document of the suggestion that was sampled last, as it was then. */
export interface SuggestionView {
  request: string;
  /** Of the document. */
  name: string;
  lines: readonly string[];
}

/** Where that suggestion looked: one of another request belongs to another document. */
export type LookView = Omit<LiveLooked, 'path' | 'uri' | 'text'>;

/** Where the time of the last request that had a generation went, milliseconds. */
export interface TimeView extends StageMs {
  /** Quiet before anything was done, and what was waited for until the generation began. */
  pause: number;
  waiting: number;
  /** The same passes by what they were for. */
  reading: number;
  writing: number;
  /** Until there was an answer; the generation may have gone on behind it. */
  total: number;
  computed: number;
  written: number;
}

export interface BusyView {
  what: 'measuring' | 'comparing' | 'mapping';
  /** The mode that is being measured. */
  mode: ModeName | null;
  name: string;
  /** 0…1 */
  share: number;
  /** True while the model loads first. */
  loading: boolean;
}

export interface PanelState {
  /** Name of the file that "Measure this file" would read; null: no editor is open. */
  file: string | null;
  mode: ModeName;
  busy: BusyView | null;
  /** Something to say, one sentence: why there is no measurement, what failed. */
  note: string | null;
  measurement: MeasurementView | null;
  comparison: ComparisonView | null;
  map: MapView | null;
  cache: CacheView | null;
  live: LiveView | null;
  suggestion: SuggestionView | null;
  look: LookView | null;
  time: TimeView | null;
}

/** Texts of the page in the user's language, by the English text; `{0}`, `{1}` are places for values. */
export type PanelWords = Readonly<Record<string, string>>;

/** From the host to the page. `epoch` is another one for every life of the host. */
export type ToPanel =
  | { type: 'state'; protocol: number; epoch: string; seq: number; state: PanelState; words: PanelWords }
  /** These parts of the state are others. */
  | { type: 'change'; epoch: string; seq: number; parts: Partial<PanelState> };

/** From the page to the host. */
export type FromPanel =
  | { type: 'hello'; protocol: number; epoch: string | null; seq: number }
  | { type: 'measure' }
  | { type: 'compare' }
  | { type: 'cancel' }
  | { type: 'useMode'; mode: ModeName }
  /** The attention of this head on the file that was measured. */
  | { type: 'map'; layer: number; head: number }
  /** The line (from 0) of the file that was measured, or of the document of the suggestion. */
  | { type: 'reveal'; of: 'measurement' | 'suggestion'; line: number }
  | { type: 'copyMarkdown' }
  | { type: 'saveJson' }
  /** The picture could not be put into the clipboard by the page: PNG. */
  | { type: 'saveImage'; png: Uint8Array }
  | { type: 'imageCopied' };
