// From settings to what the worker is asked to load.
import { join } from 'node:path';
import { defaultCacheBytes } from '../session/cacheBudget.ts';
import type { AttentionMode, LoadOptions, Role } from '../session/protocol.ts';
import { homeFolder } from '../shared/platformFolders.ts';
import type { Settings } from './settingsTable.ts';

const attention: Readonly<Record<Settings['mode'], AttentionMode>> = { exact: 'dense', balanced: 'delta', compact: 'compact' };

/** The kernels of safe mode: those that need nothing of the CPU. */
export const SAFE_KERNELS = 'scalar';

/** `kernels`: null for the best. An empty path is the embedded model, no threads are as many as suit the machine: the worker knows both. */
export function loadPlan(settings: Settings, kernels: string | null, role: Role = 'completion'): LoadOptions {
  return {
    role,
    model: role === 'chat' ? chatModelPath(settings) : modelPath(settings),
    threads: settings.threads,
    attention: attention[settings.mode],
    cacheBytes: settings.cacheMegabytes * 1e6 || defaultCacheBytes(),
    background: true,
    kept: { limitBytes: settings.diskCacheMegabytes * 1e6 },
    ...(kernels === null ? {} : { kernels }),
  };
}

/** As the worker opens it; "~/" is the user's folder. Empty: the embedded model. */
export const modelPath = (settings: Settings): string => opened(settings['model.path']);

/** The chat model's, or that of the model for completions where none is chosen. Empty: none, for the embedded model does not converse. */
export const chatModelPath = (settings: Settings): string => opened(settings['chat.model']) || modelPath(settings);

function opened(setting: string): string {
  const path = setting.trim();
  return /^~[\\/]/.test(path) ? join(homeFolder(), path.slice(2)) : path;
}

/** Equal for settings that need no other load. */
export const planKey = (settings: Settings, role: Role = 'completion'): string => JSON.stringify(loadPlan(settings, null, role));
