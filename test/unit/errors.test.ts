// The catalogue: every failure is one sentence that reads well on a command line and in an editor alike.
import { describe, expect, it } from 'vitest';
import { asDeltaError, DeltaError, errorSentences, type ErrorCode } from '../../src/shared/errors.ts';
import { sampleErrors } from '../support/errorSamples.ts';

describe('the sentence', () => {
  it.each(sampleErrors().map((error) => [error.code, error] as const))('for %s is one line, ends as a sentence and names neither options nor scripts', (_, error) => {
    expect(error.message).toMatch(/^[^\n]+\.$/);
    const ours = error.args.reduce<string>((text, arg) => text.replaceAll(String(arg), ''), error.message);
    expect(ours).not.toMatch(/--|npm|deltallm |undefined|\$\{/);
  });

  it('stands in the catalogue once a code, and nowhere else', () => {
    expect(sampleErrors().map(({ code }) => code).sort()).toEqual(Object.keys(errorSentences).sort());
  });

  it('is made again from code and arguments, as they cross from the worker', () => {
    for (const error of sampleErrors()) {
      const { code, args } = structuredClone({ code: error.code, args: [...error.args] }) as { code: ErrorCode; args: never[] };
      expect(new DeltaError(code, ...(args as never)).message).toBe(error.message);
    }
  });

  it('of what is not ours is one line, too', () => {
    expect(asDeltaError(new Error('a\n  at b\u001b[31m')).message).toMatch(/^Something went wrong inside DeltaLLM \(a at b \[31m\): [^\n]+\.$/);
    expect(asDeltaError(Object.assign(new Error('x'), { code: 'outOfMemory' })).code).toBe('outOfMemory');
  });
});
