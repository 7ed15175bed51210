// A conversation through all that happens to it, what the model reads of it, and how it lies on disk.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConversation, serialise } from '../../src/chat/historyFile.ts';
import { dropOldest, messagesOf } from '../../src/chat/turnMessages.ts';
import { append, ask, continuable, edit, finish, goOn, newConversation, regenerate, rename, titleOf, truncate, turnView, type Attachment, type Conversation } from '../../src/chat/turns.ts';

const file = (text: string, refused: string | null = null): Attachment => ({ id: `f-${text}`, kind: 'file', label: 'a.ts', detail: 'src/a.ts', text, tokens: 3, refused });

/** "q" asks, "a" is an answer to it that ended so. */
function conversation(...exchanges: [q: string, a: string, state?: 'done' | 'stopped' | 'cut' | 'failed'][]): Conversation {
  return exchanges.reduce((before, [q, a, state = 'done'], i) => {
    const asked = ask(before, { question: `q${i}`, answer: `a${i}`, text: q }, i);
    return finish(a === '' ? asked : append(asked, `a${i}`, { text: a, reasoning: '' }), `a${i}`, { state }, i);
  }, newConversation('c', 0));
}

function check(of: Conversation, expected: readonly string[], options: { continues?: boolean; system?: string } = {}): void {
  const sent = messagesOf(of, options.system ?? '', options);
  expect(sent.map(({ role, content }) => `${role[0]}:${content}`)).toEqual(expected);
}

describe('what the model reads', () => {
  it('is the system text, what goes with a question, the question, and what was answered', () => {
    const first = ask(newConversation('c', 0), { question: 'q', answer: 'a', text: 'Why?', attachments: [file('ONE'), file('TWO', 'Too long.'), file('THREE')] }, 1);
    check(first, ['s:Be brief.', 'u:ONE\n\nTHREE\n\nWhy?'], { system: 'Be brief.' });
    const answered = finish(append(first, 'a', { text: 'So.', reasoning: 'hm' }), 'a', { state: 'done' }, 2);
    check(ask(answered, { question: 'q2', answer: 'a2', text: 'And?' }, 3), ['u:ONE\n\nTHREE\n\nWhy?', 'a:So.', 'u:And?']);
  });

  it('is the text of a prompt file where the question is short for it', () => {
    check(ask(newConversation('c', 0), { question: 'q', answer: 'a', text: 'Explain f', prompt: 'Explain this:\ncode' }, 1), ['u:Explain this:\ncode']);
  });

  it('has the stopped answer, and none that has no word', () => {
    const stopped = ask(conversation(['A', 'half', 'stopped'], ['B', '', 'failed']), { question: 'q', answer: 'a', text: 'C' }, 9);
    check(stopped, ['u:A', 'a:half', 'u:B\n\nC']);
  });

  it('ends with the answer that goes on', () => {
    const cut = goOn(conversation(['A', 'half', 'cut']), 5)!;
    check(cut, ['u:A', 'a:half'], { continues: true });
    check(cut, ['u:A']);
  });

  it('takes turns, begins with a question and ends with one, whatever happened', () => {
    const exchange = fc.tuple(fc.constantFrom('A', 'B'), fc.constantFrom('', ' ', 'x', 'y'), fc.constantFrom('done' as const, 'stopped' as const, 'cut' as const, 'failed' as const));
    fc.assert(
      fc.property(fc.array(exchange, { maxLength: 8 }), fc.nat(6), (exchanges, dropped) => {
        const asked = ask(dropOldest(conversation(...exchanges), dropped), { question: 'q', answer: 'a', text: 'last' }, 99);
        const roles = messagesOf(asked, '').map(({ role }) => role);
        expect(roles).toEqual(roles.map((_, i) => (i % 2 === 0 ? 'user' : 'assistant')));
        expect(roles.at(-1)).toBe('user');
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

describe('a conversation longer than the context', () => {
  const long = conversation(['A', '1'], ['B', '', 'failed'], ['C', '3'], ['D', '4']);
  const dropped = (of: Conversation) => of.turns.filter((turn) => turn.dropped).map(({ id }) => id);

  it('leaves out the oldest messages and marks their turns', () => {
    expect(dropped(dropOldest(long, 0))).toEqual([]);
    expect(dropped(dropOldest(long, 2))).toEqual(['q0', 'a0']);
    expect(dropped(dropOldest(long, 4))).toEqual(['q0', 'a0', 'q1', 'a1', 'q2', 'a2']);
    expect(dropped(dropOldest(dropOldest(long, 2), 2))).toEqual(['q0', 'a0', 'q1', 'a1', 'q2', 'a2']);
    check(dropOldest(long, 2), ['u:B\n\nC', 'a:3', 'u:D', 'a:4']);
  });

  it('never begins with an answer', () => {
    expect(dropped(dropOldest(long, 1))).toEqual(['q0', 'a0']);
    check(dropOldest(long, 3), ['u:D', 'a:4']);
  });
});

describe('a turn', () => {
  it('goes on where it was stopped or cut, not where it was done', () => {
    expect(continuable(conversation(['A', 'half', 'cut']))?.id).toBe('a0');
    expect(continuable(conversation(['A', 'half', 'stopped']))?.id).toBe('a0');
    expect(continuable(conversation(['A', 'all']))).toBeNull();
    expect(goOn(conversation(['A', '', 'failed']), 1)).toBeNull();
  });

  it('is answered anew, without what followed', () => {
    const again = regenerate(conversation(['A', '1'], ['B', '2'], ['C', '3']), 'a1', 'new', 9)!;
    expect(again.turns.map(({ id }) => id)).toEqual(['q0', 'a0', 'q1', 'new']);
    check(again, ['u:A', 'a:1', 'u:B']);
    expect(regenerate(again, 'q0', 'x', 9)).toBeNull();
    expect(regenerate(again, 'gone', 'x', 9)).toBeNull();
  });

  it('is asked anew with another text and what went with it', () => {
    const first = ask(conversation(['A', '1']), { question: 'q', answer: 'a', text: 'B', attachments: [file('ONE')] }, 3);
    check(edit(first, 'q', { question: 'q2', answer: 'a2', text: 'C' }, 4)!, ['u:A', 'a:1', 'u:ONE\n\nC']);
    expect(edit(dropOldest(first, 2), 'q0', { question: 'q2', answer: 'a2', text: 'C' }, 4)).toBeNull();
    expect(truncate(first, 'q0', 4).turns).toEqual([]);
  });

  it('that is gone is not written to', () => {
    const left = truncate(conversation(['A', '1']), 'q0', 1);
    expect(append(left, 'a0', { text: 'x', reasoning: '' }).turns).toEqual([]);
    expect(finish(left, 'a0', { state: 'done' }, 2).turns).toEqual([]);
  });

  it('is shown without the text of what goes with it, and its progress only while it reads', () => {
    const [question, answer] = ask(newConversation('c', 0), { question: 'q', answer: 'a', text: 'Why?', attachments: [file('ONE')] }, 1).turns;
    expect(turnView(question)).toEqual({ role: 'user', id: 'q', text: 'Why?', attachments: [{ id: 'f-ONE', kind: 'file', label: 'a.ts', detail: 'src/a.ts', tokens: 3, refused: null }], dropped: false });
    const reading = { done: 1, total: 2, secondsLeft: null };
    expect(turnView(answer, reading)).toMatchObject({ state: 'waiting', reading: null });
    expect(turnView({ ...answer, state: 'reading' } as typeof answer, reading)).toMatchObject({ state: 'reading', reading });
  });
});

describe('the title', () => {
  it.each([
    ['What does this do?', 'What does this do?'],
    ['  Why\n\nis `x`  **slow**? ', 'Why is x slow?'],
    ['```ts\nlet x;\n```', 'let x;'],
    [`${'word '.repeat(30)}`, `${'word '.repeat(11)}word…`],
    ['x'.repeat(100), `${'x'.repeat(60)}…`],
    ['', ''],
  ])('of %j is %j', (text, title) => expect(titleOf(conversation([text, 'a']))).toBe(title));

  it('is the name that it was given', () => {
    expect(titleOf(rename(conversation(['A', 'a']), ' Mine ', 1))).toBe('Mine');
    expect(titleOf(rename(conversation(['A', 'a']), ' ', 1))).toBe('A');
  });

  it('is what was attached when nothing was typed', () => {
    expect(titleOf(ask(newConversation('c', 0), { question: 'q', answer: 'a', text: '', attachments: [file('ONE')] }, 1))).toBe('a.ts');
  });
});

describe('on disk', () => {
  const whole = finish(append(ask(rename(conversation(['A', '1'], ['B', '', 'failed']), 'n', 4), { question: 'q', answer: 'a', text: 'C 🦙', prompt: 'P', attachments: [file('ONE'), file('TWO', 'Too long.')] }, 5), 'a', { text: 'x', reasoning: 'y' }), 'a', { state: 'cut', note: 'n', figures: { reused: 1, computed: 2, written: 3, firstWord: 0.5, rate: 9 } }, 6);

  it('it comes back as it was', () => expect(parseConversation(serialise(dropOldest(whole, 2)))).toEqual(dropOldest(whole, 2)));

  it('an answer under way was stopped', () => {
    expect(parseConversation(serialise(goOn(whole, 7)!))?.turns.at(-1)).toMatchObject({ state: 'stopped', text: 'x', note: null });
  });

  it('a damaged file is no conversation, and no failure', () => {
    const text = serialise(whole);
    for (const bad of ['', 'null', '[]', '1', '{}', text.slice(0, -1), text.replace('"version":1', '"version":2'), text.replace('"done"', '"undone"'), text.replace('"q1"', '"q0"'), text.replace('"text"', '"txt"'), '['.repeat(100_000)]) {
      expect(parseConversation(bad)).toBeNull();
    }
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(20), fc.string({ maxLength: 5 }), (at, length, instead) => {
        const read = parseConversation(text.slice(0, at) + instead + text.slice(at + length));
        if (read !== null) expect(messagesOf(read, '').length).toBeGreaterThanOrEqual(0);
      }),
      { seed: 2, numRuns: 2000 },
    );
    fc.assert(fc.property(fc.json(), (json) => void expect(parseConversation(json)).toBeNull()), { seed: 3 });
  });
});
