// Which documents are completed at all: what is not known to be code of a workspace is left alone, and so is what holds secrets.
import { globMatcher } from './glob.ts';
import type { Refusal } from './request.ts';
import { isSecret } from './secrets.ts';

export interface DocumentFacts {
  scheme: string;
  path: string;
  languageId: string;
  characters: number;
}

export interface EligibilitySettings {
  enabled: boolean;
  /** By language identifier; `*` is every language that is not listed. */
  languages: Readonly<Record<string, boolean>>;
  /** Glob patterns, besides those that are always refused. */
  exclude: readonly string[];
}

/**
 * An allow-list, because VS Code gives every input box, output, diff side and settings page a scheme of its own and new ones come with every version.
 * Of virtual file systems those are listed whose documents are files of a workspace: repositories opened without a checkout, and the two that VS Code
 * itself is tested and demonstrated with. In a virtual one nothing is read but open documents, so it needs no more rights than a file.
 */
const schemes = new Set(['file', 'untitled', 'vscode-remote', 'vscode-local', 'vscode-notebook-cell', 'vscode-vfs', 'vscode-test-web', 'memfs']);

/** Every request copies the document, and at this size that alone takes milliseconds; a file this large is data or generated. */
export const MOST_CHARACTERS = 1_000_000;

/** The user's patterns are compiled once a list. */
const compiled = new WeakMap<readonly string[], (path: string) => boolean>();

/** Why a document is never completed; null for one that is. */
export function refusal({ scheme, path, languageId, characters }: DocumentFacts, { enabled, languages, exclude }: EligibilitySettings): Refusal | null {
  if (!enabled || !isOn(languages, languageId)) return 'disabled';
  if (!schemes.has(scheme)) return 'scheme';
  if (isSecret(path) || matcherOf(exclude)(path)) return 'excluded';
  return characters > MOST_CHARACTERS ? 'tooLarge' : null;
}

function isOn(languages: EligibilitySettings['languages'], languageId: string): boolean {
  if (Object.hasOwn(languages, languageId)) return languages[languageId];
  return Object.hasOwn(languages, '*') ? languages['*'] : true;
}

function matcherOf(patterns: readonly string[]): (path: string) => boolean {
  let matcher = compiled.get(patterns);
  if (!matcher) compiled.set(patterns, (matcher = globMatcher(patterns)));
  return matcher;
}
