// The model files that are on this computer already, kept by whatever program: each once, what can be used first.
import { promises as fs, readFileSync, statSync } from 'node:fs';
import os from 'node:os';
import { candidatesIn } from './candidates.ts';
import { isLanguageModel, readOffer, type FoundModel } from './readOffer.ts';
import { modelRoots, type Computer } from './roots.ts';

export type { FoundModel };

export interface FoundModels {
  models: FoundModel[];
  /** Folders of models that this user may not read. */
  unreadable: string[];
}

export interface Search extends Computer {
  /** Bytes of memory that are free for a model. */
  available: number;
  progress?: (share: number) => void;
  cancelled?: () => boolean;
}

/** Of the small files that name other places. */
const POINTER_BYTES = 1 << 16;
/** Models that are read; nobody has more. */
const MOST = 500;

/** Looks through the places that programs use. What was found is returned when it is cancelled. */
export async function findModels({ available, progress = () => {}, cancelled = () => false, ...computer }: Search): Promise<FoundModels> {
  const roots = modelRoots(computer, readSmall);
  const models: FoundModel[] = [];
  const unreadable: string[] = [];
  const seen = new Set<string>();
  for (const [i, root] of roots.entries()) {
    progress(i / roots.length);
    try {
      for await (const { path, program, name } of candidatesIn(root, cancelled)) {
        if (cancelled() || models.length >= MOST) break;
        const stat = await fs.stat(path).catch(() => undefined);
        if (!stat?.isFile() || stat.size === 0) continue;
        const file = `${stat.dev} ${stat.ino}`;
        // Another program may know the same file under another name; blobs are named by what is in them.
        const content = /[0-9a-f]{64}/.exec(await fs.realpath(path))?.[0];
        if (seen.has(file) || (content !== undefined && seen.has(content))) continue;
        seen.add(file);
        if (content !== undefined) seen.add(content);
        const model = await readOffer(path, available, program, name);
        if (isLanguageModel(model)) models.push(model);
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EACCES' || code === 'EPERM') unreadable.push(root.folder);
    }
    if (cancelled()) break;
  }
  return { models: models.sort(byUse), unreadable };
}

/** What can be used first, then what converses, then the larger one: of what fits, it knows more. */
const byUse = (a: FoundModel, b: FoundModel): number =>
  Number(a.refused !== null) - Number(b.refused !== null) || Number(b.chat) - Number(a.chat) || (b.parameters ?? 0) - (a.parameters ?? 0) || a.name.localeCompare(b.name);

/** This computer, and the memory that is free on it. */
export function thisComputer(): Computer & { available: number } {
  const available = (process as { availableMemory?: () => number }).availableMemory?.() ?? os.freemem();
  return { platform: process.platform, env: process.env, home: os.homedir(), available };
}

function readSmall(path: string): string | undefined {
  try {
    return statSync(path).isFile() && statSync(path).size <= POINTER_BYTES ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
