import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { analogies, AnalogyLines } from '../../src/locality/analogy.ts';
import { AnalogyIndex } from '../../src/locality/analogyIndex.ts';
import { Renaming } from '../../src/locality/renaming.ts';
import { BOUNDARY, TokenIndex } from '../../src/locality/tokenIndex.ts';

const renamed = (old: string, now: string, word: string): string => {
  const renaming = new Renaming();
  renaming.learn([old], [now]);
  return renaming.of(word);
};

describe('a renaming', () => {
  test.each([
    ['store', 'product', 'store', 'product'],
    ['store', 'product', 'Store', 'Product'],
    ['store', 'product', 'stores', 'products'],
    ['store', 'product', 'STORE_COUNT', 'PRODUCT_COUNT'],
    ['store', 'product', 'openStores', 'openProducts'],
    ['store', 'product', 'store_count', 'product_count'],
    ['store', 'product', 'restore', 'restore'],
    ['getStore', 'getProduct', 'storeId', 'productId'],
    ['load_sales', 'load_orders', 'sale', 'order'],
    ['category', 'box', 'categories', 'boxes'],
    ['user', 'lineItem', 'user_id', 'line_item_id'],
    ['user', 'lineItem', 'UserService', 'LineItemService'],
    ['lineItem', 'user', 'lineItemCount', 'userCount'],
    ['StoreService', 'ProductService', 'StoreError', 'ProductError'],
    ['add', 'addLine', 'add', 'addLine'],
    ['add', 'addLine', 'address', 'address'],
    ['404', '409', '404', '409'],
    ['a', 'b', 'ab', 'ab'],
  ])('%s → %s makes %s into %s', (old, now, word, expected) => expect(renamed(old, now, word)).toBe(expected));

  it('gives no word two names', () => {
    const renaming = new Renaming();
    expect(renaming.learn(['a', 'a'], ['b', 'c'])).toBe(false);
    expect(renaming.learn(['a'], ['b'])).toBe(true);
    expect(renaming.learn(['x', 'a'], ['y', 'c'])).toBe(false);
    expect([renaming.words, renaming.renamed, renaming.of('x')]).toEqual([1, 1, 'x']);
  });

  it('counts what others had foretold', () => {
    const renaming = new Renaming();
    renaming.learn(['byAuthor', 'author', 'string', 'author'], ['byYear', 'year', 'number', 'year']);
    expect(renaming).toMatchObject({ words: 4, renamed: 4, foretold: 2 });
  });

  it('makes the aligned words what they are at the cursor, whatever they are', () => {
    const word = fc.stringMatching(/^[a-z]{1,6}([A-Z][a-z]{1,5}|_[a-z]{1,5}){0,2}$/);
    fc.assert(fc.property(fc.array(fc.tuple(word, word), { maxLength: 8 }), (pairs) => {
      const renaming = new Renaming();
      if (renaming.learn(pairs.map(([old]) => old), pairs.map(([, now]) => now))) for (const [old, now] of pairs) expect(renaming.of(old)).toBe(now);
    }));
  });
});

const service = `class Orders {
  getStore(id: string): Store {
    const store = this.stores.get(id);
    if (!store) throw new Error('There is no store');
    return store;
  }

  getProduct(id: string): Product {
    `;

describe('analogies', () => {
  const of = (before: string, after = '', others: string[][] = []) => analogies(new AnalogyLines(), before, after, others).map(({ continuation }) => continuation);

  it('rename what followed the place that the text before the cursor is like', () => {
    expect(of(service).at(-1)).toMatch(/^const product = this\.products\.get\(id\);\n {4}if \(!product\) throw new Error\('There is no product'\);\n {4}return product;\n {2}}/);
  });

  it('go on within a line and within a word', () => {
    expect(of(`${service}const pro`).at(-1)).toMatch(/^product = this\.products\.get\(id\);/);
    expect(of(`${service}const product = this.`).at(-1)).toMatch(/^products\.get\(id\);/);
    expect(of(`${service}const other = this.products.get(id`).every((text) => text.startsWith('id);'))).toBe(true);
    expect(of(`${service}const qx`)).toEqual([]);
  });

  it('come from below the cursor and from other documents too', () => {
    const [before, after] = ['  product(id) {\n    return this.products.', '\n  }\n\n  store(id) {\n    return this.stores.get(id);\n  }\n'];
    expect(of(before, after).at(-1)).toMatch(/^get\(id\);/);
    expect(of(before, '', [after.split('\n')]).at(-1)).toMatch(/^get\(id\);/);
    expect(of('def test_add_store():\n    ', '', [['def test_add_product():', '    assert add(product) == product']])).toEqual([]); // two words say nothing
    expect(of('def test_add_store(shop, store):\n    ', '', [['def test_add_product(shop, product):', '    assert shop.add(product)']]).at(-1)).toMatch(/^assert shop\.add\(store\)/);
  });

  it('see that names go together though most differ', () => {
    const before = '  byAuthor(author: string): Book[] {\n    return this.books.filter((book) => book.author === author);\n  }\n\n  byYear(year: number): Book[] {\n    ';
    expect(of(before).at(-1)).toMatch(/^return this\.books\.filter\(\(book\) => book\.year === year\);/);
  });

  it('know what would stand twice under two names', () => {
    const repeats = (body: string): boolean => analogies(new AnalogyLines(), `def first_day(days, year):\n    ${body}\n\ndef last_day(days, year):\n    `, '').at(-1)!.repeats;
    expect(repeats('return min(days, key=year)')).toBe(true);
    expect(repeats('return days.first()')).toBe(false);
    expect(repeats('days = sorted(days)\n    return first(days)')).toBe(false);
  });

  it('are none where the text is another, the same, or differs in every word', () => {
    expect(of('const a = 1;\nif (x) ')).toEqual([]);
    expect(of('  get(id) {\n    return 1;\n  }\n\n  get(id) {\n    ')).toEqual([]);
    expect(of('alpha(beta, gamma);\nnext\ndelta(epsilon, zeta);\n')).toEqual([]);
  });

  it('begin as the text at the cursor does, whatever that is', () => {
    const line = fc.constantFrom('  a(x) {', '  b(y) {', '    return x;', '    return y;', '  }', '', 'if (a) {', 'const s = b;');
    fc.assert(fc.property(fc.array(line, { minLength: 1, maxLength: 14 }), fc.array(line, { maxLength: 6 }), fc.nat(8), (above, below, cut) => {
      const text = above.join('\n');
      const before = text.slice(0, Math.max(0, text.length - cut));
      const begun = /[\p{L}\p{N}_$]*$/u.exec(before)![0];
      for (const { text: whole, continuation, agreeing, renamed } of analogies(new AnalogyLines(), before, `\n${below.join('\n')}`)) {
        const head = whole.slice(0, whole.length - continuation.length);
        expect(before.slice(0, before.length - begun.length).endsWith(head)).toBe(true);
        expect(continuation.startsWith(begun)).toBe(true);
        expect(renamed).toBeGreaterThan(0);
        expect(agreeing).toBeGreaterThan(0);
      }
    }));
  });
});

describe('the index of analogies', () => {
  const encode = (text: string): number[] => [...text].map((char) => char.codePointAt(0)!);
  const tip = (text: string): TokenIndex => {
    const index = new TokenIndex();
    index.become(encode(text));
    return index;
  };

  it('says what follows, worth no more than the words that it was drawn from', () => {
    const index = new AnalogyIndex([{ text: 'abcdefghi', continuation: 'ghi', agreeing: 3, renamed: 2, repeats: false }], encode);
    expect(index.continuations(tip('xabcdef'))).toMatchObject({ likeliest: 'g'.codePointAt(0), longest: 3, top: 1 });
    expect(index.continuations(tip('xef'))).toMatchObject({ longest: 2 });
    expect(index.continuations(tip('xf'))).toBeNull();
    expect(index.continuations(tip('zz'))).toBeNull();
  });

  it('gains by what was written since', () => {
    const index = new AnalogyIndex([{ text: 'abcdefghi', continuation: 'fghi', agreeing: 2, renamed: 1, repeats: false }], encode);
    expect(['abcde', 'abcdef', 'abcdefgh', 'gh'].map((text) => index.continuations(tip(text))!.longest)).toEqual([2, 2, 3, 2]);
  });

  it('never reaches from one text into the next', () => {
    const index = new AnalogyIndex([{ text: 'abc', continuation: 'c', agreeing: 8, renamed: 1, repeats: false }, { text: 'bcd', continuation: 'd', agreeing: 3, renamed: 1, repeats: true }], encode);
    expect(index.continuations(tip('abc'))).toMatchObject({ longest: 2, likeliest: 'd'.codePointAt(0), repeats: true });
    expect([...index.continuations(tip('abc'))!.shares.keys()]).not.toContain(BOUNDARY);
  });
});
