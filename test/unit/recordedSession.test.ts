// Every recorded session can be played to its end; what a line may say is checked when it is read.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseSession, PlayedDocuments, type Action } from '../../src/eval/recordedSession.ts';

const folder = 'test/fixtures/sessions';
const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));

/** The text and the cursor after each key. */
function play(actions: readonly Action[]): string[] {
  const documents = new PlayedDocuments();
  const states: string[] = [];
  for (const action of actions) {
    if (action.do === 'open') documents.open(action.as, readFileSync(`${folder}/${action.file}`, 'utf8'));
    for (const _ of documents.play(action, 'suggested')) states.push(`${documents.snapshot.before}|${documents.snapshot.after}`);
  }
  return states;
}

describe('a recorded session', () => {
  it('is there of every kind', () => expect(names.length).toBeGreaterThanOrEqual(8));

  it.each(names)('%s plays to its end', (name) => {
    const states = play(parseSession(readFileSync(`${folder}/${name}`, 'utf8'), name));
    expect(states.length).toBeGreaterThan(10);
  });

  it('types, undoes and does again what somebody did', () => {
    const documents = new PlayedDocuments();
    documents.open('/a.ts', 'one two one');
    const all = (actions: Action[]) => actions.forEach((action) => [...documents.play(action, '!')]);
    const text = () => `${documents.snapshot.before}|${documents.snapshot.after}`;
    all([{ do: 'cursor', behind: 'one', nth: 2 }, { do: 'type', text: ' ab' }, { do: 'delete', count: 1 }, { do: 'accept' }]);
    expect(text()).toBe('one two one a!|');
    all([{ do: 'undo', count: 2 }]);
    expect(text()).toBe('one two one|');
    all([{ do: 'redo' }, { do: 'rename', text: 'one', with: '1' }, { do: 'move', from: ' two', to: ' ', behind: '1 a' }]);
    expect(text()).toBe('11 a two |');
    all([{ do: 'undo' }, { do: 'undo' }]);
    expect(text()).toBe('one two one a|');
  });

  it.each(['{"do":"dance"}', '{"do":"type"}', 'type', 'null', '{"do":"delete","count":"3"}', '{"do":"constructor"}'])('does not take %s for an action', (line) =>
    expect(() => parseSession(`{"do":"pause"}\n\n${line}`, 'x')).toThrowError(expect.objectContaining({ code: 'fileUnreadable' }) as Error));
});
