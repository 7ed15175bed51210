// What a page may say to the extension: everything else is dropped.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromView, MOST_CHARACTERS } from '../../src/editor/chat/fromView.ts';
import type { FromChatView } from '../../src/shared/chatProtocol.ts';

const all: FromChatView[] = [
  { type: 'hello', protocol: 1, epoch: null, seq: 0 }, { type: 'hello', protocol: 1, epoch: 'e', seq: 7 }, { type: 'ask', text: 'a' }, { type: 'edit', turn: 't', text: 'a' }, { type: 'stop' },
  { type: 'continue' }, { type: 'regenerate', turn: 't' }, { type: 'typing', text: '' }, { type: 'attach' }, { type: 'detach', id: 'x' }, { type: 'code', action: 'apply', language: 'ts', text: 'a' },
  { type: 'copyAnswer', turn: 't' }, { type: 'useModel', offer: 'o' }, { type: 'chooseFile' }, { type: 'findModels' }, { type: 'retry' }, { type: 'newConversation' }, { type: 'history' },
  { type: 'open', href: 'https://example.org' },
];

describe('a message from the page', () => {
  it.each(all.map((message) => [message.type, message]))('%s is taken as it is, without what does not belong to it', (_, message) => {
    expect(fromView(message)).toEqual(message);
    expect(fromView({ ...(message as object), command: 'workbench.action.quit', __proto__: { x: 1 } })).toEqual(message);
  });

  it.each(all.flatMap((message) => Object.keys(message).map((field) => [message.type, field, message] as const)))('%s is nothing with a wrong %s', (_, field, message) => {
    for (const wrong of [undefined, {}, [], -1, 1.5, Number.NaN, 'x'.repeat(MOST_CHARACTERS + 1), () => {}]) expect(fromView({ ...message, [field]: wrong })).toBeNull();
    const { [field as keyof FromChatView]: _gone, ...rest } = message;
    expect(fromView(rest)).toBeNull();
  });

  it('of any other kind is nothing, and nothing is thrown', () => {
    fc.assert(fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), (value) => {
      const message = fromView(value);
      expect(message === null || all.some(({ type }) => type === message.type)).toBe(true);
    }));
    for (const type of ['constructor', '__proto__', 'toString', 'state', 'focus', '']) expect(fromView({ type })).toBeNull();
  });
});
