// Prompt files: what they may be, how their places are filled, and that ours are good ones.
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillPrompt, maxPromptFile, parsePromptFile, placeholders, promptNames, type Placeholder } from '../../src/chat/promptFile.ts';
import { DeltaError } from '../../src/shared/errors.ts';

const check = (text: string, values: Partial<Record<Placeholder, string>>, expected: string): void => expect(fillPrompt(parsePromptFile(text, 'a.md'), values)).toBe(expected);

function refused(text: string, reason: RegExp): void {
  let thrown: unknown;
  try {
    parsePromptFile(text, '.deltallm/prompts/a.md');
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(DeltaError);
  expect((thrown as DeltaError).message).toMatch(/^The prompt file \.deltallm\/prompts\/a\.md cannot be used \([^\n]+\): correct it or delete it\.$/);
  expect((thrown as DeltaError).message).toMatch(reason);
}

describe('a prompt file', () => {
  it('may name and describe itself', () => {
    expect(parsePromptFile('\ufeff---\r\nname: "Say it: well"\r\n# a remark\r\n\r\ndescription: Says it.\r\n---\r\n\r\nSay it.\r\n', 'a.md')).toEqual({ name: 'Say it: well', description: 'Says it.', body: 'Say it.' });
    expect(parsePromptFile('Say it.\n---\nname: x', 'a.md')).toEqual({ name: null, description: null, body: 'Say it.\n---\nname: x' });
  });

  it('has places that are filled once', () => {
    check('A {{ language }} text: {{symbol}}', { language: '{{symbol}}', symbol: '$& {{language}}' }, 'A {{symbol}} text: $& {{language}}');
  });

  it('leaves a paragraph out when nothing comes to its places', () => {
    const text = 'Code:\n{{selection}}\n\nProblems:\n{{problems}}\n\n\nIt is {{symbol}} in {{language}}.\n\nGo.';
    check(text, { selection: 'x\n\n\ny', language: 'C' }, 'Code:\nx\n\n\ny\n\nIt is  in C.\n\nGo.');
    check(text, { problems: ' ' }, 'Go.');
  });

  it('that cannot be used says why, in one sentence that names it', () => {
    refused('', /no text/);
    refused('---\nname: x\n---\n \n', /no text/);
    refused('---\nname: x\nGo.', /no end/);
    refused('---\ntools: all\n---\nGo.', /tools, which is not known/);
    refused('---\njust words\n---\nGo.', /"just words"/);
    refused('Go {{secret}}.', /\{\{secret\}\} is not known/);
    refused('x'.repeat(maxPromptFile + 1), /characters/);
  });

  it('is read or refused, whatever it is', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('---', '\n', 'name: x', '{{', '}}', 'symbol', 'a', ' ', ':')).map((parts) => parts.join('')), (text) => {
        try {
          fillPrompt(parsePromptFile(text, 'a.md'), { symbol: 's' });
        } catch (error) {
          expect((error as DeltaError).code).toBe('promptFileInvalid');
        }
      }),
      { seed: 1, numRuns: 1000 },
    );
  });
});

describe('our prompts', () => {
  it('are all there', () => expect(readdirSync('prompts').sort()).toEqual(promptNames.map((name) => `${name}.md`).sort()));

  it.each(promptNames)('%s is named, described, shows the code, and asks even where nothing else is known', (name) => {
    const file = parsePromptFile(readFileSync(`prompts/${name}.md`, 'utf8'), `prompts/${name}.md`);
    expect(file.name).toMatch(/^[A-Z][a-z ]+$/);
    expect(file.description).toMatch(/\.$/);
    const all = Object.fromEntries(placeholders.map((word) => [word, `<${word}>`]));
    const filled = fillPrompt(file, all);
    expect(filled).toContain('<selection>');
    expect(filled).not.toContain('{{');
    expect(fillPrompt(file, { selection: '<selection>' })).toMatch(/<selection>[^]*(Explain|Write|Find)[^]*\.$/);
  });
});
