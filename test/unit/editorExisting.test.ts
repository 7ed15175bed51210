// What is known to exist around a place in VS Code: the names of folders, and the members that its own completion offers.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FolderNames } from '../../src/editor/folderNames.ts';
import { OfferedMembers } from '../../src/editor/offeredMembers.ts';
import { FakeClock, settled } from '../support/fakeClock.ts';
import { CompletionItemKind, fake, FileType, Position, Uri } from '../support/fakeVscode.ts';

beforeEach(() => fake.reset());

describe('the names of folders', () => {
  const root = '/work space';
  const open = (mayName: (path: string) => boolean = () => true, path = `${root}/src/main.ts`) => {
    for (const file of ['src/main.ts', 'src/order.ts', 'src/.env', 'src/routes/orders.ts', 'lib/router.ts', 'README.md', 'node_modules/left/index.js']) fake.disk.set(`${root}/${file}`, { text: '', mtime: 1 });
    fake.disk.set('/etc/passwd', { text: '', mtime: 1 });
    const { document } = fake.open('', 'typescript', Uri.file(path));
    const names = new FolderNames(() => mayName);
    const of = async (folder: string) => {
      const before = names.of(document as never, folder);
      await settled();
      const known = names.of(document as never, folder);
      return [before, known instanceof Set ? [...known].sort() : known];
    };
    return { names, document, of };
  };

  it('are not known at first, then by heart', async () => {
    const { of } = open();
    expect(await of('')).toEqual(['listing', ['.env', 'main.ts', 'order.ts', 'routes/']]);
    expect(await of('../lib')).toEqual(['listing', ['router.ts']]);
    expect(await of('../nothing')).toEqual(['listing', null]);
    const { length } = fake.listings;
    expect((await of('../lib'))[0]).toEqual(new Set(['router.ts']));
    expect(fake.listings.length).toBe(length);
  });

  it.each(['../..', '../../../etc', '../node_modules', '../node_modules/left'])('of %s are nobody\'s business', async (folder) => {
    const { of } = open();
    expect(await of(folder)).toEqual([undefined, undefined]);
    expect(fake.listings.filter((path) => !path.startsWith(root) || path.includes('node_modules'))).toEqual([]);
  });

  it('leave out what may not be named', async () => {
    const { of } = open((path) => !path.endsWith('.env') && !path.endsWith('order.ts'));
    expect((await of(''))[1]).toEqual(['main.ts', 'routes/']);
  });

  it('are listed anew when something comes or goes', async () => {
    const { of } = open();
    await of('');
    const created = `${root}/src/user.ts`;
    fake.disk.set(created, { text: '', mtime: 2 });
    fake.events.created.fire(Uri.file(created));
    expect((await of(''))[1]).toContain('user.ts');
    fake.disk.delete(created);
    fake.events.deleted.fire(Uri.file(created));
    expect((await of(''))[1]).not.toContain('user.ts');
  });

  it('are not listed in Restricted Mode, outside of a workspace folder, or from no disk', async () => {
    fake.trusted = false;
    expect(await open().of('')).toEqual([undefined, undefined]);
    fake.trusted = true;
    expect(await open(undefined, '/elsewhere/a.ts').of('')).toEqual([undefined, undefined]);
    expect(fake.listings).toEqual([]);
  });

  it('are there before a text names them: those of the own folder, of the one above, and of what lies in them', async () => {
    const { names, document } = open();
    names.listAhead(document as never);
    await settled();
    names.listAhead(document as never);
    await settled();
    for (const folder of ['', '..', 'routes', '../lib']) expect(names.of(document as never, folder), folder).toBeInstanceOf(Set);
    expect(fake.listings.some((path) => path.includes('node_modules'))).toBe(false);
  });

  it('are asked for once a document, until something comes or goes, and what may be named is asked once a folder', async () => {
    const { document } = open();
    let documents = 0;
    const names = new FolderNames(() => (documents++, () => true));
    const of = vi.spyOn(names, 'of');
    const ask = async () => {
      of.mockClear();
      names.listAhead(document as never);
      await settled();
      return of.mock.calls.length;
    };
    await ask();
    await ask();
    expect([await ask(), await ask()]).toEqual([0, 0]);
    expect(documents).toBe(fake.listings.length);
    fake.events.created.fire(Uri.file(`${root}/src/user.ts`));
    expect(await ask()).toBeGreaterThan(0);
  });

  it('do not follow links', async () => {
    const { of } = open();
    fake.disk.set(`${root}/src/elsewhere`, { text: '', mtime: 1, type: FileType.SymbolicLink });
    expect((await of(''))[1]).toContain('elsewhere');
  });
});

describe('the members that are offered', () => {
  const items = [
    { label: 'map', kind: CompletionItemKind.Method }, { label: { label: 'size?' }, kind: CompletionItemKind.Property }, { label: 'word', kind: CompletionItemKind.Text }, { label: 'log', kind: CompletionItemKind.Snippet },
  ];
  const open = (answer: () => unknown = () => ({ items, isIncomplete: false })) => {
    const clock = new FakeClock();
    fake.perform = answer;
    const members = new OfferedMembers(clock);
    const at = (text: string) => {
      const { document } = fake.open(text);
      return members.at(document as never, new Position(0, text.length) as never);
    };
    return { clock, at };
  };
  const asked = () => fake.executed.filter(({ id }) => id === 'vscode.executeCompletionItemProvider');

  it('are asked for where the member begins, once a place, and known as soon as they are there', async () => {
    const { at } = open();
    const known = at('items.');
    expect(known()).toBeUndefined();
    await settled();
    expect(known()).toEqual(new Set(['map', 'size']));
    expect(at('items.ma')()).toEqual(new Set(['map', 'size']));
    expect(asked().map(({ args }) => args[1])).toEqual([new Position(0, 6)]);
    expect(at('others.')()).toBeUndefined();
    await settled();
    expect(asked().length).toBe(2);
  });

  it('are not asked for where no member is begun', () => {
    const { at } = open();
    for (const text of ['const a = ', '1.', "'./"]) expect(at(text)()).toBeUndefined();
    expect(asked()).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['only words of the document come', { items: items.slice(2), isIncomplete: false }],
    ['the list is not whole', { items, isIncomplete: true }],
    ['nothing comes', undefined],
  ])('are not known where %s', async (_, list) => {
    const known = open(() => list).at('items.');
    await settled();
    expect(known()).toBeUndefined();
  });

  it('are not waited for: an answer that comes too late, or fails, is not heard, and the next place asks nobody for a while', async () => {
    for (const answer of [(clock: FakeClock) => clock.pass(600).then(() => ({ items, isIncomplete: false })), () => Promise.reject(new Error('no'))]) {
      fake.executed.length = 0;
      const { clock, at } = open(() => answer(clock));
      const known = at('items.');
      await settled();
      await settled();
      expect(known()).toBeUndefined();
      at('others.');
      expect(asked().length).toBe(1);
      await clock.pass(5100);
      at('others.');
      expect(asked().length).toBe(2);
      await settled();
    }
  });

  it('asks one thing at a time', async () => {
    const { at } = open(() => new Promise(() => {}));
    at('items.');
    at('others.');
    expect(asked().length).toBe(1);
  });
});
