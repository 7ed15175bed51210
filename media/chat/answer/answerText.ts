// The element that shows an answer: chapters of blocks. What is finished is left alone; the open block is made anew, code grows at its end.
import type { ViewContext } from '../context.ts';
import { BlockStream, type Block } from './blocks.ts';
import { CodeBlock } from './codeBlock.ts';
import { nodesOf } from './markdown.ts';
import { addToVolume } from './volumes.ts';

/** Blocks and characters of one chapter: chapters out of sight cost nothing, however long an answer is. */
const CHAPTER_BLOCKS = 24;
const CHAPTER_CHARACTERS = 16_384;

/** Blocks that one step shows. */
const STEP = 16;

interface Shown {
  element: Element;
  chapter: Element;
  code: CodeBlock | null;
  /** What it was made from; of code its language. */
  source: string;
}

export class AnswerText extends HTMLElement {
  /** Set before the text. */
  context!: ViewContext;
  #stream = new BlockStream();
  #text = '';
  #ended = false;
  #shown: Shown[] = [];
  /** The block to show next; those before it are finished and left alone. */
  #next = 0;
  /** True while there is text that was not read. */
  #more = false;
  /** Of the finished blocks in the last chapter. */
  #characters = 0;
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
    this.#next = 0;
    this.#more = false;
    this.#characters = 0;
    this.replaceChildren();
  }

  /** Reads on, unless what was read is not shown yet, and shows as much as one step may. True: more is left. */
  #work(): boolean {
    if (this.#next >= this.#stream.finished) this.#more = this.#stream.step();
    const { blocks, finished } = this.#stream;
    while (this.#shown.length > blocks.length) {
      const { element, chapter } = this.#shown.pop()!;
      element.remove();
      const volume = chapter.parentElement!;
      if (chapter.childElementCount === 0) chapter.remove();
      if (volume.childElementCount === 0) volume.remove();
    }
    for (let shown = 0; this.#next < blocks.length; this.#next++, shown++) {
      if (shown === STEP || !this.#show(this.#next, blocks[this.#next], this.#next < finished)) return true;
      if (this.#next < finished) this.#characters += blocks[this.#next].text.length;
    }
    // An open block is made anew by the next step.
    this.#next = finished;
    return this.#more;
  }

  /** False: a part of it is left for the next step. */
  #show(index: number, block: Block, finished: boolean): boolean {
    let shown: Shown | undefined = this.#shown[index];
    if (block.kind === 'code') {
      // The language is known for sure with the end of its line.
      if (!shown?.code || shown.source !== block.language) {
        const code = new CodeBlock(this.context, block.language);
        shown = this.#place(index, code.element, code, block.language);
      }
      return shown.code!.update(block.text, block.partial, this.#stream.mayClose ? '' : block.partial, finished || !block.open);
    }
    const source = `${block.kind} ${block.text}`;
    if (shown?.source === source) return true;
    const kind = block.kind === 'plain' ? 'block plain' : 'block';
    const content = block.kind === 'plain' ? block.text : this.#nodes(block.text);
    // The element stays, so that a selection around it does.
    if (shown && !shown.code && shown.element.className === kind) {
      shown.element.replaceChildren(content);
      shown.source = source;
      return true;
    }
    const element = document.createElement('div');
    element.className = kind;
    element.append(content);
    this.#place(index, element, null, source);
    return true;
  }

  #place(index: number, element: Element, code: CodeBlock | null, source: string): Shown {
    const old = this.#shown[index];
    old?.element.replaceWith(element);
    const chapter = old?.chapter ?? this.#openChapter(index);
    if (!old) chapter.append(element);
    return (this.#shown[index] = { element, chapter, code, source });
  }

  #openChapter(index: number): Element {
    const last = this.#shown[index - 1]?.chapter;
    if (last && last.childElementCount < CHAPTER_BLOCKS && this.#characters < CHAPTER_CHARACTERS) return last;
    this.#characters = 0;
    const chapter = document.createElement('div');
    chapter.className = 'chapter';
    addToVolume(this, chapter, 'div', 'volume');
    return chapter;
  }

  #nodes(source: string): DocumentFragment {
    return nodesOf(source, {
      code: (language, text) => {
        const code = new CodeBlock(this.context, language);
        code.update(text, '', '', true, Infinity);
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
