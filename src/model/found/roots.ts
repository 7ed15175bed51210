// Where programs for language models keep their files on this computer, by platform, as their documentation and sources say.
import { posix, win32 } from 'node:path';

/** How a program lays out its files: `flat` is one folder of GGUF files, `tree` is folders of any depth. */
export type Layout = 'ollama' | 'hub' | 'llamaCpp' | 'jan' | 'tree' | 'flat';

export interface Root {
  /** The program as its users call it. */
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

/** The text of a small file that names another place; undefined where there is none. */
export type ReadText = (path: string) => string | undefined;

/** Every place where models may lie, in the order in which a file that lies in several is named after them; most places do not exist. */
export function modelRoots(computer: Computer, readText: ReadText): Root[] {
  const { platform, env, home } = computer;
  const { join, isAbsolute } = platform === 'win32' ? win32 : posix;
  /** A folder that a variable or a settings file names. What is empty or relative says nothing, and looking into another computer's folder would use the network. */
  const local = (text: string | undefined) => {
    const path = text?.trim();
    return path && isAbsolute(path) && !path.includes('\0') && !(platform === 'win32' && /^[\\/]{2}/.test(path)) ? path : undefined;
  };
  const named = (...names: string[]) => names.map((name) => local(env[name])).find((path) => path !== undefined);
  const below = (folder: string | undefined, ...parts: string[]) => (folder === undefined ? undefined : join(folder, ...parts));

  const cache = named('XDG_CACHE_HOME') ?? join(home, '.cache');
  const library = join(home, 'Library');
  const roaming = named('APPDATA') ?? join(home, 'AppData', 'Roaming');
  const localData = named('LOCALAPPDATA') ?? join(home, 'AppData', 'Local');
  const configuration = named('XDG_CONFIG_HOME') ?? join(home, '.config');
  const data = named('XDG_DATA_HOME') ?? join(home, '.local', 'share');
  const byPlatform = <T>(mac: T, windows: T, others: T): T => (platform === 'darwin' ? mac : platform === 'win32' ? windows : others);

  const roots: Root[] = [];
  const add = (program: string, layout: Layout, ...folders: (string | undefined)[]) => {
    for (const folder of folders) if (folder !== undefined && !roots.some((root) => root.folder === folder && root.layout === layout)) roots.push({ program, folder, layout });
  };

  // The service of Linux has an environment and a home of its own.
  add('Ollama', 'ollama', named('OLLAMA_MODELS') ?? join(home, '.ollama', 'models'), ...byPlatform([], [], ['/usr/share/ollama/.ollama/models', '/var/lib/ollama/models']));

  const lmStudio = local(readText(join(home, '.lmstudio-home-pointer'))) ?? join(home, '.lmstudio');
  const oldLmStudio = join(home, '.cache', 'lm-studio');
  for (const folder of [lmStudio, oldLmStudio]) add('LM Studio', 'tree', local(textIn(readText(join(folder, 'settings.json')), 'downloadsFolder')), join(folder, 'models'));

  add('Jan', 'jan', ...janFolders());
  const gpt4AllSettings = byPlatform(join(home, '.config', 'nomic.ai'), join(roaming, 'nomic.ai'), join(configuration, 'nomic.ai'));
  add('GPT4All', 'flat', local(iniText(readText(join(gpt4AllSettings, 'GPT4All.ini')), 'modelPath')), join(byPlatform(join(library, 'Application Support'), localData, data), 'nomic.ai', 'GPT4All'));

  add('llama.cpp', 'llamaCpp', named('LLAMA_CACHE') ?? byPlatform(join(library, 'Caches', 'llama.cpp'), join(localData, 'llama.cpp'), join(cache, 'llama.cpp')));
  add('Hugging Face', 'hub', named('HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE') ?? below(named('HF_HOME'), 'hub') ?? join(cache, 'huggingface', 'hub'));
  return roots;

  /** Jan's data folders: the one that its settings name, the usual ones, that of its first versions. */
  function janFolders(): (string | undefined)[] {
    const own = byPlatform([join(library, 'Application Support', 'Jan')], [join(roaming, 'Jan')], [join(configuration, 'Jan'), join(data, 'Jan')]);
    return [...own.map((folder) => local(textIn(readText(join(folder, 'settings.json')), 'data_folder'))), ...own.map((folder) => join(folder, 'data')), join(home, 'jan')];
  }
}

/** A text field of a JSON object; the text may be anything. */
function textIn(json: string | undefined, field: string): string | undefined {
  try {
    const value = (JSON.parse(json ?? 'null') as Record<string, unknown> | null)?.[field];
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A value of an ini file as Qt writes it: maybe quoted, `\\` for one, `\x` before the number of a character. */
function iniText(ini: string | undefined, key: string): string | undefined {
  const line = ini?.split(/\r?\n/).find((one) => one.startsWith(`${key}=`));
  const value = line?.slice(key.length + 1).trim().replace(/^"(.*)"$/, '$1');
  return value?.replace(/\\(?:x([0-9a-f]{1,4})|(.))/gi, (_, code: string | undefined, other: string | undefined) => (code === undefined ? other! : String.fromCharCode(parseInt(code, 16))));
}
