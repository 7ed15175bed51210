// Code in an answer: its language, what can be done with it, and the code, which grows at its end in pages of bounded size.
import type { ViewContext } from '../context.ts';
import { visibleCode } from './visible.ts';
import { highlighted } from './highlight.ts';
import { addToVolume } from './volumes.ts';

/** Lines and characters of one page, about: as much is coloured anew when a line comes. */
const PAGE_LINES = 40;
const PAGE_CHARACTERS = 4096;
/** Code up to this many characters is coloured as a whole when it is finished, without seams. */
const WHOLE = 6144;
/** Characters of a line that are shown. The actions work on all of them. */
const LINE = 1000;

export class CodeBlock {
  readonly element = document.createElement('div');
  readonly #context: ViewContext;
  readonly #language: string;
  readonly #code = document.createElement('code');
  /** They work on whole code only. */
  readonly #acting: HTMLButtonElement[] = [];
  #text = '';
  #partial = '';
  /** Characters of the text that lie in pages before the open one. */
  #paged = 0;
  #page: HTMLElement | undefined;
  #closed = false;

  constructor(context: ViewContext, language: string) {
    this.#context = context;
    this.#language = language;
    const { say } = context;
    this.element.className = 'code';
    this.element.setAttribute('role', 'group');
    this.element.setAttribute('aria-label', language ? say('Code, {0}', language) : say('Code'));
    const head = document.createElement('div');
    head.className = 'codeHead';
    const name = document.createElement('span');
    name.className = 'language';
    name.textContent = language;
    const actions = document.createElement('span');
    actions.className = 'actions';
    actions.append(this.#action('copy', say('Copy')), this.#action('insert', say('Insert'), say('Insert at the cursor')), this.#action('apply', say('Apply'), say('Apply to the file and show what changes')));
    head.append(name, actions);
    const box = document.createElement('pre');
    box.tabIndex = 0;
    box.append(this.#code);
    this.element.append(head, box);
  }

  #action(action: 'copy' | 'insert' | 'apply', label: string, title = ''): HTMLButtonElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'quiet';
    button.textContent = label;
    button.title = title;
    button.addEventListener('click', () => {
      this.#context.post({ type: 'code', action, language: this.#language, text: this.#text + this.#partial });
      if (action === 'copy') this.#context.copied(button);
    });
    if (action !== 'copy') {
      button.disabled = true;
      this.#acting.push(button);
    }
    return button;
  }

  /**
   * `text` begins with the text of before. `shown`: the part of the open line that is shown already. False: pages are left, which the next call shows.
   */
  update(text: string, partial: string, shown: string, closed: boolean, pages = 1): boolean {
    if (this.#closed) return true;
    this.#text = text;
    this.#partial = partial;
    if (!this.#turnPages(text, pages)) return false;
    const seams = this.#paged > 0;
    this.#page ??= this.#newPage();
    if (closed && seams && text.length <= WHOLE) {
      this.#code.replaceChildren();
      this.#fill(this.#newPage(), text);
    } else this.#fill(this.#page, text.slice(this.#paged) + shown);
    this.#closed = closed;
    if (closed) for (const button of this.#acting) button.disabled = false;
    return true;
  }

  /** Finishes pages that are full, as many as that. False: there are more. */
  #turnPages(text: string, pages: number): boolean {
    for (let turned = 0; ; turned++) {
      let end = this.#paged;
      for (let line = 0; line < PAGE_LINES && end >= 0 && end - this.#paged < PAGE_CHARACTERS; line++) end = text.indexOf('\n', end) + 1 || -1;
      if (end < 0 || end >= text.length) return true;
      if (turned >= pages) return false;
      this.#fill(this.#page ?? this.#newPage(), text.slice(this.#paged, end));
      this.#paged = end;
      this.#page = undefined;
    }
  }

  #newPage(): HTMLElement {
    this.#page = document.createElement('span');
    this.#page.className = 'page';
    addToVolume(this.#code, this.#page, 'span', 'pages');
    return this.#page;
  }

  #fill(page: HTMLElement, text: string): void {
    const lines = text.replace(/\n$/, '').split('\n');
    const long = lines.some((line) => line.length > LINE);
    const nodes = long ? undefined : highlighted(visibleCode(lines.join('\n')), this.#language);
    if (nodes) page.replaceChildren(...nodes);
    else page.replaceChildren(...lines.flatMap((line, index) => [...(index > 0 ? ['\n'] : []), ...this.#shownLine(line)]));
  }

  #shownLine(line: string): (Node | string)[] {
    if (line.length <= LINE) return [visibleCode(line)];
    const rest = document.createElement('span');
    rest.className = 'longer';
    const { say, numbers } = this.#context;
    rest.textContent = ` … ${say('The line goes on for {0} more characters.', numbers.whole(line.length - LINE))}`;
    return [visibleCode(line.slice(0, LINE)), rest];
  }
}
