// A code block finds its place in a document, or is refused; nothing else of the document changes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyEdit, type ApplyRefusal } from '../../src/chat/applyEdit.ts';
import { isElision } from '../../src/chat/elision.ts';

const typescript = `import { a } from './a.ts';
import { b } from './b.ts';

/** Adds. */
export function add(x: number, y: number): number {
  return x + y;
}

export class Counter {
  private count = 0;

  /** One more. */
  next(): number {
    this.count++;
    if (this.count > 10) {
      this.count = 0;
    }
    return this.count;
  }

  reset(): void {
    this.count = 0;
  }
}

export const twice = (x: number): number => {
  return add(x, x);
};
`;

const python = `import os


@cached
def load(path):
    # Reads it.
    with open(path) as file:
        return file.read()


class Store:
    def get(self, key):
        if key in self.items:
            return self.items[key]
        else:
            return None

    def put(self, key, value):
        self.items[key] = value
`;

interface Expected {
  how?: 'whole' | 'region' | 'selection';
  select?: string;
}

/** `expected` is the document with each [old, new] replaced. */
function check(document: string, block: string, changes: readonly (readonly [string, string])[], { how = 'region', select }: Expected = {}): void {
  const expected = changes.reduce((text, [from, to]) => {
    expect(text.split(from).length, `${from} stands once in the document`).toBe(2);
    return text.replace(from, () => to);
  }, document);
  const start = select === undefined ? -1 : document.indexOf(select);
  const applied = applyEdit({ document, block, ...(select === undefined ? {} : { selection: { start, end: start + select.length } }) });
  expect(applied).toMatchObject({ how, text: expected });
}

function refused(document: string, block: string, reason: ApplyRefusal): void {
  expect(applyEdit({ document, block })).toEqual({ how: 'refused', reason });
}

describe('a function', () => {
  it('takes the place of the one with its name', () => {
    check(typescript, 'export function add(x: number, y: number): number {\n  return y + x;\n}', [['return x + y;', 'return y + x;']]);
    check(typescript, 'function add(x: bigint, y: bigint) {\n  return x + y;\n}\n', [['export function add(x: number, y: number): number {', 'function add(x: bigint, y: bigint) {']]);
    check(typescript, 'export const twice = (x: number): number => add(x, x);', [['=> {\n  return add(x, x);\n};', '=> add(x, x);']]);
    check(python, 'def load(path):\n    return open(path).read()', [['    # Reads it.\n    with open(path) as file:\n        return file.read()', '    return open(path).read()']]);
  });

  it('brings its own comment, or keeps the one that is there', () => {
    check(typescript, '/** The sum. */\nexport function add(x: number, y: number): number {\n  return x + y;\n}', [['/** Adds. */', '/** The sum. */']]);
    check(typescript, '/**\n * Starts anew.\n */\nreset(): void {\n  this.count = 0;\n}', [['  reset(): void {', '  /**\n   * Starts anew.\n   */\n  reset(): void {']]);
    check(python, '@cached\n@checked\ndef load(path):\n    # Reads it.\n    with open(path) as file:\n        return file.read()', [['@cached\n', '@cached\n@checked\n']]);
  });

  it('has the indentation of its place', () => {
    check(typescript, 'next(): number {\n  return ++this.count;\n}', [['    this.count++;\n    if (this.count > 10) {\n      this.count = 0;\n    }\n    return this.count;', '    return ++this.count;']]);
    check(python, 'def get(self, key):\n    return self.items.get(key)', [['        if key in self.items:\n            return self.items[key]\n        else:\n            return None', '        return self.items.get(key)']]);
    check(typescript, 'next(): number {\n    return ++this.count;\n  }', [['    this.count++;\n    if (this.count > 10) {\n      this.count = 0;\n    }\n    return this.count;', '    return ++this.count;']]);
    check('class A {\n\tf() {\n\t\treturn 1;\n\t}\n}\n', 'f() {\n    if (x) {\n        return 2;\n    }\n}', [['\t\treturn 1;', '\t\tif (x) {\n\t\t\treturn 2;\n\t\t}']]);
    check('class A {\n  f() {\n    return 1;\n  }\n}\n', 'f() {\n\treturn 2;\n}', [['return 1', 'return 2']]);
  });

  it('may come with a new one beside it', () => {
    check(typescript, 'function check(x: number): void {}\n\nexport function add(x: number, y: number): number {\n  check(x);\n  return x + y;\n}', [
      ['export function add(x: number, y: number): number {\n', 'function check(x: number): void {}\n\nexport function add(x: number, y: number): number {\n  check(x);\n'],
    ]);
  });

  it('is refused where its name stands twice, unless the question was about one of them', () => {
    const twice = 'class A {\n  f() {\n    return 1;\n  }\n}\nclass B {\n  f() {\n    return 2;\n  }\n}\n';
    refused(twice, 'f() {\n  return 3;\n}', 'severalPlaces');
    check(twice, 'f() {\n  return 3;\n}', [['return 2', 'return 3']], { select: 'return 2' });
  });

  it('is refused where others would get lost', () => {
    refused(typescript, 'export function add(x: number, y: number): number {\n  return x + y;\n}\n\nexport const twice = (x: number): number => add(x, x);', 'severalPlaces');
  });
});

describe('a class with what is left out', () => {
  it('keeps the rest and takes the new', () => {
    check(typescript, 'export class Counter {\n  // ... existing code ...\n\n  twice(): number {\n    this.next();\n    return this.next();\n  }\n}', [
      ['  reset(): void {\n    this.count = 0;\n  }\n', '  reset(): void {\n    this.count = 0;\n  }\n\n  twice(): number {\n    this.next();\n    return this.next();\n  }\n'],
    ]);
    check(typescript, 'export class Counter {\n  private count = 1;\n  // ...\n}', [['private count = 0;', 'private count = 1;']]);
    check(typescript, 'export class Counter {\n  // ... existing code ...\n  reset(): void {\n    this.count = -1;\n  }\n}', [['  reset(): void {\n    this.count = 0;', '  reset(): void {\n    this.count = -1;']]);
  });

  it('in the middle of a function too', () => {
    check(typescript, '  next(): number {\n    // ... existing code ...\n    if (this.count > 99) {\n      this.count = 0;\n    }\n    // ... rest of the method ...\n  }', [['this.count > 10', 'this.count > 99']]);
    check(python, 'class Store:\n    # ... existing code ...\n    def put(self, key, value):\n        self.changed = True\n        # ...', [['        self.items[key] = value', '        self.changed = True\n        self.items[key] = value']]);
  });

  it('and a whole file', () => {
    check(typescript, "import { a } from './a.ts';\nimport { c } from './c.ts';\n// ... existing code ...\nexport const twice = (x: number): number => {\n  return 2 * x;\n};", [
      ["import { b }", "import { c } from './c.ts';\nimport { b }"],
      ['return add(x, x)', 'return 2 * x'],
    ]);
    check(typescript, '// ... existing code ...\n\nexport const thrice = 3;', [['return add(x, x);\n};\n', 'return add(x, x);\n};\n\nexport const thrice = 3;\n']]);
  });

  it('is refused where nothing says what was left out', () => refused(typescript, 'foo();\n// ...\nbar();', 'noPlace'));

  it.each([
    ['// ...', true], ['# ... existing code ...', true], ['/* … */', true], ['<!-- ... rest of the page ... -->', true], ['-- ... unchanged', true], ['{/* ... existing code ... */}', true],
    ['...', false], ['// and so on', false], ['// TODO: ... then mend it', false], ['f(...args)', false], ['// existing code', false], ['# Reads the rest of it.', false],
  ])('%s', (line, expected) => expect(isElision(`  ${line}`)).toBe(expected));
});

describe('lines', () => {
  it('that begin and end as lines of the document do take their place', () => {
    check(typescript, 'if (this.count > 10) {\n  this.reset();\n}', [['      this.count = 0;\n', '      this.reset();\n']], { select: 'if (this.count > 10)' });
    check(python, 'if key in self.items:\n    return self.items[key]\nelse:\n    raise KeyError(key)', [['            return None', '            raise KeyError(key)']], { how: 'selection', select: '        if key in self.items:\n            return self.items[key]\n        else:\n            return None\n' });
  });

  it('of another form take the place of what the question was about', () => {
    check(typescript, 'return [x, y].reduce((a, b) => a + b);', [['return x + y;', 'return [x, y].reduce((a, b) => a + b);']], { how: 'selection', select: 'return x + y;' });
    check(typescript, 'const sum = x + y;\nreturn sum;', [['  return x + y;\n', '  const sum = x + y;\n  return sum;\n']], { how: 'selection', select: '  return x + y;\n' });
  });

  it('that are nowhere are refused', () => {
    refused(typescript, 'npm install', 'noPlace');
    refused(typescript, 'console.log(1);\nconsole.log(2);', 'noPlace');
    refused(typescript, ' \n\n', 'empty');
  });
});

describe('a whole file', () => {
  it('takes its place', () => {
    const next = typescript.replace('x + y', 'y + x').replace('> 10', '> 11');
    check(typescript, next, [['x + y', 'y + x'], ['> 10', '> 11']], { how: 'whole' });
    expect(applyEdit({ document: '', block: 'a\nb' })).toEqual({ how: 'whole', text: 'a\nb\n', firstLine: 0, lastLine: 1 });
    expect(applyEdit({ document: 'let a = 1;\nlet b = 2;', block: 'let a = 1;\nlet b = 2;\n' })).toMatchObject({ text: 'let a = 1;\nlet b = 2;' });
  });
});

describe('whatever the document', () => {
  const line = fc.constantFrom('function f() {', '  return x;', '}', '', 'class A {', '  g() {', '    let y = 1;', '  }', 'let z = 2;', '\tif (z) {', 'def h(a):', '    pass', '// words', 'import q', 'x();', '});');
  const end = fc.constantFrom('\n', '\r\n');
  const text = fc.tuple(fc.array(line, { minLength: 1, maxLength: 25 }), fc.array(end, { minLength: 25, maxLength: 25 }), fc.boolean()).map(([lines, ends, ended]) => lines.map((each, i) => each + (i < lines.length - 1 || ended ? ends[i] : '')).join(''));
  const words = (some: string) => some.split(/\r\n|\n/).map((each) => each.trim()).filter((each) => each !== '');

  it('a part of it, applied, changes nothing', () => {
    fc.assert(
      fc.property(text, fc.nat(24), fc.nat(24), (document, first, count) => {
        const lines = document.split(/\r\n|\n/);
        const block = lines.slice(first, first + count + 1).join('\n');
        const applied = applyEdit({ document, block });
        if (applied.how !== 'refused') expect(applied.text).toBe(document);
        else expect(block.trim()).toBe('');
      }),
      { seed: 1, numRuns: 3000 },
    );
  });

  it('a block that is applied is in it whole, and nothing outside its lines changes', () => {
    fc.assert(
      fc.property(text, text, fc.nat(100), fc.nat(100), (document, block, start, length) => {
        const applied = applyEdit({ document, block, selection: { start: Math.min(start, document.length), end: Math.min(start + length, document.length) } });
        if (applied.how === 'refused') return;
        const lines = document.match(/[^\r\n]*(?:\r\n|\n)|[^\r\n]+$/g) ?? [];
        const before = lines.slice(0, applied.firstLine).join('');
        const after = lines.slice(applied.lastLine).join('');
        expect(applied.text.startsWith(before)).toBe(true);
        expect(applied.text.endsWith(after)).toBe(true);
        expect(words(applied.text.slice(before.length, applied.text.length - after.length))).toEqual(words(block));
      }),
      { seed: 2, numRuns: 3000 },
    );
  });

  it('lines left out of a part of it come back', () => {
    const distinct = fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 4, maxLength: 20 }).map((numbers) => numbers.map((n, i) => `${i === 0 ? '' : '  '}call${n}(${n});`));
    fc.assert(
      fc.property(distinct, fc.nat(20), fc.nat(20), fc.nat(3), (lines, at, count, around) => {
        const from = 1 + (at % (lines.length - 2));
        const to = Math.min(lines.length - 1, from + 1 + (count % 5));
        const document = [...Array.from({ length: around }, (_, i) => `before${i};`), ...lines, 'after;', ''].join('\n');
        const block = [...lines.slice(0, from), '  // ... existing code ...', ...lines.slice(to)].join('\n');
        expect(applyEdit({ document, block })).toMatchObject({ text: document });
      }),
      { seed: 3, numRuns: 1000 },
    );
  });

  it('a huge block is refused or applied without trouble', () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `call(${i});`);
    const document = lines.join('\n');
    expect(applyEdit({ document, block: ['call(0);', '// ...', ...lines.slice(10_000)].join('\n') }).how).toBe('refused');
    expect(applyEdit({ document, block: lines.slice(5, 15_000).join('\n') })).toMatchObject({ text: document });
  });
});
