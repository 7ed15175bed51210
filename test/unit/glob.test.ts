import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { globMatcher } from '../../src/completion/glob.ts';

function check(pattern: string, path: string, expected: boolean): void {
  expect(globMatcher([pattern])(path)).toBe(expected);
}

describe('a glob pattern', () => {
  test.each<[string, string, boolean]>([
    ['*.pem', '/home/a/server.pem', true],
    ['*.pem', '/home/a/server.pem.ts', false],
    ['*.pem', 'server.pem', true],
    ['.env', '/a/.env', true],
    ['.env', '/a/.environment', false],
    ['.env*', '/a/.env.local', true],
    ['a.ts', '/b/aXts', false],
    ['?.ts', '/x/a.ts', true],
    ['?.ts', '/x/ab.ts', false],
    ['?.ts', '/x/.ts', false],
    ['*', '/x/anything', true],
    ['*.{key,pem}', '/x/a.key', true],
    ['*.{key,pem}', '/x/a.pem', true],
    ['*.{key,pem}', '/x/a.ke', false],
    ['{a,b{c,d}}.ts', '/bd.ts', true],
    ['{a,b{c,d}}.ts', '/b.ts', false],
    ['{a}.ts', '/{a}.ts', true],
    ['{a.ts', '/{a.ts', true],
    ['a}.ts', '/a}.ts', true],
    ['{,x}y', '/y', true],
    ['[id].tsx', '/app/[id].tsx', true],
    ['A.TS', '/x/a.ts', true],
    ['a.ts', '/x/A.TS', true],
    ['größe.ts', '/x/GRÖSSE.ts', false],
    ['src/*.ts', '/home/a/src/b.ts', true],
    ['src/*.ts', '/home/a/src/b/c.ts', false],
    ['src/*.ts', '/home/a/mysrc/b.ts', false],
    ['src/**', '/home/a/src/b/c.ts', true],
    ['src/**/c.ts', '/home/a/src/c.ts', true],
    ['src/**/c.ts', '/home/a/src/x/y/c.ts', true],
    ['src/**/c.ts', '/home/a/src/xc.ts', false],
    ['**/test/**', '/a/test/b.ts', true],
    ['**/test/**', '/a/tests/b.ts', false],
    ['**/*.min.js', '/a/b/c.min.js', true],
    ['**/*.min.js', 'c.min.js', true],
    ['**', '/a/b', true],
    ['vendor/', '/a/vendor/b/c.ts', true],
    ['vendor/', '/a/vendor.ts', false],
    ['/etc/*.conf', '/etc/a.conf', true],
    ['/etc/*.conf', '/home/etc/a.conf', false],
    ['src/**.ts', '/src/a/b.ts', true],
    ['c:/x/*.ts', '/c:/x/a.ts', true],
    ['x/*.ts', '\\c:\\x\\a.ts', true],
    ['.ssh/**', '/home/a/.ssh/config', true],
    ['', '/a', false],
    ['  ', '/a', false],
    ['***', '/a', true],
    ['🦙*', '/a/🦙b', true],
    ['?', '/a/🦙', true],
  ])('%j matches %j: %j', check);

  test('that stands for too many others is taken as it is', () => {
    const pattern = '{a,b}'.repeat(30);
    check(pattern, `/${'a'.repeat(30)}`, false);
    check(pattern, `/${pattern}`, true);
  });

  test('finds what the same pattern as a regular expression finds', () => {
    const part = fc.constantFrom('a', 'b', '/', '*', '?', '**', '/**/', '.');
    const asRegExp = (pattern: string): RegExp => {
      const source = pattern.replace(/(?<=^|\/)\*\*+\/|\*\*+|[*?.]/g, (found) => (found === '.' ? '\\.' : found === '?' ? '[^/]' : found === '*' ? '[^/]*' : found.endsWith('/') ? '(?:.*/)?' : '.*'));
      return new RegExp(`^${source}$`);
    };
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.array(fc.constantFrom('a', 'b', '/', '.'), { maxLength: 10 }), (parts, characters) => {
        const pattern = `/${parts.join('')}`.replace(/\/{2,}/g, '/');
        const path = `/${characters.join('')}`.replace(/\/{2,}/g, '/');
        if (pattern.endsWith('/')) return;
        expect(globMatcher([pattern])(path)).toBe(asRegExp(pattern).test(path));
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  test('takes steps in proportion to pattern and path, however many stars', () => {
    // A matcher that tries every division would need 10^20 steps.
    check('*a'.repeat(40) + 'b', `/${'a'.repeat(4000)}`, false);
    check(`/${'**/a'.repeat(20)}/b`, `/${'a/'.repeat(2000)}`, false);
  });
});
