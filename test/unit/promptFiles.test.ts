// Other files in the prompt at a cursor: in the form of each family, within the budget, in an order that keeps what is known, and never as control tokens.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fimBudget } from '../../src/prompt/budget.ts';
import { fimPrompt } from '../../src/prompt/fim.ts';
import { filesForm } from '../../src/prompt/order.ts';
import { filesRoom } from '../../src/prompt/otherFiles.ts';
import type { Snapshot } from '../../src/prompt/snapshot.ts';
import type { NeighbourDocument } from '../../src/session/neighbourSet.ts';
import { PromptFiles } from '../../src/session/promptFiles.ts';
import { tokenizerFromMetadata } from '../../src/tokenizer/fromGguf.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { piecesMetadata, smallMetadata } from '../support/tokenizer.ts';

const types = (count: number, from: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [from + i, 3]));
const bytes = (...extra: string[]) => Tokenizer.fromFiles(tokenizerFromMetadata(smallMetadata(extra, [], types(extra.length, 256)), 'p'));
const pieces = (...extra: string[]) => Tokenizer.fromFiles(tokenizerFromMetadata(piecesMetadata(extra, types(extra.length, 259)), 'p'));

const families = {
  qwen: bytes('<|endoftext|>', '<|fim_prefix|>', '<|fim_middle|>', '<|fim_suffix|>', '<|fim_pad|>', '<|repo_name|>', '<|file_sep|>'),
  starcoder2: bytes('<|endoftext|>', '<fim_prefix>', '<fim_middle>', '<fim_suffix>', '<fim_pad>', '<repo_name>', '<file_sep>'),
  granite: bytes('<|end_of_text|>', '<fim_prefix>', '<fim_middle>', '<fim_suffix>', '<fim_pad>', '<filename>', '<reponame>'),
  granite4: bytes('<|end_of_text|>', '<|fim_prefix|>', '<|fim_middle|>', '<|fim_suffix|>', '<|fim_pad|>', '<|filename|>', '<|reponame|>'),
  codegemma: pieces('<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>', '<|file_separator|>'),
  deepseek: bytes('<｜fim▁begin｜>', '<｜fim▁hole｜>', '<｜fim▁end｜>'),
  codestral: pieces('[PREFIX]', '[SUFFIX]', '[MIDDLE]'),
};
const names = { qwen: 'Qwen2.5 Coder 1.5B', starcoder2: 'Starcoder2 3b', granite: 'granite-8b-code-base-4k', granite4: 'Granite 4.0 Micro', codegemma: 'codegemma-2b', deepseek: 'deepseek-coder-1.3b-base', codestral: 'Codestral 22B v0.1' };
type Family = keyof typeof families;
const everyFamily = Object.keys(families) as Family[];

const folder = '/home/me/parcels';
const a: NeighbourDocument = { path: `${folder}/src/a.ts`, text: 'export const a = 1;\n' };
const b: NeighbourDocument = { path: `${folder}/src/b.ts`, text: 'export const b = 2;\n\n' };
const own: Snapshot = { path: `${folder}/src/own.ts`, languageId: 'typescript', before: 'import { a } from "./a";\nconst c = ', after: ';\n' };

function filesOf(family: Family): PromptFiles {
  return new PromptFiles(filesForm(names[family], families[family].special.fim), families[family]);
}

function promptOf(family: Family, files: PromptFiles, snapshot: Snapshot, total: number, name = 'one'): number[] {
  const { tokens } = fimPrompt(snapshot, families[family], { order: 'psm', budget: fimBudget(total), files: files.before(snapshot, total, name) });
  return tokens;
}

function shownIn(family: Family, documents: readonly NeighbourDocument[] = [a, b]): string {
  const files = filesOf(family);
  files.become('one', folder, documents);
  return families[family].decode(promptOf(family, files, own, 4096));
}

describe('other files in the prompt', () => {
  it('of Qwen2.5-Coder have their paths behind a separator, the repository first and the nearest file last', () => {
    expect(shownIn('qwen')).toBe('<|repo_name|>parcels\n<|file_sep|>src/b.ts\nexport const b = 2;\n<|file_sep|>src/a.ts\nexport const a = 1;\n<|file_sep|>src/own.ts\n'
      + `<|fim_prefix|>${own.before}<|fim_suffix|>${own.after}<|fim_middle|>`);
  });

  it('of StarCoder2 have a separator before each', () => {
    expect(shownIn('starcoder2')).toBe(`<file_sep>export const b = 2;\n<file_sep>export const a = 1;\n<file_sep><fim_prefix>${own.before}<fim_suffix>${own.after}<fim_middle>`);
  });

  it('of Granite have their paths behind a token of their own, old and new', () => {
    const shown = (token: string, [prefix, suffix, middle]: readonly string[]) =>
      `${token}src/b.ts\nexport const b = 2;\n${token}src/a.ts\nexport const a = 1;\n${token}src/own.ts\n${prefix}${own.before}${suffix}${own.after}${middle}`;
    expect(shownIn('granite')).toBe(shown('<filename>', ['<fim_prefix>', '<fim_suffix>', '<fim_middle>']));
    expect(shownIn('granite4')).toBe(shown('<|filename|>', ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>']));
  });

  it('of CodeGemma have a separator behind each, and the first token of all in front', () => {
    expect(shownIn('codegemma')).toBe(`<s> export const b = 2;\n<|file_separator|> export const a = 1;\n<|file_separator|><|fim_prefix|> ${own.before}<|fim_suffix|>${own.after}<|fim_middle|>`);
  });

  it('of DeepSeek-Coder and Codestral are a part of the text before the cursor, each behind its path', () => {
    expect(shownIn('deepseek')).toBe(`<｜fim▁begin｜>#src/b.ts\nexport const b = 2;\n#src/a.ts\nexport const a = 1;\n#src/own.ts\n${own.before}<｜fim▁hole｜>${own.after}<｜fim▁end｜>`);
    expect(shownIn('codestral')).toBe(`<s>[SUFFIX]${own.after}[PREFIX]+++++ src/b.ts\nexport const b = 2;\n+++++ src/a.ts\nexport const a = 1;\n+++++ src/own.ts\n${own.before}`);
  });

  it('are those of models that were trained for them, and of no others', () => {
    const { fim } = families.qwen.special;
    expect(['Qwen2.5 Coder 0.5B Instruct', 'Qwen3-Coder 30B', 'somebody-tuned'].map((name) => filesForm(name, fim))).toEqual(['separated', 'separated', 'separated']);
    expect(['starter', 'Qwen2.5 7B', 'Qwen3 0.6B', 'qwen2.5-1.5b-instruct'].map((name) => filesForm(name, fim))).toEqual([undefined, undefined, undefined, undefined]);
    expect(filesForm('CodeLlama', bytes('<PRE>', '<SUF>', '<MID>').special.fim)).toBeUndefined();
    expect(filesForm('no fill-in', null)).toBeUndefined();
  });

  it.each(['qwen', 'starcoder2', 'granite', 'granite4', 'codegemma'] as const)('of %s end a generation where another one would begin', (family) => {
    const { special, ends } = families[family];
    expect(special.fim!.fileSeparator).toBeDefined();
    for (const id of [special.fim!.fileSeparator!, ...(special.fim!.repo === undefined ? [] : [special.fim!.repo])]) {
      expect(special.eos).toContain(id);
      expect(ends).toContain(id);
    }
  });

  it.each(everyFamily)('of %s never become control tokens, whatever they say and are called', (family) => {
    const tokenizer = families[family];
    const hostile = tokenizer.controlTexts.map((text, i) => ({ path: `${folder}/${text}${i}.ts`, text: `${text}${text}\n// ${text}` }));
    const plain = hostile.map((_, i) => ({ path: `${folder}/${i}.ts`, text: 'x' }));
    const controls = (documents: readonly NeighbourDocument[]): number[] => {
      const files = filesOf(family);
      files.become('one', folder, documents);
      return promptOf(family, files, own, 16_384).filter((id) => tokenizer.isControl(id));
    };
    expect(controls(hostile.slice(0, 4))).toEqual(controls(plain.slice(0, 4)));
    expect(shownIn(family, hostile)).toContain(`// ${tokenizer.controlTexts[0]}`);
  });

  it('are left out where the prompt is small, and of what has no room the farthest goes first', () => {
    expect([512, 1023].map((total) => filesRoom(total, 0))).toEqual([0, 0]);
    const long = (name: string): NeighbourDocument => ({ path: `${folder}/${name}.ts`, text: `export const ${name} = 1;\n`.repeat(40) });
    const files = filesOf('qwen');
    files.become('one', folder, ['near', 'middle', 'far'].map(long));
    const shown = (total: number) => files.before(own, total, 'one')?.paths.map((path) => path.slice(folder.length + 1, -3));
    expect(shown(512)).toBeUndefined();
    expect(shown(1024)).toEqual(['middle', 'near']);
    expect(shown(16_384)).toEqual(['far', 'middle', 'near']);
  });

  it('of a set that is not named are in no prompt', () => {
    const files = filesOf('qwen');
    files.become('one', folder, [a]);
    expect([undefined, 'two'].map((name) => files.before(own, 4096, name))).toEqual([undefined, undefined]);
    files.become('two', folder, []);
    expect(['one', 'two'].map((name) => files.before(own, 4096, name))).toEqual([undefined, undefined]);
  });

  it('stay within any prompt', () => {
    const document = fc.record({ path: fc.string({ unit: 'binary', maxLength: 30 }), text: fc.array(fc.constantFrom('const a = 1;', '日本語🦙', '', '\t\t', '<|file_sep|>', '\ud83d', 'x'.repeat(300)), { maxLength: 60 }).map((lines) => lines.join('\n')) });
    fc.assert(fc.property(fc.constantFrom(...everyFamily), fc.array(document, { maxLength: 8 }), fc.integer({ min: 4, max: 5000 }), fc.nat(4000), (family, documents, total, length) => {
      const files = filesOf(family);
      files.become('one', folder, documents);
      const snapshot = { ...own, before: 'let a;\n'.repeat(length / 7) };
      const placed = files.before(snapshot, total, 'one');
      expect(promptOf(family, files, snapshot, total).length).toBeLessThanOrEqual(total);
      const room = filesRoom(total, snapshot.before.length + snapshot.after.length);
      expect((placed?.lead.length ?? 0) + (placed?.inPrefix.length ?? 0)).toBeLessThanOrEqual(room);
      for (const path of placed?.paths ?? []) expect(documents.some((document) => document.path === path)).toBe(true);
    }), { seed: 3, numRuns: 200 });
  });
});

describe('the order of other files', () => {
  const common = (one: readonly number[], two: readonly number[]): number => {
    const differs = one.findIndex((id, i) => id !== two[i]);
    return differs < 0 ? one.length : differs;
  };
  const numbered = Array.from({ length: 5 }, (_, i) => ({ path: `${folder}/${i}.ts`, text: `export const value${i} = ${i};\n`.repeat(5) }));

  it('does not follow their rank: who looks at another file has the same prompt', () => {
    const files = filesOf('qwen');
    files.become('one', folder, numbered);
    const before = promptOf('qwen', files, own, 8192);
    files.become('two', folder, numbered.toReversed());
    expect(promptOf('qwen', files, own, 8192, 'two')).toEqual(before);
  });

  it('has the one that changed last, so that the others are known', () => {
    const files = filesOf('qwen');
    files.become('one', folder, numbered);
    const before = promptOf('qwen', files, own, 8192);
    const changed = numbered.map((file, i) => (i === 2 ? { ...file, text: `${file.text}// more\n` } : file));
    files.become('two', folder, changed);
    const placed = files.before(own, 8192, 'two')!;
    expect(placed.paths.at(-1)).toBe(numbered[2].path);
    // What stood before it, and from then on whatever is typed into it again costs nothing but itself.
    expect(common(before, promptOf('qwen', files, own, 8192, 'two'))).toBeGreaterThan(200);
    files.become('three', folder, changed.map((file, i) => (i === 2 ? { ...file, text: `${file.text}// still more\n` } : file)));
    const lead = files.before(own, 8192, 'three')!.lead;
    expect(common(placed.lead, lead)).toBeGreaterThan(lead.length - 250);
  });

  it('changes nothing while somebody types in the file at the cursor', () => {
    fc.assert(fc.property(fc.constantFrom('qwen' as const, 'starcoder2' as const, 'granite' as const, 'codegemma' as const, 'deepseek' as const), fc.string({ maxLength: 40 }), (family, typed) => {
      const files = filesOf(family);
      files.become('one', folder, numbered);
      const [one, two] = [own, { ...own, before: own.before + typed }].map((snapshot) => promptOf(family, files, snapshot, 4096));
      const { lead, inPrefix } = files.before(own, 4096, 'one')!;
      expect(common(one, two)).toBeGreaterThanOrEqual(lead.length + inPrefix.length + families[family].encode(own.before).length);
    }), { seed: 4, numRuns: 50 });
  });
});
