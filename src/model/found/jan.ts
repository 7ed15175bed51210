// Jan: llamacpp/models/ID/model.yml names a file and how it is called; older versions have models/…/*.yml with a list of files.
import { isAbsolute, join } from 'node:path';
import type { Candidate } from './candidates.ts';
import { smallText, type Folders } from './folders.ts';
import { isModelFile } from './names.ts';

/** Real ones have a few hundred bytes. */
const MAX_YML_BYTES = 1 << 16;
const MAX_FILES = 100;

export async function* janModels(folder: string, folders: Folders): AsyncGenerator<Omit<Candidate, 'program'>> {
  const others: Omit<Candidate, 'program'>[] = [];
  for (const models of [join(folder, 'llamacpp', 'models'), join(folder, 'models')]) {
    for await (const { name, path } of folders.files(models)) {
      if (isModelFile(name)) others.push({ path, hint: parent(path) });
      if (!/\.ya?ml$/i.test(name)) continue;
      const yml = readYml(smallText(path, MAX_YML_BYTES) ?? '');
      // Relative to the data folder; a file that the user added stays where it was. Another computer's would be asked for over the network.
      const files = yml.files.filter((file) => isModelFile(file.split(/[\\/]/).at(-1)!) && !/^[\\/]{2}/.test(file) && !file.includes('\0'));
      for (const file of files) yield { path: isAbsolute(file) ? file : join(folder, file), name: yml.name, hint: parent(path) };
    }
  }
  // Files without a description; those with one come a second time, and once is enough for who listens.
  yield* others;
}

const parent = (path: string): string | undefined => path.split(/[\\/]/).at(-2);

/** What matters of a description, as far as it can be understood: `name`, and the files of `model_path` and `files`. */
export function readYml(text: string): { name?: string; files: string[] } {
  const files: string[] = [];
  let name: string | undefined;
  let inFiles = false;
  for (const line of text.split(/\r?\n/)) {
    const [, key, rest] = /^([A-Za-z_]\w*):(?:\s+(.*))?$/.exec(line) ?? [];
    const [, item] = inFiles ? (/^\s*-\s+(.*)$/.exec(line) ?? []) : [];
    if (item !== undefined) files.push(plain(item));
    if (key === undefined) continue;
    inFiles = key === 'files';
    const value = plain(rest ?? '');
    if (key === 'name' && value !== '') name ??= value;
    if (key === 'model_path') files.push(value);
    if (inFiles && /^\[.*\]$/.test(value)) files.push(...value.slice(1, -1).split(',').map(plain));
  }
  return { name, files: files.filter((file) => file !== '').slice(0, MAX_FILES) };
}

/** A scalar without its quotes or the comment behind it. */
function plain(text: string): string {
  const [, double, single] = /^\s*(?:"([^"]*)"|'([^']*)')/.exec(text) ?? [];
  return double?.replace(/\\\\/g, '\\') ?? single ?? text.replace(/\s+#.*$/, '').trim();
}
