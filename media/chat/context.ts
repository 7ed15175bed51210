// What every part of the view works with.
import type { FromChatView } from '../../src/shared/chatProtocol.ts';
import type { Frames } from './frames.ts';
import type { Numbers } from './numbers.ts';
import type { ChatText } from '../../src/shared/chatWords.ts';
import type { Say } from '../speak.ts';

export interface ViewContext {
  say: Say<ChatText>;
  numbers: Numbers;
  frames: Frames;
  post(message: FromChatView): void;
  /** Tells on the button, and to screen readers, that the text was copied. */
  copied(button: HTMLButtonElement): void;
}
