// What a page sends is checked before it is believed: the messages of the protocol with their own fields and of bounded size. Anything else is nothing.
import type { FromChatView } from '../../shared/chatProtocol.ts';

/** Above what anybody types or pastes as a question; a code block of an answer is shorter still. */
export const MOST_CHARACTERS = 400_000;
const MOST_IN_NAME = 200;
const MOST_IN_LINK = 4096;

type Check = (value: unknown) => boolean;
const text: Check = (value) => typeof value === 'string' && value.length <= MOST_CHARACTERS;
const name: Check = (value) => typeof value === 'string' && value.length <= MOST_IN_NAME;
const nameOrNull: Check = (value) => value === null || name(value);
const link: Check = (value) => typeof value === 'string' && value.length <= MOST_IN_LINK;
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const action: Check = (value) => value === 'copy' || value === 'insert' || value === 'apply';

type Fields<T extends FromChatView['type']> = Record<Exclude<keyof Extract<FromChatView, { type: T }>, 'type'>, Check>;

const shapes: { readonly [T in FromChatView['type']]: Fields<T> } = {
  hello: { protocol: count, epoch: nameOrNull, seq: count },
  ask: { text },
  edit: { turn: name, text },
  stop: {},
  continue: {},
  regenerate: { turn: name },
  typing: { text },
  attach: {},
  detach: { id: name },
  code: { action, language: name, text },
  copyAnswer: { turn: name },
  useModel: { offer: name },
  chooseFile: {},
  findModels: {},
  retry: {},
  newConversation: {},
  history: {},
  open: { href: link },
};

/** A message with nothing in it but its own fields; null for what is none. */
export function fromView(message: unknown): FromChatView | null {
  if (typeof message !== 'object' || message === null) return null;
  const { type } = message as { type?: unknown };
  if (typeof type !== 'string' || !Object.hasOwn(shapes, type)) return null;
  const fields = Object.entries<Check>(shapes[type as FromChatView['type']]);
  const given = message as Record<string, unknown>;
  if (!fields.every(([field, check]) => Object.hasOwn(given, field) && check(given[field]))) return null;
  return { type, ...Object.fromEntries(fields.map(([field]) => [field, given[field]])) } as unknown as FromChatView;
}
