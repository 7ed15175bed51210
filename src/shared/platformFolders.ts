// Folders that the environment names: an empty value says nothing, and a relative one is ignored, as the XDG base directory specification asks.
import { homedir, tmpdir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';

const absolute = (path: string | undefined): string | undefined => (path && isAbsolute(path) ? path : undefined);

function attempt(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The user's home: HOME (USERPROFILE), else what the system's list of users says, else a folder below that of temporary files. */
export function homeFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const named = absolute(process.platform === 'win32' ? environment.USERPROFILE : environment.HOME);
  return named ?? absolute(attempt(() => userInfo().homedir)) ?? absolute(attempt(homedir)) ?? join(absolute(attempt(tmpdir)) ?? '/tmp', 'deltallm-home');
}

/** The folder of what is measured of models and what else can be made again: DELTALLM_CACHE, or the platform's cache folder. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const own = absolute(environment.DELTALLM_CACHE);
  if (own) return own;
  const home = homeFolder(environment);
  if (process.platform === 'win32') return join(absolute(environment.LOCALAPPDATA) ?? join(home, 'AppData/Local'), 'deltallm');
  if (process.platform === 'darwin') return join(home, 'Library/Caches/deltallm');
  return join(absolute(environment.XDG_CACHE_HOME) ?? join(home, '.cache'), 'deltallm');
}
