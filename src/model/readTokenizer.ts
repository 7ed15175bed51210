// The tokenizer of a model folder.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import type { TokenizerFiles } from '../tokenizer/files.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';

/** Reads `tokenizer.json`, with the chat template where the model has one. Throws modelFolderInvalid. */
export function readTokenizer(folder: string): { tokenizer: Tokenizer; chatTemplate: string | undefined } {
  try {
    const files = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as TokenizerFiles;
    return { tokenizer: Tokenizer.fromFiles(files), chatTemplate: typeof files.chatTemplate === 'string' ? files.chatTemplate : undefined };
  } catch {
    throw new DeltaError('modelFolderInvalid', folder, 'its tokenizer.json cannot be read');
  }
}
