import { homedir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheFolder, homeFolder } from '../../src/shared/platformFolders.ts';
import { describeUnless } from '../support/where.ts';

const check = (environment: NodeJS.ProcessEnv, expected: string) => expect(cacheFolder(environment)).toBe(expected);

describeUnless(process.platform === 'win32' || process.platform === 'darwin' ? 'this system has folders of its own for them' : undefined, 'converted models lie', () => {
  test('where DELTALLM_CACHE says, if it is an absolute path', () => {
    check({ DELTALLM_CACHE: '/c', XDG_CACHE_HOME: '/x', HOME: '/h' }, '/c');
    for (const useless of ['', 'c', './c', '../c', '~/c', ' ', 'C:c']) check({ DELTALLM_CACHE: useless, XDG_CACHE_HOME: '/x', HOME: '/h' }, '/x/deltallm');
  });

  test('else below XDG_CACHE_HOME, if that is an absolute path', () => {
    for (const useless of [undefined, '', '.', 'x', '$HOME/.cache']) check({ XDG_CACHE_HOME: useless, HOME: '/h' }, '/h/.cache/deltallm');
  });

  test('else below the home, if HOME is an absolute path', () => {
    for (const useless of [undefined, '', '.', 'home', '~']) check({ HOME: useless, XDG_CACHE_HOME: useless, DELTALLM_CACHE: useless }, join(userInfo().homedir, '.cache/deltallm'));
  });

  test('never relative to where the command was started', () => {
    const values = [undefined, '', 'x', './y', '..'];
    for (const HOME of values) for (const XDG_CACHE_HOME of values) for (const DELTALLM_CACHE of values) expect(isAbsolute(cacheFolder({ HOME, XDG_CACHE_HOME, DELTALLM_CACHE }))).toBe(true);
    expect(isAbsolute(homeFolder({}))).toBe(true);
    expect(homeFolder({ HOME: homedir() })).toBe(homedir());
  });
});
