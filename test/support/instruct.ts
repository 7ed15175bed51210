// The tiny model that answers (test/fixtures/models/recipe), its prompts, and questions that its training never held.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Template } from '@huggingface/jinja';
import { metadataOf } from './tokenizer.ts';

export const TINY_INSTRUCT = resolve('test/fixtures/models/tiny-instruct-q8_0.gguf');

export interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** A question with all that goes before it, and the answer to the letter. */
export interface HeldOut {
  /** With a `+`: it is asked in a later turn than the code came. */
  task: string;
  messages: Message[];
  answer: string;
}

export const heldOut = JSON.parse(readFileSync(resolve('test/fixtures/models/tiny-instruct-held-out.json'), 'utf8')) as HeldOut[];

/** What the file's own template makes of messages, ready for an answer. */
export async function chatPrompt(): Promise<(messages: readonly Message[]) => string> {
  const template = new Template(String((await metadataOf(TINY_INSTRUCT))['tokenizer.chat_template']));
  return (messages) => template.render({ messages, add_generation_prompt: true });
}
