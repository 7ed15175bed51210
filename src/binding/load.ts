// The only place that loads the `.node` file: looks where a checkout and a package keep it, and checks its version.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { existsSync } from 'node:fs';
import { DeltaError } from '../shared/errors.ts';
import { ADDON_VERSION, type Addon, type NativeErrorCode } from './addon.ts';

const FILE = 'deltallm.node';

/** Where the addon may be, best first. `base` is the folder of the running bundle or source file. */
function candidates(base: string): string[] {
  const forced = process.env.DELTALLM_ADDON;
  if (forced) return [forced];
  const platform = `${process.platform}-${process.arch}`;
  const found: string[] = [];
  // The bundle lies in dist/, this file in src/binding/: look in the folder and in the three above it, but never outside the package, where others may write.
  for (let folder = base, up = 0; up < 4; folder = dirname(folder), up++) {
    found.push(join(folder, FILE), join(folder, 'prebuilds', platform, FILE), join(folder, 'dist', FILE), join(folder, 'native', 'build', 'Release', FILE));
    if (existsSync(join(folder, 'package.json'))) break;
  }
  return [...new Set(found)];
}

function reasonOf(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).split('\n')[0];
}

const loaded = new Map<string, Addon>();

/**
 * Loads the addon once per thread. `base`: folder of the running bundle (`__dirname`, or `import.meta.dirname`).
 * Throws addonMissing, addonVersion, or kernelSetUnknown when DELTALLM_KERNELS names a set that is not usable here.
 */
export function loadAddon(base: string): Addon {
  const known = loaded.get(base);
  if (known) return known;
  const tried: string[] = [];
  for (const path of candidates(base)) {
    if (!existsSync(path)) {
      if (process.env.DELTALLM_ADDON) tried.push(`${path} (no such file)`);
      continue;
    }
    let addon: Addon;
    try {
      addon = createRequire(path)(path) as Addon;
    } catch (thrown) {
      tried.push(`${path} (${reasonOf(thrown)})`);
      continue;
    }
    if (addon.version !== ADDON_VERSION) throw new DeltaError('addonVersion', addon.version, ADDON_VERSION);
    const kernels = process.env.DELTALLM_KERNELS;
    if (kernels) forceKernels(addon, kernels);
    loaded.set(base, addon);
    return addon;
  }
  if (tried.length === 0) tried.push(...candidates(base));
  throw new DeltaError('addonMissing', `${process.platform}-${process.arch}`, tried.join(', '));
}

/** Makes the addon use one set of kernels, or "auto". Throws kernelSetUnknown. */
export function forceKernels(addon: Addon, name: string): void {
  try {
    addon.selectKernels(name);
  } catch (thrown) {
    if (nativeCode(thrown) === undefined) throw thrown;
    throw new DeltaError('kernelSetUnknown', name, ['auto', ...addon.cpu().usable].join(', '));
  }
}

const nativeCodes: readonly string[] = ['invalidArgument', 'kernelSetUnknown', 'outOfMemory', 'blockDamaged', 'blockForeign', 'noExactForm'] satisfies NativeErrorCode[];

/** The code of an error that native code threw; undefined for anything else. */
export function nativeCode(thrown: unknown): NativeErrorCode | undefined {
  const code = thrown instanceof Error ? (thrown as Error & { code?: unknown }).code : undefined;
  return typeof code === 'string' && nativeCodes.includes(code) ? (code as NativeErrorCode) : undefined;
}
