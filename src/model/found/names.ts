// Names of model files: which of them are one, and how one is shown.

/** Parts of a download, and files beside a model that are none. */
const NO_MODEL = /\.part$|\.incomplete$|-partial|^mmproj|^incomplete-/i;
/** Another part than the first of a model in several files. */
const LATER_PART = /-(?!0*1-)\d{5}-of-\d{5}\.gguf$/i;
/** Characters that draw nothing, break the line or turn the direction of what follows. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;
const MAX_NAME = 80;
/** Names that a converter made up. */
const SAYS_NOTHING = /^(models?|main|default|snapshots?|hf|gguf|ggml[-_ ]model.*|\W*|[0-9a-f]{32,})$/i;

/** Whether a file of that name may be a whole model or its first part. */
export const isModelFile = (name: string): boolean => /\.gguf$/i.test(name) && !NO_MODEL.test(name) && !LATER_PART.test(name);

/** A text of somebody else's on one line, as it reads. */
export const visible = (text: string): string => text.replace(INVISIBLE, ' ').replace(/\s+/g, ' ').trim();

/** The first of these names that says something, tidied. */
export function nameOf(...names: (string | undefined)[]): string {
  const tidy = names.map((name) => [...visible(name ?? '').replace(/[-_ ]GGUF$/i, '')].slice(0, MAX_NAME).join(''));
  return tidy.find((name) => !SAYS_NOTHING.test(name)) ?? tidy.find((name) => name !== '') ?? '';
}
