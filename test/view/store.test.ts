import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChatStore } from '../../media/chat/store.ts';
import { CHAT_PROTOCOL, type ChatChange, type ChatState, type FromChatView, type ToChatView } from '../../src/shared/chatProtocol.ts';
import { answer, chat, question } from './support/states.ts';

function started(turns: ChatState['turns'] = [question(), answer({ state: 'writing' })]) {
  const posted: FromChatView[] = [];
  const seen = { changes: 0 };
  const store = new ChatStore((message) => posted.push(message), () => seen.changes++);
  store.receive({ type: 'state', protocol: CHAT_PROTOCOL, epoch: 'e', seq: 4, state: chat({ turns }), words: {} });
  return { store, posted, seen };
}

const change = (seq: number, what: ChatChange, epoch = 'e'): ToChatView => ({ type: 'change', epoch, seq, change: what });
const append = (seq: number, text: string, epoch = 'e') => change(seq, { kind: 'append', turn: 'r1', text }, epoch);
const textOf = (store: ChatStore) => (store.state!.turns[1] as { text: string }).text;

describe('what the host told', () => {
  it('is asked for at the start, and anew with the number of the last that came', () => {
    const { store, posted } = started();
    store.hello();
    expect(posted).toEqual([{ type: 'hello', protocol: CHAT_PROTOCOL, epoch: 'e', seq: 4 }]);
  });

  it('is applied in its order, and once', () => {
    const { store, posted } = started();
    for (const message of [append(5, 'a'), append(5, 'a'), append(6, 'b'), append(4, 'x')]) store.receive(message);
    expect(textOf(store)).toBe('ab');
    expect(posted).toEqual([]);
  });

  it('is asked for once where something is missing, and goes on with the rest', () => {
    const { store, posted } = started();
    for (const message of [append(6, 'b'), append(7, 'c')]) store.receive(message);
    expect(posted).toEqual([{ type: 'hello', protocol: CHAT_PROTOCOL, epoch: 'e', seq: 4 }]);
    for (const message of [append(5, 'a'), append(6, 'b'), append(7, 'c')]) store.receive(message);
    expect(textOf(store)).toBe('abc');
    expect(posted).toHaveLength(1);
  });

  it('is asked for where it belongs to another conversation', () => {
    const { store, posted } = started();
    store.receive(append(5, 'x', 'other'));
    expect(textOf(store)).toBe('');
    expect(posted).toHaveLength(1);
    store.receive({ type: 'state', protocol: CHAT_PROTOCOL, epoch: 'other', seq: 9, state: chat(), words: {} });
    expect([store.epoch, store.state!.turns]).toEqual(['other', []]);
  });

  it('is asked for as a whole where it speaks of what is not here', () => {
    const { store, posted } = started();
    store.receive(change(5, { kind: 'append', turn: 'nobody', text: 'x' }));
    expect(posted).toEqual([{ type: 'hello', protocol: CHAT_PROTOCOL, epoch: null, seq: 0 }]);
  });

  it('is not shown in another version of the messages', () => {
    const { store, seen } = started();
    store.receive({ type: 'state', protocol: CHAT_PROTOCOL + 1, epoch: 'new', seq: 1, state: chat(), words: {} });
    expect([store.epoch, seen.changes]).toEqual(['e', 1]);
  });

  it('replaces, adds and takes away turns, and what surrounds them', () => {
    const { store } = started();
    store.receive(change(5, { kind: 'turn', turn: answer({ text: 'whole' }) }));
    store.receive(change(6, { kind: 'turn', turn: question({ id: 'q2' }) }));
    store.receive(change(7, { kind: 'reasoning', turn: 'r1', text: 'hm' }));
    expect(store.state!.turns).toMatchObject([{ id: 'q1' }, { id: 'r1', text: 'whole', reasoning: 'hm' }, { id: 'q2' }]);
    store.receive(change(8, { kind: 'truncate', turn: 'r1' }));
    const { turns: _, ...surroundings } = chat({ title: 'other', kept: true });
    store.receive(change(9, { kind: 'surroundings', surroundings }));
    expect(store.state).toMatchObject({ title: 'other', kept: true, turns: [{ id: 'q1' }] });
  });

  it('makes a changed turn another object, and leaves the others', () => {
    const { store } = started();
    const [asked, answered] = store.state!.turns;
    store.receive(append(5, 'a'));
    expect(store.state!.turns[0]).toBe(asked);
    expect(store.state!.turns[1]).not.toBe(answered);
  });
});

it('whatever is lost, repeated or out of order, the view ends with what the host has', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1, maxLength: 3 }), { maxLength: 20 }), fc.array(fc.nat(9), { maxLength: 200 }), (texts, fate) => {
      const messages = texts.map((text, index) => append(5 + index, text));
      const inbox: ToChatView[] = [];
      // The host answers a hello with the rest.
      const store = new ChatStore((message) => message.type === 'hello' && inbox.push(...(message.epoch === 'e' ? messages.slice(message.seq - 4) : [whole])), () => {});
      const whole: ToChatView = { type: 'state', protocol: CHAT_PROTOCOL, epoch: 'e', seq: 4, state: chat({ turns: [question(), answer()] }), words: {} };
      store.receive(whole);
      messages.forEach((message, index) => {
        const kind = fate[index] ?? 0;
        if (kind > 2) inbox.push(message);
        if (kind > 7) inbox.push(message);
        if (kind === 5) inbox.reverse();
        while (inbox.length > 0 && kind !== 4) store.receive(inbox.shift()!);
      });
      // What is shown last: the view is opened anew.
      store.hello();
      while (inbox.length > 0) store.receive(inbox.shift()!);
      expect(textOf(store)).toBe(texts.join(''));
    }),
  );
});
