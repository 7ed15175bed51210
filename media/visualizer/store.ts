// What the host told, in order: messages are applied by their number, and where one is missing the page asks for everything.
import { PANEL_PROTOCOL, type FromPanel, type PanelState, type PanelWords, type ToPanel } from '../../src/shared/panelProtocol.ts';

export class PanelStore {
  state: PanelState | null = null;
  words: PanelWords = {};
  readonly #post: (message: FromPanel) => void;
  readonly #changed: () => void;
  #epoch: string | null = null;
  #seq = 0;
  /** True from a hello until what it asked for has come. */
  #asked = false;

  constructor(post: (message: FromPanel) => void, changed: () => void) {
    this.#post = post;
    this.#changed = changed;
  }

  hello(): void {
    this.#asked = true;
    this.#post({ type: 'hello', protocol: PANEL_PROTOCOL, epoch: this.#epoch, seq: this.#seq });
  }

  receive(message: ToPanel): void {
    if (message.type === 'state') {
      if (message.protocol !== PANEL_PROTOCOL) return;
      this.#epoch = message.epoch;
      this.#seq = message.seq;
      this.#asked = false;
      this.state = message.state;
      this.words = message.words;
      this.#changed();
    } else if (message.type === 'change' && this.state) {
      if (message.epoch === this.#epoch && message.seq <= this.#seq) return;
      if (message.epoch !== this.#epoch || message.seq !== this.#seq + 1) {
        if (!this.#asked) this.hello();
        return;
      }
      this.#seq = message.seq;
      this.state = { ...this.state, ...message.parts };
      this.#changed();
    }
  }
}
