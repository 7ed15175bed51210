// Where programs for language models keep their files on this computer, as their documentation and sources say.
import { posix, win32 } from 'node:path';

/** How a program lays out its files. `files`: GGUF files in folders of any depth. */
export type Layout = 'ollama' | 'huggingFace' | 'files';

export interface Root {
  /** As its users call it. */
  program: string;
  folder: string;
  layout: Layout;
}

export interface Computer {
  platform: NodeJS.Platform;
  env: NodeJS.ProcessEnv;
  /** The user's own folder. */
  home: string;
}

/** A small text file that names another place; undefined where there is none. */
export type ReadText = (path: string) => string | undefined;

/** Every place where models may lie, likeliest first; most of them do not exist. A variable that is empty or relative says nothing. */
export function modelRoots({ platform, env, home }: Computer, readText: ReadText): Root[] {
  const { join, isAbsolute } = platform === 'win32' ? win32 : posix;
  const named = (...names: string[]) => names.map((name) => env[name]).find((value) => value !== undefined && isAbsolute(value));
  const absolute = (text: string | undefined) => (text !== undefined && isAbsolute(text.trim()) ? text.trim() : undefined);
  const cache = named('XDG_CACHE_HOME') ?? join(home, '.cache');
  const configuration = named('XDG_CONFIG_HOME') ?? join(home, '.config');
  const shared = named('XDG_DATA_HOME') ?? join(home, '.local/share');
  const library = join(home, 'Library');
  const local = named('LOCALAPPDATA') ?? join(home, 'AppData', 'Local');
  const roaming = named('APPDATA') ?? join(home, 'AppData', 'Roaming');
  const by = (of: Partial<Record<NodeJS.Platform, string[]>>, others: string[]) => of[platform] ?? others;

  const roots: Root[] = [];
  const add = (program: string, layout: Layout, ...folders: (string | undefined)[]) => {
    for (const folder of folders) if (folder !== undefined && !roots.some((root) => root.folder === folder && root.layout === layout)) roots.push({ program, folder, layout });
  };
  add('Ollama', 'ollama', named('OLLAMA_MODELS'), join(home, '.ollama', 'models'), ...by({ linux: ['/usr/share/ollama/.ollama/models', '/var/lib/ollama/models'] }, []));

  const lmStudio = absolute(readText(join(home, '.lmstudio-home-pointer'))) ?? join(home, '.lmstudio');
  add('LM Studio', 'files', absolute(textIn(readText(join(lmStudio, 'settings.json')), 'downloadsFolder')), join(lmStudio, 'models'), join(home, '.cache', 'lm-studio', 'models'));

  const hub = named('HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE') ?? (named('HF_HOME') !== undefined ? join(named('HF_HOME')!, 'hub') : join(cache, 'huggingface', 'hub'));
  add('Hugging Face', 'huggingFace', hub, join(home, '.cache', 'huggingface', 'hub'));

  const llama = named('LLAMA_CACHE');
  const llamaCaches = [llama, ...by({ darwin: [join(library, 'Caches', 'llama.cpp')], win32: [join(local, 'llama.cpp')] }, [join(cache, 'llama.cpp')])];
  add('llama.cpp', 'huggingFace', ...llamaCaches);
  add('llama.cpp', 'files', ...llamaCaches);

  const jan = by({ darwin: [join(library, 'Application Support', 'Jan', 'data')], win32: [join(roaming, 'Jan', 'data')] }, [join(configuration, 'Jan', 'data'), join(shared, 'Jan', 'data')]);
  add('Jan', 'files', ...[...jan, join(home, 'jan')].flatMap((folder) => [join(folder, 'llamacpp', 'models'), join(folder, 'models')]));

  const gpt4all = by({ darwin: [join(library, 'Application Support', 'nomic.ai', 'GPT4All')], win32: [join(local, 'nomic.ai', 'GPT4All')] }, [join(shared, 'nomic.ai', 'GPT4All')]);
  const settings = by({ darwin: [join(home, '.config', 'gpt4all.io', 'GPT4All.ini')], win32: [join(roaming, 'nomic.ai', 'GPT4All.ini')] }, [join(configuration, 'nomic.ai', 'GPT4All.ini')]);
  add('GPT4All', 'files', ...settings.map((path) => absolute(/^modelPath=(.+)$/m.exec(readText(path) ?? '')?.[1])), ...gpt4all);
  return roots;
}

/** A text field of a JSON object that may be anything. */
function textIn(json: string | undefined, field: string): string | undefined {
  try {
    const value = (JSON.parse(json ?? 'null') as Record<string, unknown> | null)?.[field];
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
