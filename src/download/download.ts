// Downloads one file: goes on where an earlier try ended, checks the SHA-256 that the server names, and leaves nothing when it is cancelled. This folder is a bundle
// of its own, the only one with a way to the network; it is loaded by a click on "Download" and by nothing else.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, promises as fs } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { ClientRequest } from 'http';
import type { Download, DownloadProgress, DownloadRequest, DownloadStop, Downloaded } from '../shared/downloads.ts';
import { asDeltaError, DeltaError } from '../shared/errors.ts';
import { asUnreachable, get, type Answer } from './request.ts';

/** Tries in a row that bring no byte. */
const MOST_TRIES = 4;
/** Before the next try, times the tries so far. */
const REST_MS = 1000;
/** What must stay free beside the file: a disk that is full to the last byte hurts everybody. */
const MARGIN_BYTES = 200e6;

/** What tests put in the place of the clock and the disk. */
export interface DownloadNeeds {
  restMs?: number;
  silenceMs?: number;
  /** Bytes that are free where the folder lies. */
  free?: (folder: string) => Promise<number>;
}

const freeIn = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await fs.statfs(folder);
  return bavail * bsize;
};

export const download: Download = (request, hear, stop) => downloadWith({}, request, hear, stop);

export async function downloadWith({ restMs = REST_MS, silenceMs, free = freeIn }: DownloadNeeds, request: DownloadRequest, hear: (progress: DownloadProgress) => void, stop: DownloadStop): ReturnType<Download> {
  const part = new Part(request, hear, free);
  let sent: ClientRequest | undefined;
  stop.heard = () => sent?.destroy(new Error('stopped'));
  const reach = { begun: (next: ClientRequest) => (stop.how ? next.destroy(new Error('stopped')) : (sent = next)), silenceMs };
  try {
    await part.open();
    for (let tries = 1; ; tries++) {
      const before = part.done;
      try {
        const answer = await get(request.url, part.done, reach);
        if (stop.how) throw new DeltaError('cancelled');
        if (await part.take(answer)) return { done: await part.finish() };
      } catch (thrown) {
        if (stop.how) throw new DeltaError('cancelled');
        const error = asDeltaError(thrown);
        // What has come brings the next try nearer to the end.
        if (part.done > before) tries = 0;
        if (error.code !== 'downloadUnreachable' || tries >= MOST_TRIES) throw error;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, restMs * Math.max(1, tries));
        stop.heard = () => (clearTimeout(timer), resolve());
      });
      stop.heard = () => sent?.destroy(new Error('stopped'));
      if (stop.how) throw new DeltaError('cancelled');
    }
  } catch (thrown) {
    const { code, args } = asDeltaError(thrown);
    await part.close();
    if (stop.how === 'cancel' || code === 'downloadDamaged') await part.remove();
    return code === 'cancelled' ? { stopped: true } : { failed: { code, args } };
  }
}

/** What is there of a file that is not complete, with what the server said of the whole. */
class Part {
  done = 0;
  private total: number | null = null;
  private sha256: string | null = null;
  private identity: string | null = null;
  private hash: Hash = createHash('sha256');
  private file: fs.FileHandle | undefined;
  private readonly path: string;
  private readonly facts: string;

  constructor(
    private readonly request: DownloadRequest,
    private readonly hear: (progress: DownloadProgress) => void,
    private readonly free: (folder: string) => Promise<number>,
  ) {
    this.path = `${request.path}.part`;
    this.facts = `${this.path}.json`;
  }

  /** Takes up what an earlier try left, where it is of the same address. Throws folderNotWritable. */
  async open(): Promise<void> {
    await this.writing(async () => {
      await fs.mkdir(dirname(this.path), { recursive: true });
      const known = await fs.readFile(this.facts, 'utf8').then((text) => JSON.parse(text) as { url?: unknown; identity?: unknown }, () => null);
      const goesOn = known?.url === this.request.url && typeof known.identity === 'string';
      this.file = await fs.open(this.path, goesOn ? 'a' : 'w');
      if (!goesOn) return;
      this.identity = known.identity as string;
      const { size } = await this.file.stat();
      for await (const chunk of createReadStream(this.path, { end: Math.max(0, size - 1) })) {
        if (size === 0) break;
        this.hash.update(chunk as Buffer);
        this.done += (chunk as Buffer).length;
        this.hear({ done: this.done, total: null, checking: true });
      }
    });
  }

  /** Writes what comes. True: the file is complete; false: it is another one than before, and the next try begins anew. Throws where it is cut off. */
  async take(answer: Answer | null): Promise<boolean> {
    const isOther = answer === null || (this.done > 0 && (answer.identity === null || answer.identity !== this.identity));
    if (isOther) {
      answer?.body.destroy();
      if (this.done === 0) throw new DeltaError('downloadRefused', new URL(this.request.url).host, '416');
      await this.begin();
      return false;
    }
    // The server does not give a part: what is there comes once more.
    if (answer.from < this.done) await this.begin();
    const { body } = answer;
    this.total = answer.total;
    this.sha256 = answer.sha256;
    this.identity = answer.identity;
    await this.writing(() => fs.writeFile(this.facts, JSON.stringify({ url: this.request.url, identity: this.identity })));
    await this.checkRoom();
    try {
      for await (const chunk of body) {
        await this.writing(() => this.file!.appendFile(chunk as Buffer));
        this.hash.update(chunk as Buffer);
        this.done += (chunk as Buffer).length;
        this.hear({ done: this.done, total: this.total, checking: false });
      }
    } catch (thrown) {
      if (thrown instanceof DeltaError) throw thrown;
      throw asUnreachable(thrown as Error, new URL(this.request.url).host);
    } finally {
      body.destroy();
    }
    if (this.total !== null && this.done < this.total) throw new DeltaError('downloadUnreachable', new URL(this.request.url).host, 'cut off');
    return true;
  }

  /** The file gets its name once it is what the server said. Throws downloadDamaged. */
  async finish(): Promise<Downloaded> {
    const sha256 = this.hash.digest('hex');
    const { host } = new URL(this.request.url);
    if ((this.sha256 !== null && sha256 !== this.sha256) || (this.total !== null && this.done !== this.total)) throw new DeltaError('downloadDamaged', basename(this.request.path), host);
    await this.writing(async () => {
      await this.file!.sync();
      await this.close();
      await fs.rename(this.path, this.request.path);
    });
    await fs.rm(this.facts, { force: true });
    return { bytes: this.done, sha256, stated: this.sha256 };
  }

  async close(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    await file?.close().catch(() => {});
  }

  async remove(): Promise<void> {
    await this.close();
    for (const path of [this.path, this.facts]) await fs.rm(path, { force: true }).catch(() => {});
  }

  private async begin(): Promise<void> {
    await this.writing(() => this.file!.truncate(0));
    this.hash = createHash('sha256');
    this.done = 0;
    this.identity = null;
  }

  private async checkRoom(): Promise<void> {
    if (this.total === null) return;
    const needed = this.total - this.done;
    const free = await this.free(dirname(this.path)).catch(() => Infinity);
    if (needed + MARGIN_BYTES > free) throw new DeltaError('diskFull', this.request.path, gigabytes(needed), gigabytes(free));
  }

  /** Throws diskFull, folderNotWritable. */
  private async writing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException;
      if (code === 'ENOSPC' || code === 'EDQUOT') throw new DeltaError('diskFull', this.request.path, gigabytes((this.total ?? this.done) - this.done), '0.0 GB');
      throw code === undefined ? thrown : new DeltaError('folderNotWritable', dirname(this.path), code);
    }
  }
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
