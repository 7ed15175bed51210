// The element that shows an answer: one child for each block. What is finished is left alone; the open block is made anew, code grows at its end.
import type { ViewContext } from '../context.ts';
import { BlockStream, type Block } from './blocks.ts';
import { CodeBlock } from './codeBlock.ts';
import { nodesOf } from './markdown.ts';

export class AnswerText extends HTMLElement {
  /** Set before the text. */
  context!: ViewContext;
  #stream = new BlockStream();
  #text = '';
  #ended = false;
  /** Of each child its code, if it is code, whether it is finished, and what it was made from (of code: the language). */
  #shown: { code: CodeBlock | null; finished: boolean; source: string }[] = [];
  readonly #step = (): boolean => this.#work();

  /** The whole text so far, and whether more may come. */
  set content({ text, ended }: { text: string; ended: boolean }) {
    if (text === this.#text && ended === this.#ended) return;
    const goesOn = !this.#ended && text.length >= this.#text.length && text.startsWith(this.#text);
    if (!goesOn) this.#restart();
    this.#stream.push(text.slice(this.#text.length));
    this.#text = text;
    this.#ended = ended;
    if (ended) this.#stream.end();
    this.context.frames.take(this.#step);
  }

  disconnectedCallback(): void {
    this.context?.frames.drop(this.#step);
  }

  #restart(): void {
    this.#stream = new BlockStream();
    this.#text = '';
    this.#shown = [];
    this.replaceChildren();
  }

  #work(): boolean {
    const more = this.#stream.step();
    const { blocks, finished } = this.#stream;
    while (this.#shown.length > blocks.length) {
      this.lastElementChild!.remove();
      this.#shown.pop();
    }
    const first = this.#shown.findIndex((each) => !each.finished);
    for (let index = first < 0 ? this.#shown.length : first; index < blocks.length; index++) this.#show(index, blocks[index], index < finished);
    return more;
  }

  #show(index: number, block: Block, finished: boolean): void {
    let shown = this.#shown[index];
    if (block.kind === 'code') {
      // The language is known for sure with the end of its line.
      if (!shown?.code || shown.source !== block.language) {
        const code = new CodeBlock(this.context, block.language);
        this.#place(index, code.element);
        shown = this.#shown[index] = { code, finished, source: block.language };
      }
      shown.code!.update(block.text, block.partial, this.#stream.mayClose ? '' : block.partial, finished || !block.open);
    } else {
      const source = `${block.kind} ${block.text}`;
      if (!shown || shown.code || shown.source !== source) {
        const element = document.createElement('div');
        element.className = block.kind === 'plain' ? 'block plain' : 'block';
        if (block.kind === 'plain') element.textContent = block.text;
        else element.append(this.#nodes(block.text));
        // The element stays, so that a selection around it does.
        if (shown && !shown.code && this.children[index].className === element.className) this.children[index].replaceChildren(...element.childNodes);
        else this.#place(index, element);
        shown = this.#shown[index] = { code: null, finished, source };
      }
    }
    shown.finished = finished;
  }

  #place(index: number, element: Element): void {
    const old = this.children[index];
    if (old) old.replaceWith(element);
    else this.append(element);
  }

  #nodes(source: string): DocumentFragment {
    return nodesOf(source, {
      code: (language, text) => {
        const code = new CodeBlock(this.context, language);
        code.update(text, '', '', true);
        return code.element;
      },
      wide: (table) => {
        const box = document.createElement('div');
        box.className = 'wide';
        box.tabIndex = 0;
        box.setAttribute('role', 'group');
        box.setAttribute('aria-label', this.context.say('Table'));
        box.append(table);
        return box;
      },
    });
  }
}

customElements.define('answer-text', AnswerText);
