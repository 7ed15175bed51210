// Messages between the page of models and its host in the extension. The host owns everything and sends all of it whenever something changes: there is little of it.

/** Raised with every change that an older page could not read: a page of another version shows nothing. */
export const MODELS_PROTOCOL = 1;

export type ModelRole = 'completion' | 'chat';

/** What a role's model is at. */
export interface UseView {
  role: ModelRole;
  /** '' : none. */
  name: string;
  state: 'none' | 'waiting' | 'loading' | 'ready' | 'failed';
  /** 0…1 while it loads. */
  share: number;
  /** Why it failed, one sentence; '' else. */
  sentence: string;
}

/** A model file on this computer. */
export interface ModelRow {
  id: string;
  name: string;
  /** Who keeps it: "Ollama", "Comes with DeltaLLM", "Downloaded". */
  origin: string;
  /** "1.5 B parameters · Q4_K_M · 1.1 GB". */
  detail: string;
  /** What it takes of this computer and what it gives, one sentence; '' where that is not known. */
  fit: string;
  /** Why it cannot be used, one sentence; '' : it can. */
  refused: string;
  /** What it can be used for, and what it is used for. */
  can: ModelRole[];
  used: ModelRole[];
  /** We have downloaded it: it may be deleted. */
  removable: boolean;
}

/** A model that can be downloaded. */
export interface DownloadRow {
  id: string;
  name: string;
  /** "Apache 2.0". */
  licence: string;
  /** "0.53 GB". */
  size: string;
  purpose: string;
  state: 'offered' | 'begun' | 'downloading' | 'checking';
  /** 0…1; null: nobody knows how much there is. */
  share: number | null;
  /** "12 of 531 MB · 9.1 MB a second"; '' where nothing runs. */
  progress: string;
  /** What went wrong, one sentence; '' : nothing. */
  sentence: string;
}

export interface ModelsState {
  uses: UseView[];
  /** Where text goes besides, where a server is named, in sentences; '' : it stays here. */
  server: string;
  /** The embedded one, those that were downloaded, those that were found. */
  models: ModelRow[];
  /** Somebody has looked for models of other programs; somebody looks now. */
  searched: boolean;
  searching: boolean;
  downloads: DownloadRow[];
  /** Where downloads come from: the name of a server. */
  source: string;
  /** What lies on the disk, a line each. */
  disk: string[];
  /** Something to say that belongs to no row, one sentence; '' : nothing. */
  note: string;
}

export type ModelsWords = Readonly<Record<string, string>>;

/** From the host to the page. */
export type ToModels = { type: 'state'; protocol: number; state: ModelsState; words: ModelsWords };

/** From the page to the host. */
export type FromModels =
  | { type: 'hello'; protocol: number }
  | { type: 'find' }
  | { type: 'chooseFile' }
  /** Addresses of files that were dropped on the page. */
  | { type: 'drop'; uris: string[] }
  | { type: 'use'; role: ModelRole; id: string }
  | { type: 'remove'; id: string }
  | { type: 'download'; id: string }
  | { type: 'cancel'; id: string }
  | { type: 'copyList' }
  | { type: 'removeAll' };
