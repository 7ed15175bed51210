// The model files that are on this computer already, kept by whatever program: each once, what can be used first.
import { promises as fs } from 'node:fs';
import os from 'node:os';
import { basename, dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { candidatesIn, type Candidate } from './candidates.ts';
import { availableMemory, type Plan } from './fit.ts';
import { Folders, smallText } from './folders.ts';
import { offerAt, type FoundModel } from './readOffer.ts';
import { modelRoots, type Computer } from './roots.ts';

export type { FoundModel };

export interface FoundModels {
  models: FoundModel[];
  /** Folders that this user may not read. */
  unreadable: string[];
  /** True: there are more files than were looked at. */
  cut: boolean;
}

export interface Search extends Computer {
  /** Bytes of memory that are free for a model. */
  available: number;
  /** How it is to be run. Default: as usual. */
  plan?: Plan;
  /** 0…1. What it throws ends the search. */
  progress?: (share: number) => void;
  /** Asked between files; what was found until then is returned. */
  cancelled?: () => boolean;
}

/** Of the small files that name other places. */
const MAX_POINTER_BYTES = 1 << 16;
/** Files that are read under one root, and in all; whoever has more has not chosen them. */
const MAX_FILES_PER_ROOT = 500;
const MAX_FILES = 2_000;
/** Larger ones run, but a word takes them so long that they are nobody's first choice on a CPU. */
const SENSIBLE_BYTES = 6e9;

/** Looks through the places that programs use. Files are opened for reading only, and of each only the header is read. */
export async function findModels({ available, plan, progress = () => {}, cancelled = () => false, ...computer }: Search): Promise<FoundModels> {
  const { candidates, unreadable, cut } = await gather(computer, cancelled);
  const models: FoundModel[] = [];
  const seen = new Set<string>();
  for (const [i, candidate] of candidates.entries()) {
    progress(i / candidates.length);
    // Whoever shares the thread gets its turn: long vocabularies take a while.
    await setImmediate();
    if (cancelled()) break;
    if (!(await isNew(candidate.path, seen, unreadable))) continue;
    const { model, foreign } = await offerAt(candidate.path, available, candidate, plan);
    if (model.refused?.code === 'fileUnreadable') unreadable.note(dirname(candidate.path), { code: model.refused.args[1] });
    if (!foreign) models.push(model);
  }
  return { models: models.sort(byUse), unreadable: [...unreadable.unreadable], cut };
}

/** This computer, and the memory that is free on it. */
export const thisComputer = (): Computer & { available: number } => ({ platform: process.platform, env: process.env, home: os.homedir(), available: availableMemory() });

async function gather(computer: Computer, cancelled: () => boolean): Promise<{ candidates: Candidate[]; unreadable: Folders; cut: boolean }> {
  const candidates: Candidate[] = [];
  const unreadable = new Folders();
  let cut = false;
  for (const root of modelRoots(computer, (path) => smallText(path, MAX_POINTER_BYTES))) {
    // Each root has limits of its own: one that is full of files must not hide the others.
    const folders = new Folders(cancelled);
    let left = Math.min(MAX_FILES_PER_ROOT, MAX_FILES - candidates.length);
    for await (const candidate of candidatesIn(root, folders)) {
      if (cancelled()) break;
      if (left-- <= 0) {
        cut = true;
        break;
      }
      candidates.push(candidate);
    }
    for (const folder of folders.unreadable) unreadable.note(folder, { code: 'EACCES' });
    cut ||= folders.cut;
  }
  return { candidates, unreadable, cut };
}

/** False for what was seen under another name: the same file, or a blob that another program has too and both name by what is in it. */
async function isNew(path: string, seen: Set<string>, folders: Folders): Promise<boolean> {
  const stat = await fs.stat(path, { bigint: true }).catch((error: unknown) => folders.note(dirname(path), error));
  if (!stat?.isFile()) return false;
  const real = await fs.realpath(path).catch(() => path);
  const keys = [`${stat.dev} ${stat.ino}`, ...(/^(?:sha256[-:])?([0-9a-f]{64})$/.exec(basename(real))?.slice(1) ?? [])];
  if (keys.some((key) => seen.has(key))) return false;
  for (const key of keys) seen.add(key);
  return true;
}

/** What can be used comes first, of it what converses; then the larger one, which knows more, unless it is too large to be quick. */
const byUse = (a: FoundModel, b: FoundModel): number =>
  Number(a.refused !== null) - Number(b.refused !== null) || Number(b.chat) - Number(a.chat) || worth(b) - worth(a) || (a.name < b.name ? -1 : Number(a.name > b.name));

const worth = ({ bytes }: FoundModel): number => (bytes <= SENSIBLE_BYTES ? bytes : -bytes);
