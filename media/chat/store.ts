// What the host told, in order: messages are applied by their number, and where one is missing the view asks for the rest.
import { CHAT_PROTOCOL, type ChatChange, type ChatState, type ChatWords, type FromChatView, type ToChatView, type TurnView } from '../../src/shared/chatProtocol.ts';

export class ChatStore {
  state: ChatState | null = null;
  words: ChatWords = {};
  readonly #post: (message: FromChatView) => void;
  readonly #changed: () => void;
  #epoch: string | null = null;
  #seq = 0;
  /** True from a hello until what it asked for has come. */
  #asked = false;

  /** `changed` is called after every message that changed something. A turn that changed is another object than before. */
  constructor(post: (message: FromChatView) => void, changed: () => void) {
    this.#post = post;
    this.#changed = changed;
  }

  get epoch(): string | null {
    return this.#epoch;
  }

  hello(): void {
    this.#asked = true;
    this.#post({ type: 'hello', protocol: CHAT_PROTOCOL, epoch: this.#epoch, seq: this.#seq });
  }

  receive(message: ToChatView): void {
    if (message.type === 'state') {
      if (message.protocol !== CHAT_PROTOCOL) return;
      this.#epoch = message.epoch;
      this.#seq = message.seq;
      this.#asked = false;
      this.state = { ...message.state, turns: [...message.state.turns] };
      this.words = message.words;
      this.#changed();
    } else if (message.type === 'change') {
      // Before the first state there is nothing that could change, and the hello of the start is under way.
      if (this.state === null) return;
      if (message.epoch === this.#epoch && message.seq <= this.#seq) return;
      if (message.epoch !== this.#epoch || message.seq !== this.#seq + 1) {
        if (!this.#asked) this.hello();
        return;
      }
      if (apply(this.state, message.change)) {
        this.#seq = message.seq;
        this.#asked = false;
        this.#changed();
      } else {
        // A change of a turn that is not here: what is shown is of no use.
        this.#epoch = null;
        this.#seq = 0;
        this.hello();
      }
    }
  }
}

/** False if the change speaks of a turn that there is not. */
function apply(state: ChatState, change: ChatChange): boolean {
  const { turns } = state;
  const find = (id: string) => turns.findLastIndex((turn) => turn.id === id);
  if (change.kind === 'surroundings') {
    Object.assign(state, change.surroundings);
    return true;
  }
  if (change.kind === 'turn') {
    const index = find(change.turn.id);
    turns[index < 0 ? turns.length : index] = change.turn;
    return true;
  }
  const index = find(change.turn);
  if (index < 0) return false;
  if (change.kind === 'truncate') {
    turns.length = index;
    return true;
  }
  const turn: TurnView = turns[index];
  if (turn.role !== 'assistant') return false;
  turns[index] = change.kind === 'append' ? { ...turn, text: turn.text + change.text } : { ...turn, reasoning: turn.reasoning + change.text };
  return true;
}
