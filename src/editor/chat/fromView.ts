// What the chat's page sends is checked before it is believed.
import type { FromChatView } from '../../shared/chatProtocol.ts';
import { among, checkedMessage, count, name, nameOrNull, type Check, type Shapes } from '../checkedMessage.ts';

/** Above what anybody types or pastes as a question; a code block of an answer is shorter still. */
export const MOST_CHARACTERS = 400_000;
const MOST_IN_LINK = 4096;

const text: Check = (value) => typeof value === 'string' && value.length <= MOST_CHARACTERS;
const link: Check = (value) => typeof value === 'string' && value.length <= MOST_IN_LINK;

const shapes: Shapes<FromChatView> = {
  hello: { protocol: count, epoch: nameOrNull, seq: count },
  ask: { text },
  edit: { turn: name, text },
  stop: {},
  continue: {},
  regenerate: { turn: name },
  typing: { text },
  attach: {},
  detach: { id: name },
  code: { action: among('copy', 'insert', 'apply'), language: name, text },
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
export const fromView = (message: unknown): FromChatView | null => checkedMessage(shapes, message);
