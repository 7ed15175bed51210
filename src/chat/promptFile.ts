// Prompt files: Markdown with places for what the user looks at. Ours lie in `prompts/`; a workspace can have its own in `.deltallm/prompts/`.
import { DeltaError } from '../shared/errors.ts';

export const promptNames = ['explain', 'fix', 'document', 'tests'] as const;
export type PromptName = (typeof promptNames)[number];

/** `selection`, `surroundings` and `problems` come as blocks that name their place (`codeText`, `problemsText`). */
export const placeholders = ['selection', 'language', 'symbol', 'surroundings', 'problems'] as const;
export type Placeholder = (typeof placeholders)[number];

export interface PromptFile {
  /** As it stands in menus and in the conversation; null: as the command calls it. */
  name: string | null;
  description: string | null;
  body: string;
}

/** A prompt is a page, not a book: what is longer is another file. */
export const maxPromptFile = 32 << 10;

/** Front matter of `name` and `description` may come first. Throws a DeltaError that names the file. */
export function parsePromptFile(text: string, path: string): PromptFile {
  const invalid = (reason: string): never => {
    throw new DeltaError('promptFileInvalid', path, reason);
  };
  if (text.length > maxPromptFile) invalid(`it has ${text.length} characters, more than ${maxPromptFile}`);
  const lines = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n').split('\n');
  const values: Record<'name' | 'description', string | null> = { name: null, description: null };
  let from = 0;
  if (lines[0].trimEnd() === '---') {
    const end = lines.findIndex((line, i) => i > 0 && line.trimEnd() === '---');
    if (end < 0) invalid('its front matter has no end: a line ---');
    for (const line of lines.slice(1, end)) {
      if (/^\s*(#.*)?$/.test(line)) continue;
      const [, key, value] = /^(\w+)\s*:\s*(.*?)\s*$/.exec(line) ?? invalid(`"${line.slice(0, 40)}" in its front matter is not "name: value"`);
      if (key !== 'name' && key !== 'description') return invalid(`its front matter has ${key}, which is not known; known: name, description`);
      values[key] = /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
    }
    from = end + 1;
  }
  const body = lines.slice(from).join('\n').trim();
  if (body === '') invalid('it has no text');
  for (const [found, word] of body.matchAll(anyPlaceholder)) {
    if (!(placeholders as readonly string[]).includes(word)) invalid(`${found} is not known; known: ${placeholders.map((known) => `{{${known}}}`).join(', ')}`);
  }
  return { name: values.name || null, description: values.description || null, body };
}

const anyPlaceholder = /\{\{\s*(\w+)\s*\}\}/g;

/** The prompt with its places filled. A paragraph whose places are all empty is left out: nothing is announced that does not come. */
export function fillPrompt({ body }: PromptFile, values: Readonly<Partial<Record<Placeholder, string>>>): string {
  const valueOf = (word: string): string => values[word as Placeholder] ?? '';
  const filled = body.split(/\n{2,}/).flatMap((paragraph) => {
    const words = [...paragraph.matchAll(anyPlaceholder)].map(([, word]) => word);
    if (words.length > 0 && words.every((word) => valueOf(word).trim() === '')) return [];
    return [paragraph.replace(anyPlaceholder, (_, word: string) => valueOf(word))];
  });
  return filled.join('\n\n');
}
