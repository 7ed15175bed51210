// What the editor and the bundle that downloads agree on. Plain data: the two share no code at run time but what each has bundled for itself.
import type { ErrorCode } from './errors.ts';

export interface DownloadRequest {
  /** Of http only where the user named such a mirror. */
  url: string;
  /** The file that it becomes; until then there are PATH.part and PATH.part.json. */
  path: string;
}

export interface DownloadProgress {
  /** Bytes that are there, those of an earlier try included. */
  done: number;
  /** Null: the server does not say. */
  total: number | null;
  /** True while what is there is read again for its SHA-256. */
  checking: boolean;
}

export interface Downloaded {
  bytes: number;
  sha256: string;
  /** The SHA-256 that the server named and that was compared; null: it named none, and nothing was compared. */
  stated: string | null;
}

/** Failures travel as code and arguments, as those of the worker do. */
export type DownloadOutcome = { done: Downloaded } | { failed: { code: ErrorCode; args: readonly unknown[] } } | { stopped: true };

/** `cancel` ends it and leaves nothing; `pause` ends it and leaves what has come, to go on from. */
export interface DownloadStop {
  how: 'cancel' | 'pause' | null;
  /** Called when `how` is set. */
  heard: () => void;
}

export type Download = (request: DownloadRequest, hear: (progress: DownloadProgress) => void, stop: DownloadStop) => Promise<DownloadOutcome>;
