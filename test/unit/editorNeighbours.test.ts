// Which documents and files the editor hands over beside a document, and which it never does.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { besideFile, isRelated } from '../../src/completion/beside.ts';
import { NeighbourDocuments } from '../../src/editor/neighbours.ts';
import { settingsTable, type Settings } from '../../src/editor/settingsTable.ts';
import { MOST_CHARACTERS, MOST_DOCUMENTS } from '../../src/session/neighbourSet.ts';
import { settled } from '../support/fakeClock.ts';
import { fake, FileType, Uri, workspace, type FakeDocument } from '../support/fakeVscode.ts';

let neighbours: NeighbourDocuments;
let settings: Record<string, unknown>;
let now: number;

beforeEach(() => {
  fake.reset();
  fake.folders = ['/one', '/two'];
  now = 0;
  settings = Object.fromEntries(Object.entries(settingsTable).map(([name, { default: value }]) => [name, value]));
  neighbours = new NeighbourDocuments(() => settings as unknown as Settings, { now: () => now });
});
afterEach(() => neighbours.dispose());

/** The user opens it and is there. */
function visit(path: string, text = `text of ${path}\n`, languageId = 'typescript', uri = Uri.file(path)): FakeDocument {
  const editor = fake.open(text, languageId, uri);
  fake.events.activeEditor.fire(editor);
  return editor.document;
}

const setOf = (document: FakeDocument) => neighbours.of(document as never);
const pathsOf = (document: FakeDocument): string[] => setOf(document)?.documents?.map(({ path }) => path) ?? [];
const put = (path: string, text = `disk of ${path}\n`, type: number = FileType.File, mtime = 1): void => void fake.disk.set(path, { text, mtime, type });

describe('open documents', () => {
  it('are those of the same workspace folder and language that the user was in, the last one first', () => {
    for (const path of ['/one/a.ts', '/one/b.ts', '/two/secret.ts', '/outside/c.ts']) visit(path);
    visit('/one/d.py', 'x = 1\n', 'python');
    visit('/one/e.tsx', 'x\n', 'typescriptreact');
    const document = visit('/one/own.ts');
    expect(setOf(document)!.documents).toEqual([
      { path: '/one/e.tsx', text: 'x\n' }, { path: '/one/b.ts', text: 'text of /one/b.ts\n' }, { path: '/one/a.ts', text: 'text of /one/a.ts\n' },
    ]);
    expect(pathsOf(visit('/two/other.ts'))).toEqual(['/two/secret.ts']);
    expect(setOf(visit('/outside/d.ts'))).toBeUndefined();
  });

  it('are not those that somebody else opened, nor closed ones, nor those of another scheme', () => {
    const never = visit('/one/a.ts');
    const closed = visit('/one/b.ts');
    visit('/one/c.ts', 'old\n', 'typescript', Uri.from({ scheme: 'git', path: '/one/c.ts' }));
    const document = visit('/one/own.ts');
    workspace.textDocuments = workspace.textDocuments.filter((other) => other !== closed);
    fake.events.closed.fire(closed);
    expect(pathsOf(document)).toEqual([never.uri.path]);
    neighbours.dispose();
    neighbours = new NeighbourDocuments(() => settings as unknown as Settings, { now: () => now });
    expect(pathsOf(document)).toEqual([]);
  });

  it('are none that is never completed: secrets, what is excluded, languages that are off, what is too large', () => {
    for (const path of ['/one/.env', '/one/secrets.ts', '/one/private/x.ts']) visit(path);
    visit('/one/huge.ts', 'x'.repeat(1_000_001));
    visit('/one/good.ts');
    const document = visit('/one/own.ts');
    settings['completions.exclude'] = ['private/**'];
    expect(pathsOf(document)).toEqual(['/one/good.ts']);
    settings['completions.languages'] = { '*': true, typescript: false };
    expect(setOf(document)).toBeUndefined();
    settings['completions.languages'] = { '*': true };
    settings['completions.neighbours'] = false;
    expect(setOf(document)).toBeUndefined();
  });

  it('are the same set until one of them changes, then one of another name', () => {
    const other = visit('/one/a.ts', 'before\n');
    const document = visit('/one/own.ts');
    const first = setOf(document)!;
    document.change(0, 0, 'typed');
    fake.documentReads = 0;
    expect(setOf(document)).toBe(first);
    expect(fake.documentReads).toBe(0);
    other.change(0, 6, 'after');
    const second = setOf(document)!;
    expect(second.documents).toEqual([{ path: '/one/a.ts', text: 'after\n' }]);
    expect(second.name).not.toBe(first.name);
    // Closed and opened again: another text may have the version of an old one.
    fake.events.closed.fire(other);
    expect(setOf(document)!.name).not.toBe(second.name);
  });

  it('are bounded in number and in characters', () => {
    for (let i = 0; i < 20; i++) visit(`/one/${i}.ts`);
    expect(pathsOf(visit('/one/own.ts'))).toHaveLength(MOST_DOCUMENTS);
    for (let i = 0; i < 3; i++) visit(`/two/${i}.ts`, 'x'.repeat(100_000));
    expect(setOf(visit('/two/own.ts'))!.documents!.map(({ text }) => text.length)).toEqual([100_000, 100_000, MOST_CHARACTERS - 200_000]);
  });
});

describe('files that nobody opened', () => {
  /** Asks once, and again when what that began to read is there. */
  async function afterReading(document: FakeDocument): Promise<string[]> {
    setOf(document);
    await settled();
    return pathsOf(document);
  }

  it('come behind the open ones, of the same folder and language, no links, nothing secret or excluded', async () => {
    for (const name of ['own.ts', 'own.test.ts', 'zed.ts', 'open.ts', 'style.css', 'secrets.ts', 'skip.ts', 'deep/below.ts']) put(`/one/src/${name}`);
    put('/one/src/link.ts', 'elsewhere', FileType.File | FileType.SymbolicLink);
    put('/one/src/broken.ts', '\xff\xfe\x00');
    put('/one/src/huge.ts', 'x'.repeat(MOST_CHARACTERS + 1));
    settings['completions.exclude'] = ['skip.ts'];
    visit('/one/src/open.ts', 'as it is in the editor\n');
    const document = visit('/one/src/own.ts');
    expect(pathsOf(document)).toEqual(['/one/src/open.ts']);
    expect(await afterReading(document)).toEqual(['/one/src/open.ts', '/one/src/own.test.ts', '/one/src/zed.ts']);
    expect(setOf(document)!.documents![0].text).toBe('as it is in the editor\n');
    expect(fake.diskReads.sort()).toEqual(['/one/src/broken.ts', '/one/src/open.ts', '/one/src/own.test.ts', '/one/src/zed.ts']);
    settings['completions.exclude'] = ['skip.ts', 'zed.ts'];
    expect(pathsOf(document)).not.toContain('/one/src/zed.ts');
  });

  it('are looked at again after a while, and read again only where they changed', async () => {
    put('/one/a.ts', 'a\n');
    put('/one/b.ts', 'b\n');
    const document = visit('/one/own.ts');
    await afterReading(document);
    put('/one/a.ts', 'new\n', FileType.File, 2);
    fake.diskReads = [];
    await afterReading(document);
    expect(fake.diskReads).toEqual([]);
    now = 10_000;
    await afterReading(document);
    expect(fake.diskReads).toEqual(['/one/a.ts']);
    expect(setOf(document)!.documents!.map(({ text }) => text)).toEqual(['new\n', 'b\n']);
  });

  it('are those of the present folder alone, whatever is still being read', async () => {
    put('/one/a.ts');
    put('/two/b.ts');
    const [one, two] = [visit('/one/own.ts'), visit('/two/own.ts')];
    setOf(one);
    expect(pathsOf(two)).toEqual([]);
    await settled();
    expect(pathsOf(two)).toEqual([]);
    expect(await afterReading(two)).toEqual(['/two/b.ts']);
    expect(pathsOf(one)).toEqual([]);
  });

  it('are not read in Restricted Mode, nor from a file system that may be far away', async () => {
    put('/one/a.ts');
    fake.trusted = false;
    expect(await afterReading(visit('/one/own.ts'))).toEqual([]);
    fake.trusted = true;
    expect(await afterReading(visit('/one/own.ts', '', 'typescript', Uri.from({ scheme: 'vscode-vfs', path: '/one/own.ts' })))).toEqual([]);
    expect(fake.diskReads).toEqual([]);
    expect(await afterReading(visit('/one/own.ts'))).toEqual(['/one/a.ts']);
  });

  it('that vanish or a folder that cannot be listed are no trouble', async () => {
    put('/one/a.ts');
    put('/one/b.ts');
    vi.spyOn(workspace.fs, 'readFile').mockRejectedValueOnce(new Error('gone'));
    expect(await afterReading(visit('/one/own.ts'))).toEqual(['/one/b.ts']);
    vi.spyOn(workspace.fs, 'readDirectory').mockRejectedValueOnce(new Error('no'));
    expect(await afterReading(visit('/two/own.ts'))).toEqual([]);
    vi.restoreAllMocks();
  });
});

describe('what may stand beside a document', () => {
  it('is of its language or one that is written beside it', () => {
    expect(isRelated('typescript', 'javascriptreact')).toBe(true);
    expect(isRelated('rust', 'rust')).toBe(true);
    expect(isRelated('rust', 'python')).toBe(false);
  });

  it('is ordered by how alike the names begin', () => {
    expect(besideFile('/x/order.ts', 'typescript', ['a.ts', 'order.test.ts', 'order.ts', 'orders.js', 'x.rs'])).toEqual(['order.test.ts', 'orders.js', 'a.ts']);
    expect(besideFile('/x/main.rs', 'rust', ['b.rs', 'a.rs', 'a.ts'])).toEqual(['a.rs', 'b.rs']);
  });
});
