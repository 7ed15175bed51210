// Counts what Node's timers do for the extension: a timer belongs to it when the code that set it lies in its package.

type Set = (action: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => NodeJS.Timeout;

/** Ticks of the extension's timers so far, and where they were set. */
export const ticks: { count: number; set: Record<string, number> } = { count: 0, set: {} };

export function countTimers(isOurs: (file: string) => boolean): void {
  const wrap = (set: Set): Set => (action, ms, ...args) => {
    const place = ourPlace(isOurs);
    if (!place) return set(action, ms, ...args);
    ticks.set[place] = (ticks.set[place] ?? 0) + 1;
    return set((...given) => {
      ticks.count++;
      action(...given);
    }, ms, ...args);
  };
  globalThis.setTimeout = Object.assign(wrap(globalThis.setTimeout as unknown as Set), { __promisify__: globalThis.setTimeout.__promisify__ }) as unknown as typeof setTimeout;
  globalThis.setInterval = wrap(globalThis.setInterval as unknown as Set) as unknown as typeof setInterval;
}

/** The function of the package that called, from the stack. */
function ourPlace(isOurs: (file: string) => boolean): string | undefined {
  const caller = new Error().stack?.split('\n')[3] ?? '';
  const [, file] = /\(?((?:file:\/\/)?\/.*?):\d+:\d+\)?$/.exec(caller) ?? [];
  return file && isOurs(file.replace('file://', '')) ? caller.trim().replace(/\(.*\//, '(') : undefined;
}
