// The Hugging Face hub's cache: models--ORG--NAME/{blobs/DIGEST, refs/BRANCH, snapshots/COMMIT/…}, where a snapshot's files are links to blobs, or copies.
import { join } from 'node:path';
import type { Candidate } from './candidates.ts';
import { smallText, type Folders } from './folders.ts';
import { graphAt, isGraph, rootOf } from '../onnx/onnxFiles.ts';
import { isModelFile } from './names.ts';

/** A commit's name. */
const MAX_REF_BYTES = 1_000;

/** The GGUF files of every repository, and its smallest graph for ONNX Runtime, in the snapshot that its branch "main" names; in all of them where it names none. */
export async function* hubModels(folder: string, folders: Folders): AsyncGenerator<Omit<Candidate, 'program'>> {
  for (const { name: repository, path, kind } of await folders.list(folder)) {
    const [, hint] = /^models--(?:.+--)?(.+)$/.exec(repository) ?? [];
    if (kind !== 'folder' || hint === undefined) continue;
    const snapshots = join(path, 'snapshots');
    const commit = smallText(join(path, 'refs', 'main'), MAX_REF_BYTES)?.trim() ?? '';
    const current = /^[0-9a-f]{40}$/.test(commit) ? join(snapshots, commit) : snapshots;
    const graphs = new Set<string>();
    for await (const file of folders.files(current)) {
      if (isModelFile(file.name)) yield { path: file.path, hint };
      const root = isGraph(file.name) ? rootOf(file.path) : undefined;
      const graph = root === undefined || graphs.has(root) ? undefined : graphAt(root);
      if (root !== undefined) graphs.add(root);
      if (graph !== undefined) yield { path: graph, hint };
    }
  }
}
