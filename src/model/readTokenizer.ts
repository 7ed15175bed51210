// The tokenizer of a model folder.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import type { TokenizerFiles } from '../tokenizer/files.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';

/** Reads `tokenizer.json`. Throws modelFolderInvalid. */
export function readTokenizer(folder: string): Tokenizer {
  try {
    return Tokenizer.fromFiles(JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as TokenizerFiles);
  } catch {
    throw new DeltaError('modelFolderInvalid', folder, 'its tokenizer.json cannot be read');
  }
}
