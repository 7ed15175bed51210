// From settings to what the worker is asked to load.
import type { AttentionMode, LoadOptions } from '../session/protocol.ts';
import type { Settings } from './settingsTable.ts';

const attention: Readonly<Record<Settings['mode'], AttentionMode>> = { exact: 'dense', balanced: 'delta', compact: 'compact' };

/** The kernels of safe mode: those that need nothing of the CPU. */
export const SAFE_KERNELS = 'scalar';

/** `kernels`: null for the best. An empty path is the embedded model, no threads are as many as suit the machine: the worker knows both. */
export function loadPlan(settings: Settings, kernels: string | null): LoadOptions {
  return {
    model: settings['model.path'].trim(),
    threads: settings.threads,
    attention: attention[settings.mode],
    cacheBytes: settings.cacheMegabytes * 1e6,
    background: true,
    ...(kernels === null ? {} : { kernels }),
  };
}

/** Equal for settings that need no other load. */
export const planKey = (settings: Settings): string => JSON.stringify(loadPlan(settings, null));
