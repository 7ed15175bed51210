import { describe, expect, test } from 'vitest';
import { MOST_CHARACTERS, refusal, type DocumentFacts, type EligibilitySettings } from '../../src/completion/eligible.ts';
import type { Refusal } from '../../src/completion/request.ts';

const settings: EligibilitySettings = { enabled: true, languages: { '*': true }, exclude: [] };
const facts: DocumentFacts = { scheme: 'file', path: '/work/src/a.ts', languageId: 'typescript', characters: 100 };

function check(document: Partial<DocumentFacts>, expected: Refusal | null, changed: Partial<EligibilitySettings> = {}): void {
  expect(refusal({ ...facts, ...document }, { ...settings, ...changed })).toBe(expected);
}

describe('by scheme', () => {
  test.each(['file', 'untitled', 'vscode-remote', 'vscode-local', 'vscode-notebook-cell', 'vscode-vfs', 'vscode-test-web', 'memfs'])('%s is completed', (scheme) => check({ scheme }, null));
  test.each([
    'output', 'vscode-scm', 'comment', 'vscode-chat-input', 'vscode-chat-code-block', 'chatSessionInput', 'chat-editing-text-model', 'debug', 'vscode-settings', 'vscode-userdata', 'git', 'search-editor',
    'vscode-interactive-input', 'vscode-terminal', 'walkThroughSnippet', 'extension-output', 'inmemory', 'http', 'https', 'deltallm', '', 'FILE', 'constructor',
  ])('%j is not', (scheme) => check({ scheme }, 'scheme'));
});

describe('by path', () => {
  test.each([
    '/w/.env', '/w/.env.local', '/w/prod.env', '/w/.envrc', '/w/server.pem', '/w/server.KEY', '/w/a.p12', '/w/a.pfx', '/w/pass.kdbx', '/home/a/.ssh/config', '/home/a/.ssh/x/y', '/w/id_rsa', '/w/id_ed25519.pub',
    '/w/.npmrc', '/w/.netrc', '/w/_netrc', '/w/.git-credentials', '/w/.pypirc', '/w/secrets.json', '/w/Secrets.yaml', '/w/secrets.ts', '/home/a/.aws/credentials', '/w/main.tfvars', '/w/x.tfstate',
    '/w/service-account-prod.json', '/home/a/.kube/config', '/w/.vscode/settings.json', '/w/a.code-workspace', '/home/a/.config/Code/User/settings.json', '/home/a/.vscode-server/data/Machine/settings.json', '/d/User/profiles/x/settings.json', '/c:/w/.env', 'C:\\w\\.env',
  ])('%s holds secrets', (path) => check({ path }, 'excluded'));
  test.each([
    '/w/env.ts', '/w/environment.ts', '/w/src/key.ts', '/w/src/keys/rsa.ts', '/w/src/credentials.ts', '/w/src/credentials/login.ts', '/w/.vscode/launch.json', '/w/settings.json', '/w/src/user/profiles/edit.ts', '/w/id.ts', '/w/ssh/a.ts', '/w/secret.ts', 'Untitled-1',
  ])('%s does not', (path) => check({ path }, null));

  test('the user excludes more, and can allow no secrets', () => {
    check({}, 'excluded', { exclude: ['src/**'] });
    check({}, 'excluded', { exclude: ['*.md', '*.ts'] });
    check({}, null, { exclude: ['*.md', '!*.ts'] });
    check({ path: '/w/.env' }, 'excluded', { exclude: ['!.env'] });
  });
});

describe('by setting', () => {
  test.each<[string, Partial<EligibilitySettings>, string, Refusal | null]>([
    ['off is off', { enabled: false }, 'typescript', 'disabled'],
    ['off is off for a language that is on', { enabled: false, languages: { typescript: true } }, 'typescript', 'disabled'],
    ['a language can be off', { languages: { '*': true, markdown: false } }, 'markdown', 'disabled'],
    ['the others stay on', { languages: { '*': true, markdown: false } }, 'typescript', null],
    ['one language can be on alone', { languages: { '*': false, python: true } }, 'python', null],
    ['then the others are off', { languages: { '*': false, python: true } }, 'typescript', 'disabled'],
    ['what is not listed is on', { languages: {} }, 'typescript', null],
    ['a language named like a method of objects is no exception', { languages: { '*': false } }, 'constructor', 'disabled'],
  ])('%s', (_, changed, languageId, expected) => check({ languageId }, expected, changed));
});

describe('by size', () => {
  test('the limit itself is completed', () => check({ characters: MOST_CHARACTERS }, null));
  test('one more is not', () => check({ characters: MOST_CHARACTERS + 1 }, 'tooLarge'));
});

test('the first reason is the one that the user can do most about', () => {
  check({ scheme: 'output', path: '/w/.env', characters: 1e9 }, 'disabled', { enabled: false });
  check({ scheme: 'output', path: '/w/.env', characters: 1e9 }, 'scheme');
  check({ path: '/w/.env', characters: 1e9 }, 'excluded');
});
