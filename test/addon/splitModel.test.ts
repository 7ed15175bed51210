// Models in several files load from the first, and say in one sentence what is wrong with the others.
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGguf } from '../../src/model/format/gguf.ts';
import { check, succeed } from '../support/cli.ts';
import { writeSplitGguf } from '../support/splitGguf.ts';
import { presets, randomLlama, writeGguf } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-split-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const model = randomLlama({ ...presets.tiny, vocabulary: 300, context: 256, type: 'Q8_0' });
// What makes the data may be drawn once only: both files are to hold the same.
const whole = join(folder, 'whole.gguf');
let parts: string[];
const generate = (path: string, cache?: string) => succeed(['generate', '--prompt', 'const a = ', '--max', '12', '--model', path], { cache });

beforeAll(async () => {
  writeGguf(whole, model);
  const bytes = readFileSync(whole);
  const { tensors } = await readGguf(whole);
  model.tensors = model.tensors.map((tensor) => {
    const { offset, bytes: length } = tensors.get(tensor.name)!;
    return { ...tensor, data: bytes.subarray(offset, offset + length) };
  });
  parts = writeSplitGguf(join(folder, 'model'), model, { tensors: [3, 7, 0] });
});

describe('a model in several files', () => {
  it('has the tensors of all of them', async () => {
    const [one, many] = [await readGguf(whole), await readGguf(parts[0])];
    expect([...many.tensors.keys()].sort()).toEqual([...one.tensors.keys()].sort());
    expect(many.parts.map(({ path }) => path)).toEqual(parts);
    expect(many.size).toBe(many.parts.reduce((sum, { size }) => sum + size, 0));
    const bytes = Buffer.concat(parts.map((path) => readFileSync(path)));
    for (const [name, { offset, bytes: length, type, shape }] of many.tensors) {
      const same = one.tensors.get(name)!;
      expect({ name, type, shape }).toEqual({ name, type: same.type, shape: same.shape });
      expect(bytes.subarray(offset, offset + length).equals(readFileSync(whole).subarray(same.offset, same.offset + length))).toBe(true);
    }
  });

  it('gives the text of the same model in one', async () => expect((await generate(parts[0])).equals(await generate(whole))).toBe(true));

  it('may have no tensors in the first', async () => {
    const [first] = writeSplitGguf(join(folder, 'late'), model, { tensors: [0, 5, 0] });
    expect((await generate(first)).equals(await generate(whole))).toBe(true);
    expect((await succeed(['tokenize', '--model', first], { input: 'abc' })).toString()).toMatch(/^(\d+\n)+$/);
  });

  it('of one part is a model like any other', async () => {
    const [only] = writeSplitGguf(join(folder, 'only'), model, { tensors: [0] });
    await generate(only);
    renameSync(only, join(folder, 'renamed.gguf'));
    await generate(join(folder, 'renamed.gguf'));
  });
});

describe('in one sentence is refused', () => {
  const copies = (name: string) => parts.map((path) => {
    const copy = path.replace('model-', `${name}-`);
    cpSync(path, copy);
    return copy;
  });
  const refused = async (path: string, text: string) => {
    await check(['generate', '--prompt', 'x', '--model', path], text);
    await check(['import', path, '--out', join(folder, 'never')], text);
  };

  it('another part than the first', async () => {
    await refused(parts[1], 'is part 2 of 3 of a model: choose its first part, model-00001-of-00003.gguf.');
    await refused(parts[2], 'is part 3 of 3 of a model: choose its first part, model-00001-of-00003.gguf.');
    await check(['tokenize', '--model', parts[1]], 'is part 2 of 3');
  });

  it('another part that says nothing of itself but by its name', async () => {
    const path = join(folder, 'bare-00002-of-00002.gguf');
    writeGguf(path, { metadata: [], tensors: model.tensors.slice(0, 1) });
    await refused(path, 'is part 2 of 2 of a model: choose its first part, bare-00001-of-00002.gguf.');
  });

  it('a missing part', async () => {
    for (const missing of [1, 2]) {
      const copy = copies(`missing${missing}`);
      rmSync(copy[missing]);
      await refused(copy[0], `Part ${missing + 1} of 3 of the model is missing: put ${copy[missing]} beside the others.`);
    }
  });

  it('a part that is cut short', async () => {
    const copy = copies('cut');
    truncateSync(copy[1], readFileSync(copy[1]).length - 64);
    await refused(copy[0], `${copy[1]} is cut short`);
  });

  it('a part of something else', async () => {
    const copy = copies('other');
    cpSync(copy[2], copy[1]);
    await refused(copy[0], 'it is not part 2 of 3');
    cpSync(whole, copy[1]);
    await refused(copy[0], 'it is not part 2 of 3');
  });

  it('parts that hold a tensor twice, or not all of them', async () => {
    const [twice] = writeSplitGguf(join(folder, 'twice'), model, { tensors: [3, 7, 0], change: (part, no) => (no === 1 ? { ...part, tensors: [...part.tensors!, model.tensors[0]] } : part) });
    await refused(twice, 'is in another part too');
    const [fewer] = writeSplitGguf(join(folder, 'fewer'), model, { tensors: [3, 7, 0], change: (part, no) => (no === 1 ? { ...part, tensors: part.tensors!.slice(1) } : part) });
    await refused(fewer, `its parts hold ${model.tensors.length - 1} tensors instead of ${model.tensors.length}`);
  });

  it('a first part that is not named like one', async () => {
    const copy = copies('named');
    renameSync(copy[0], join(folder, 'named.gguf'));
    await refused(join(folder, 'named.gguf'), 'it is the first of 3 parts, but is not named like one: NAME-00001-of-00003.gguf');
  });

  it('a number that makes no sense', async () => {
    for (const [no, count] of [[0, 60_000], [3, 3], [9, 2]]) {
      const path = join(folder, 'senseless-00001-of-00003.gguf');
      writeGguf(path, { ...model, metadata: [...model.metadata, ['split.no', 'u16', no], ['split.count', 'u16', count]] });
      await refused(path, 'its number among the parts of a model makes no sense');
    }
  });
});
