import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, it } from 'vitest';
import { fileOf, readRecords } from '../../src/eval/tasks/records.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-taskRecords-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

describe('records of a data set', () => {
  it('come from lines of JSON, blank ones left out, as many as are wanted', async () => {
    const path = file('piqa.jsonl', '{"goal":"a"}\r\n\n{"goal":"b"}\n{"goal":"c"}');
    expect(await readRecords(path)).toEqual([{ goal: 'a' }, { goal: 'b' }, { goal: 'c' }]);
    expect(await readRecords(path, 2)).toEqual([{ goal: 'a' }, { goal: 'b' }]);
    expect(fileOf(folder, 'piqa')).toBe(path);
  });

  it('come from Parquet', async () => {
    const columns = [
      { name: 'goal', data: ['to see', 'to hear — naïvely'], type: 'STRING' as const },
      { name: 'label', data: [1n, 0n], type: 'INT64' as const },
    ];
    const path = file('boolq.parquet', new Uint8Array(parquetWriteBuffer({ columnData: columns })));
    expect(await readRecords(path)).toEqual([{ goal: 'to see', label: 1n }, { goal: 'to hear — naïvely', label: 0n }]);
    expect(await readRecords(path, 1)).toHaveLength(1);
  });

  it.each([
    ['a line that is no object', 'bad.jsonl', '{"a":1}\n[1]\n', 'line 2 is not a JSON object'],
    ['a line that is cut off', 'cut.jsonl', '{"a":1}\n{"a"', 'line 2 is not a JSON object'],
    ['no Parquet at all', 'text.parquet', 'PAR2 what else', 'text.parquet cannot be read'],
    ['an empty file', 'empty.parquet', '', 'empty.parquet cannot be read'],
  ])('refuse %s in one sentence', async (_, name, content, reason) => {
    await expect(readRecords(file(name, content))).rejects.toThrow(reason);
  });

  it('refuse a Parquet file that was damaged, whatever byte it was', async () => {
    const whole = new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'goal', data: ['a', 'b', 'c'], type: 'STRING' }] }));
    for (let at = 0; at < whole.length; at += 3) {
      const damaged = whole.slice();
      damaged[at] ^= 0xff;
      const read = readRecords(file('damaged.parquet', damaged));
      await read.then((records) => expect(Array.isArray(records)).toBe(true), (error: Error) => expect(error.message).toMatch(/damaged\.parquet cannot be read \(.+\)\.$/));
    }
  });

  it('name what there is where a file is missing', () => expect(() => fileOf(folder, 'squad2')).toThrow(/squad2\.jsonl or squad2\.parquet is missing; there are .*piqa\.jsonl/));
});

it('the samples are of our own writing and have every task', () => {
  for (const name of ['squad2', 'winogrande', 'hellaswag', 'piqa', 'arc_easy', 'arc_challenge', 'boolq', 'lambada', 'humaneval_infilling']) expect(readFileSync(`test/fixtures/tasks/${name}.jsonl`, 'utf8').trim().split('\n').length).toBeGreaterThan(1);
});
