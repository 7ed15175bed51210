// A conversation → the prompt as the model was trained on it, by the template of the model's own file.
import { DeltaError } from '../shared/errors.ts';
import { breakMark, ControlTexts } from '../tokenizer/controlText.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { AnswerResult, ChatMessage } from './answerSource.ts';
import { parseTemplate, runTemplate, TemplateLimit, TemplateRaised } from './boundedJinja.ts';
import { formatDay } from './day.ts';
import { bitnetArchitectures, bitnetTemplate, chatMlTemplate, plainStops, plainTemplate } from './ownTemplates.ts';

/** What a model's file says about its conversations. */
export interface TemplateParts {
  /** `tokenizer.chat_template`; undefined: there is none. */
  source: string | undefined;
  /** `general.architecture` */
  architecture: string;
  /** `general.name` or that of the file: for quirks that files do not say, and for sentences. */
  name: string;
  /** The texts of the first and the last token; null: there is none. */
  bos: string | null;
  eos: string | null;
  /** The texts of all control tokens (`Tokenizer.controlTexts`). */
  controls: readonly string[];
  /** The day that templates write into the prompt; pinned, so that what was computed for it stays valid. */
  today?: Date;
}

export interface RenderOptions {
  /** The last message is the assistant's, and its text is gone on with. */
  continues?: boolean;
  /** `enable_thinking`; left to the template when undefined. */
  thinking?: boolean;
}

/** True: the model is presented as one that answers. */
export function hasTemplate(source: string | undefined, architecture: string): boolean {
  return (source ?? '').trim() !== '' || bitnetArchitectures.includes(architecture);
}

export class ChatTemplate {
  /** `architecture`: the file's own is known to be wrong. `fallback`: the file has none. */
  readonly origin: AnswerResult['template'];
  /** Texts that end an answer besides the tokens that do. */
  readonly stops: readonly string[];
  /** Control tokens behind which blanks are no part of the prompt: the model was trained so. */
  readonly swallow: readonly string[];

  private readonly source: string;
  private readonly controls: ControlTexts;
  private readonly today: Date;
  private program: ReturnType<typeof parseTemplate> | undefined;
  /** The template has no place for a system message: its text goes before the first question. */
  private foldsSystem = false;
  /** The template takes contents only as lists of parts, as those of models that see pictures do. */
  private inParts = false;

  /** Never throws: a model with a broken template still completes. `render` says what is wrong. */
  constructor(private readonly parts: TemplateParts) {
    this.controls = new ControlTexts(parts.controls);
    this.today = parts.today ?? new Date();
    const { source, origin } = choose(parts);
    this.source = source;
    this.origin = origin;
    this.stops = source === plainTemplate ? plainStops : [];
    this.swallow = swallowsBlanks(parts) ? parts.controls.filter((text) => !['<unk>', '<s>', '<|endoftext|>'].includes(text)) : [];
  }

  /** The prompt up to where the answer begins (or goes on). Texts of control tokens that somebody typed are broken by marks: encode it with `promptTokens`. */
  render(messages: readonly ChatMessage[], options: RenderOptions = {}): string {
    const last = messages.at(-1);
    const begun = options.continues && last?.role === 'assistant' ? this.controls.protect(last.content) : '';
    const before = options.continues && last?.role === 'assistant' ? messages.slice(0, -1) : messages;
    return this.withSystem(merge(before), options) + begun;
  }

  private withSystem(messages: readonly ChatMessage[], options: RenderOptions): string {
    const system = messages.filter(({ role }) => role === 'system');
    if (system.length === 0 || this.foldsSystem) return this.run(fold(messages), options);
    let refusal: unknown;
    try {
      const rendered = this.run(messages, options);
      if (system.every(({ content }) => rendered.includes(this.controls.protect(content.trim())))) return rendered;
    } catch (error) {
      if (!(error instanceof DeltaError) || error.code !== 'templateRefused') throw error;
      refusal = error;
    }
    const rendered = secondTry(() => this.run(fold(messages), options), refusal);
    this.foldsSystem = true;
    return rendered;
  }

  private run(messages: readonly ChatMessage[], options: RenderOptions): string {
    const { name, bos, eos } = this.parts;
    const safe = messages.map(({ role, content }) => ({ role, content: this.controls.protect(role === 'system' ? this.systemText(content) : content) }));
    const variables = {
      add_generation_prompt: true,
      bos_token: bos ?? '',
      eos_token: eos ?? '',
      tools: null,
      documents: null,
      date_string: formatDay(this.today, '%d %b %Y'),
      strftime_now: (format: unknown) => formatDay(this.today, String(format)),
      ...(options.thinking === undefined ? {} : { enable_thinking: options.thinking }),
    };
    const attempt = (inParts: boolean): string => {
      this.program ??= parseTemplate(this.source);
      const given = inParts ? safe.map(({ role, content }) => ({ role, content: [{ type: 'text', text: content }] })) : safe;
      return runTemplate(this.program, { ...variables, messages: given }, safe);
    };
    try {
      if (this.inParts) return attempt(true);
      try {
        return attempt(false);
      } catch (error) {
        if (this.program === undefined || error instanceof TemplateLimit || error instanceof TemplateRaised) throw error;
        const rendered = secondTry(() => attempt(true), error);
        this.inParts = true;
        return rendered;
      }
    } catch (error) {
      if (error instanceof TemplateLimit) throw new DeltaError('templateTooLarge', name, error.message);
      if (error instanceof TemplateRaised) throw new DeltaError('templateRefused', name, reasonOf(error));
      throw new DeltaError('templateInvalid', name, reasonOf(error));
    }
  }

  /** DeepSeek Coder writes the question right behind the system text, but its own ends its line. */
  private systemText(content: string): string {
    return /deepseek coder/i.test(this.source) && !content.endsWith('\n') ? `${content}\n` : content;
  }
}

/** The ids of a rendered prompt: control tokens only where the template wrote them, the first token once. */
export function promptTokens(tokenizer: Pick<Tokenizer, 'encode' | 'special'>, rendered: string, template?: Pick<ChatTemplate, 'swallow'>): number[] {
  const ids = tokenizer.encode(swallowBlanks(rendered, template?.swallow ?? []), { special: true, atStart: true });
  const { bos, addBos } = tokenizer.special;
  if (bos === null) return ids;
  let begins = 0;
  while (ids[begins] === bos) begins++;
  if (begins === 0) return addBos ? [bos, ...ids] : ids;
  return ids.slice(begins - 1);
}

function choose({ source, architecture, controls }: TemplateParts): { source: string; origin: AnswerResult['template'] } {
  if (bitnetArchitectures.includes(architecture)) return { source: bitnetTemplate, origin: 'architecture' };
  if (source !== undefined && source.trim() !== '') return { source, origin: 'file' };
  const chatMl = controls.includes('<|im_start|>') && controls.includes('<|im_end|>');
  return { source: chatMl ? chatMlTemplate : plainTemplate, origin: 'fallback' };
}

/** Phi-3's tokens take the blanks behind them with them; files do not say so. */
const swallowsBlanks = ({ name, architecture, bos }: TemplateParts): boolean => /phi-?3/i.test(name) || (architecture === 'phi3' && bos === '<s>');

function swallowBlanks(rendered: string, tokens: readonly string[]): string {
  if (tokens.length === 0) return rendered;
  const longestFirst = [...tokens].sort((a, b) => b.length - a.length).map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  return rendered.replace(new RegExp(`(${longestFirst.join('|')})(?!${breakMark})\\s+`, 'g'), '$1');
}

/** Messages of one role in a row become one: many templates insist on turns. */
function merge(messages: readonly ChatMessage[]): ChatMessage[] {
  const merged: ChatMessage[] = [];
  for (const { role, content } of messages) {
    const last = merged.at(-1);
    if (last?.role === role) last.content = [last.content, content].filter((text) => text !== '').join('\n\n');
    else merged.push({ role, content });
  }
  return merged;
}

/** The system's text before the first question's. */
function fold(messages: readonly ChatMessage[]): ChatMessage[] {
  const system = messages.filter(({ role }) => role === 'system').map(({ content }) => content).join('\n\n');
  const others = messages.filter(({ role }) => role !== 'system');
  if (system === '') return merge(others);
  const first = others.findIndex(({ role }) => role === 'user');
  if (first < 0) return merge([{ role: 'user', content: system }, ...others]);
  return merge(others.map((message, i) => (i === first ? { role: 'user', content: `${system}\n\n${message.content}` } : message)));
}

/** Another way; where it fails too, the failure of the first is the one to tell. */
function secondTry(work: () => string, first: unknown): string {
  try {
    return work();
  } catch (second) {
    throw first ?? second;
  }
}

/** One line, without the dot that the sentence around it has. */
function reasonOf(thrown: unknown): string {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return reason.replace(/\s+/g, ' ').trim().replace(/[.!]+$/, '').slice(0, 160);
}
