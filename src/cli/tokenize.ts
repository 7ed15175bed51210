// deltallm tokenize and detokenize: the model's tokenizer alone; a GGUF without weights is enough.
import { once } from 'node:events';
import { DeltaError } from '../shared/errors.ts';
import { readGguf } from '../model/format/gguf.ts';
import { ggufOf } from '../model/library.ts';
import { tokenizerFromMetadata } from '../tokenizer/fromGguf.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Command } from '../cli.ts';
import { readInput } from './input.ts';
import { modelOf, parse, type Values } from './options.ts';
import { print } from './output.ts';

const OPTIONS = { model: { type: 'string' }, json: { type: 'boolean' } } as const;

export const tokenize: Command = async (args, cancel) => {
  const { values } = parse(args, OPTIONS);
  const tokenizer = await openTokenizer(values);
  const text = await readInput(cancel);
  if (values.json) await write('[');
  let count = 0;
  for (const ids of tokenizer.encodeInParts(text, { atStart: true })) {
    if (ids.length > 0) await write(values.json ? `${count > 0 ? ',' : ''}${ids.join(',')}` : `${ids.join('\n')}\n`);
    count += ids.length;
  }
  if (values.json) await write(']\n');
};

/** Waits where the reader is slower: ids of a long text take several times its room. */
async function write(text: string): Promise<void> {
  if (print(text) && process.stdout.writableNeedDrain) await once(process.stdout, 'drain').catch(() => {});
}

export const detokenize: Command = async (args, cancel) => {
  const { values } = parse(args, OPTIONS);
  const tokenizer = await openTokenizer(values);
  print(tokenizer.decode(parseIds(await readInput(cancel), tokenizer.size), { atStart: true }));
};

/** Ids from a JSON array or separated by white space and commas. Throws `usage` or tokenOutOfRange. */
export function parseIds(text: string, vocabulary: number): number[] {
  const words = text.replace(/[[\],]/g, ' ').split(/\s+/).filter(Boolean);
  return words.map((word) => {
    const id = Number(word);
    if (!Number.isInteger(id)) throw new DeltaError('usage', `"${word.slice(0, 20)}" is no token id`);
    if (id < 0 || id >= vocabulary) throw new DeltaError('tokenOutOfRange', id, vocabulary);
    return id;
  });
}

/** The tokenizer of a GGUF, with or without weights. */
async function openTokenizer(values: Values): Promise<Tokenizer> {
  const model = modelOf(values);
  const { metadata, path } = await readGguf(await ggufOf(model));
  return Tokenizer.fromFiles(tokenizerFromMetadata(metadata, path));
}
