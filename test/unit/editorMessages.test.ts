import { beforeEach, describe, expect, it } from 'vitest';
import { localise, withoutFolders } from '../../src/editor/messages.ts';
import { showTroubles } from '../../src/editor/notices.ts';
import type { Trouble } from '../../src/editor/runtime.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { sampleErrors } from '../support/errorSamples.ts';
import { EventEmitter, fake } from '../support/fakeVscode.ts';
import { until } from '../support/until.ts';

beforeEach(() => fake.reset());
const cases = sampleErrors().map((error) => [error.code, error] as const);
const words = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\d._/-]+/gu));

describe('the sentence that the user reads', () => {
  it.each(cases)('for %s is one sentence or two, holds what identifies the thing, and leaves no placeholder', (code, error) => {
    const sentence = localise(error);
    expect(sentence).toMatch(/^[^\n{}]+\.$/u);
    for (const arg of error.args) if (typeof arg === 'string' && !arg.includes(' ') && !['usage', 'internal'].includes(code)) expect(sentence).toContain(arg);
  });

  it.each(cases.filter(([code]) => !['usage', 'internal', 'cancelled', 'workerDied'].includes(code)))('for %s says mostly what the catalogue says', (_, error) => {
    const ours = [...words(localise(error))];
    const theirs = words(error.message);
    expect(ours.filter((word) => theirs.has(word)).length / ours.length).toBeGreaterThan(0.5);
  });
});

describe('a sentence for reports', () => {
  it.each([
    ['/home/jane doe/secret project/model.gguf', 'There is no file at model.gguf: check the path.'],
    ['C:\\Users\\Jane Doe\\model.gguf', 'There is no file at model.gguf: check the path.'],
    ['model.gguf', 'There is no file at model.gguf: check the path.'],
  ])('names no folder of %s', (path, expected) => {
    expect(withoutFolders(new DeltaError('fileMissing', path))).toBe(expected);
  });

  it('names none of a list, and none in what a library said', () => {
    expect(withoutFolders(new DeltaError('addonMissing', 'linux-x64', '/home/jane/a.node (/home/jane/lib.so: cannot open), /opt/b.node'))).toBe(
      'The native part of DeltaLLM could not be loaded for linux-x64; tried: a.node (lib.so: cannot open), b.node.');
    expect(withoutFolders(new Error("Cannot find module '/home/jane/x/worker.js'"))).not.toContain('jane');
  });
});

describe('what is offered with a failure', () => {
  const said = (trouble: Trouble) => {
    const troubled = new EventEmitter<Trouble>();
    showTroubles({ onTrouble: troubled.event, restart: async () => {}, forgiveCrash: async () => {} } as never, () => {});
    troubled.fire(trouble);
    return fake.messages[0];
  };

  it.each(['failed', 'standIn'] as const)('of a model file is the setting that names it (%s)', (kind) => {
    fake.click = 'Open Setting';
    const { text, buttons } = said({ kind, error: new DeltaError('fileMissing', '/gone.gguf') });
    expect(buttons).toEqual(['Open Setting', 'Show Log']);
    expect(text).toMatch(kind === 'standIn' ? /^There is no file at \/gone\.gguf: check the path\. The embedded model completes meanwhile\.$/ : /check the path\.$/);
  });

  it('opens that setting', async () => {
    fake.click = 'Open Setting';
    said({ kind: 'standIn', error: new DeltaError('notGguf', '/a.gguf', 'x') });
    await until(() => expect(fake.executed).toEqual([{ id: 'workbench.action.openSettings', args: ['deltallm.model.path'] }]));
  });

  it('of anything else is a restart', () => {
    expect(said({ kind: 'failed', error: new DeltaError('workerDied', 'x') }).buttons).toEqual(['Restart', 'Show Log']);
  });
});
