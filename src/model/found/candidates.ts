// The files under a root that may be models, by its program's layout.
import { basename, dirname } from 'node:path';
import type { Folders } from './folders.ts';
import { hubModels } from './hub.ts';
import { janModels } from './jan.ts';
import { isModelFile } from './names.ts';
import { ollamaModels } from './ollama.ts';
import type { Root } from './roots.ts';

export interface Candidate {
  path: string;
  program: string;
  /** As the program calls it, where it does: "llama3.2:1b". */
  name?: string;
  /** A name for a file that says nothing of itself. */
  hint?: string;
  /** Texts that end an answer, by the program's own settings. */
  stop?: string[];
}

/** What lies under a root; nothing is opened but small files that describe others. */
export async function* candidatesIn({ program, folder, layout }: Root, folders: Folders): AsyncGenerator<Candidate> {
  for await (const candidate of reader(layout, folder, folders)) yield { program, ...candidate };
}

function reader(layout: Root['layout'], folder: string, folders: Folders): AsyncGenerator<Omit<Candidate, 'program'>> {
  switch (layout) {
    case 'ollama': return ollamaModels(folder, folders);
    case 'hub': return hubModels(folder, folders);
    case 'llamaCpp': return llamaCppModels(folder, folders);
    case 'jan': return janModels(folder, folders);
    case 'tree': return treeModels(folder, folders);
    case 'flat': return flatModels(folder, folders);
  }
}

/** LM Studio: PUBLISHER/REPOSITORY/FILE, but what lies elsewhere in the folder was put there for a reason too. */
async function* treeModels(root: string, folders: Folders): AsyncGenerator<Omit<Candidate, 'program'>> {
  for await (const { name, path } of folders.files(root)) if (isModelFile(name)) yield { path, hint: dirname(path) === root ? undefined : basename(dirname(path)) };
}

async function* flatModels(folder: string, folders: Folders): AsyncGenerator<Omit<Candidate, 'program'>> {
  for (const { name, path, kind } of await folders.list(folder)) if (kind === 'file' && isModelFile(name)) yield { path };
}

/** Files named USER_REPOSITORY_FILE; since 2026 a hub's cache. */
async function* llamaCppModels(folder: string, folders: Folders): AsyncGenerator<Omit<Candidate, 'program'>> {
  yield* flatModels(folder, folders);
  yield* hubModels(folder, folders);
}
