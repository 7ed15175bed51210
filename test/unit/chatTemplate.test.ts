// Prompts as the models were trained on them: each family's template, rendered, against what is known about the family.
// Five conversations through the published templates of LLaMA-3.2-3B, Qwen2.5-7B, Qwen3-0.6B, Gemma 2-2B, Phi-3.5-mini, Granite 3.0 and 3.3, and Mistral Nemo
// gave the same texts as through these files. Of 65 published templates Jinja2 3.1 and this engine gave the same texts, or both refused, but for one whose objects have numbers
// for keys, one that filters tools that are none, and system messages that a template refuses and we put before the question.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../src/chat/answerSource.ts';
import { formatDay } from '../../src/chat/day.ts';
import { ChatTemplate, hasTemplate, promptTokens, type RenderOptions, type TemplateParts } from '../../src/chat/template.ts';
import { dropMarks } from '../../src/tokenizer/controlText.ts';
import { tokenizerFromMetadata } from '../../src/tokenizer/fromGguf.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { fixturePath, smallMetadata } from '../support/tokenizer.ts';

interface Family extends Partial<TemplateParts> {
  file?: string;
}

const llama = { bos: '<|begin_of_text|>', eos: '<|eot_id|>', controls: ['<|begin_of_text|>', '<|end_of_text|>', '<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'] };
const chatMl = { bos: null, eos: '<|im_end|>', controls: ['<|endoftext|>', '<|im_start|>', '<|im_end|>'] };
const gemma = { bos: '<bos>', eos: '<eos>', controls: ['<bos>', '<eos>', '<start_of_turn>', '<end_of_turn>'] };
const mistral = { bos: '<s>', eos: '</s>', controls: ['<s>', '</s>', '[INST]', '[/INST]', '[SYSTEM_PROMPT]', '[/SYSTEM_PROMPT]'] };
const phi = { bos: '<s>', eos: '<|endoftext|>', controls: ['<s>', '</s>', '<|endoftext|>', '<|system|>', '<|user|>', '<|assistant|>', '<|end|>'] };
const granite = { bos: '<|end_of_text|>', eos: '<|end_of_text|>', controls: ['<|end_of_text|>', '<|start_of_role|>', '<|end_of_role|>'] };
const deepseek = { bos: '<｜begin▁of▁sentence｜>', eos: '<|EOT|>', controls: ['<｜begin▁of▁sentence｜>', '<｜end▁of▁sentence｜>', '<|EOT|>'] };

const families = {
  'LLaMA-3.2': { file: 'llama-3.2', architecture: 'llama', ...llama },
  'Qwen2.5': { file: 'qwen2.5', architecture: 'qwen2', ...chatMl },
  Qwen3: { file: 'qwen3', architecture: 'qwen3', ...chatMl },
  SmolLM2: { file: 'smollm2', architecture: 'llama', ...chatMl, bos: '<|im_start|>' },
  'Gemma 2': { file: 'gemma-2', architecture: 'gemma2', ...gemma },
  'Gemma 3': { file: 'gemma-3', architecture: 'gemma3', ...gemma },
  'Mistral v1': { file: 'mistral-v1', architecture: 'llama', ...mistral },
  'Mistral v1, older file': { file: 'mistral-v1-old', architecture: 'llama', ...mistral },
  'Mistral v3': { file: 'mistral-v3', architecture: 'llama', ...mistral },
  'Mistral v3, tekken': { file: 'mistral-v3-tekken', architecture: 'llama', ...mistral },
  'Mistral v7': { file: 'mistral-v7', architecture: 'llama', ...mistral },
  'Phi-3': { file: 'phi-3', architecture: 'phi3', ...phi },
  'Phi-3.5': { file: 'phi-3.5', architecture: 'phi3', ...phi },
  'Phi-4': { file: 'phi-4', architecture: 'phi3', bos: '<|endoftext|>', eos: '<|im_end|>', controls: ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|im_sep|>'] },
  'DeepSeek Coder': { file: 'deepseek-coder', architecture: 'llama', ...deepseek },
  'Granite 3.0': { file: 'granite-3.0', architecture: 'granite', ...granite },
  'Granite 3.3': { file: 'granite-3.3', architecture: 'granite', ...granite },
  BitNet: { file: 'bitnet-file', architecture: 'bitnet-b1.58', ...llama },
  'BitNet, earlier file': { file: 'bitnet-file', architecture: 'bitnet-25', ...llama },
  'no template, ChatML tokens': { architecture: 'llama', ...chatMl },
  'no template': { architecture: 'llama', ...mistral },
} satisfies Record<string, Family>;
type Name = keyof typeof families;

function templateOf(name: Name): ChatTemplate {
  const { file, ...parts } = families[name] as Family;
  const source = file === undefined ? undefined : readFileSync(fixturePath(`test/fixtures/templates/${file}.jinja`), 'utf8');
  return new ChatTemplate({ source, architecture: 'llama', name, bos: null, eos: null, controls: [], today: new Date(2026, 2, 5), ...parts });
}

/** "s", "u" and "a" begin a message of each role. */
function conversation(...texts: string[]): ChatMessage[] {
  const roles = { s: 'system', u: 'user', a: 'assistant' } as const;
  return texts.map((text) => ({ role: roles[text[0] as 's' | 'u' | 'a'], content: text.slice(2) }));
}

function check(name: Name, messages: readonly string[], expected: string, options: RenderOptions = {}): void {
  expect(dropMarks(templateOf(name).render(conversation(...messages), options))).toBe(expected);
}

const full = ['s:S', 'u:U1', 'a:A1', 'u:U2'];
const llamaDates = '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 05 Mar 2026\n\n';
const llamaTurn = (role: string, text: string): string => `<|start_header_id|>${role}<|end_header_id|>\n\n${text}<|eot_id|>`;
const chatMlTurn = (role: string, text: string): string => `<|im_start|>${role}\n${text}<|im_end|>\n`;
const graniteTurn = (role: string, text: string): string => `<|start_of_role|>${role}<|end_of_role|>${text}<|end_of_text|>\n`;
const chatMlFull = `${chatMlTurn('system', 'S')}${chatMlTurn('user', 'U1')}${chatMlTurn('assistant', 'A1')}${chatMlTurn('user', 'U2')}<|im_start|>assistant\n`;
const graniteFull = `${graniteTurn('system', 'S')}${graniteTurn('user', 'U1')}${graniteTurn('assistant', 'A1')}${graniteTurn('user', 'U2')}<|start_of_role|>assistant<|end_of_role|>`;
const gemmaFull = '<bos><start_of_turn>user\nS\n\nU1<end_of_turn>\n<start_of_turn>model\nA1<end_of_turn>\n<start_of_turn>user\nU2<end_of_turn>\n<start_of_turn>model\n';
const bitnetFull = '<|begin_of_text|>System: S<|eot_id|>User: U1<|eot_id|>Assistant: A1<|eot_id|>User: U2<|eot_id|>Assistant: ';
const deepseekDefault =
  'You are an AI programming assistant, utilizing the Deepseek Coder model, developed by Deepseek Company, and you only answer questions related to computer science. For politically sensitive questions, security and privacy issues, and other non-computer science questions, you will refuse to answer\n';

describe('a conversation of several turns with a system message', () => {
  it.each<[Name, string]>([
    ['LLaMA-3.2', `${llamaDates}S<|eot_id|>${llamaTurn('user', 'U1')}${llamaTurn('assistant', 'A1')}${llamaTurn('user', 'U2')}<|start_header_id|>assistant<|end_header_id|>\n\n`],
    ['Qwen2.5', chatMlFull],
    ['Qwen3', chatMlFull],
    ['SmolLM2', chatMlFull],
    ['Gemma 2', gemmaFull],
    ['Gemma 3', gemmaFull],
    ['Mistral v1', '<s> [INST] S\n\nU1 [/INST] A1</s> [INST] U2 [/INST]'],
    ['Mistral v1, older file', '<s>[INST] S\n\nU1 [/INST]A1</s>[INST] U2 [/INST]'],
    ['Mistral v3', '<s>[INST] U1[/INST] A1</s>[INST] S\n\nU2[/INST]'],
    ['Mistral v3, tekken', '<s>[INST]U1[/INST]A1</s>[INST]S\n\nU2[/INST]'],
    ['Mistral v7', '<s>[SYSTEM_PROMPT] S[/SYSTEM_PROMPT][INST] U1[/INST] A1</s>[INST] U2[/INST]'],
    ['Phi-3', '<s><|user|>\nS\n\nU1<|end|>\n<|assistant|>\nA1<|end|>\n<|user|>\nU2<|end|>\n<|assistant|>\n'],
    ['Phi-3.5', '<|system|>\nS<|end|>\n<|user|>\nU1<|end|>\n<|assistant|>\nA1<|end|>\n<|user|>\nU2<|end|>\n<|assistant|>\n'],
    ['Phi-4', '<|im_start|>system<|im_sep|>S<|im_end|><|im_start|>user<|im_sep|>U1<|im_end|><|im_start|>assistant<|im_sep|>A1<|im_end|><|im_start|>user<|im_sep|>U2<|im_end|><|im_start|>assistant<|im_sep|>'],
    ['DeepSeek Coder', '<｜begin▁of▁sentence｜>S\n### Instruction:\nU1\n### Response:\nA1\n<|EOT|>\n### Instruction:\nU2\n### Response:\n'],
    ['Granite 3.0', graniteFull],
    ['Granite 3.3', graniteFull],
    ['BitNet', bitnetFull],
    ['BitNet, earlier file', bitnetFull],
    ['no template, ChatML tokens', chatMlFull],
    ['no template', '<s>S\n\nUser: U1\nAssistant: A1\nUser: U2\nAssistant:'],
  ])('%s', (name, expected) => check(name, full, expected));
});

describe('a question without a system message', () => {
  it.each<[Name, string]>([
    ['LLaMA-3.2', `${llamaDates}<|eot_id|>${llamaTurn('user', 'U1')}<|start_header_id|>assistant<|end_header_id|>\n\n`],
    ['Qwen2.5', `${chatMlTurn('system', 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.')}${chatMlTurn('user', 'U1')}<|im_start|>assistant\n`],
    ['Qwen3', `${chatMlTurn('user', 'U1')}<|im_start|>assistant\n`],
    ['SmolLM2', `${chatMlTurn('system', 'You are a helpful AI assistant named SmolLM, trained by Hugging Face')}${chatMlTurn('user', 'U1')}<|im_start|>assistant\n`],
    ['Gemma 2', '<bos><start_of_turn>user\nU1<end_of_turn>\n<start_of_turn>model\n'],
    ['Gemma 3', '<bos><start_of_turn>user\nU1<end_of_turn>\n<start_of_turn>model\n'],
    ['Mistral v3', '<s>[INST] U1[/INST]'],
    ['Phi-3.5', '<|user|>\nU1<|end|>\n<|assistant|>\n'],
    ['DeepSeek Coder', `<｜begin▁of▁sentence｜>${deepseekDefault}### Instruction:\nU1\n### Response:\n`],
    ['Granite 3.0', `${graniteTurn('user', 'U1')}<|start_of_role|>assistant<|end_of_role|>`],
    ['Granite 3.3', `${graniteTurn('system', "Knowledge Cutoff Date: April 2024. Today's Date: March 05, 2026. You are Granite, developed by IBM. You are a helpful AI assistant.")}${graniteTurn('user', 'U1')}<|start_of_role|>assistant<|end_of_role|>`],
    ['BitNet', '<|begin_of_text|>User: U1<|eot_id|>Assistant: '],
    ['no template', '<s>User: U1\nAssistant:'],
  ])('%s', (name, expected) => check(name, ['u:U1'], expected));
});

describe('any family', () => {
  const names = Object.keys(families) as Name[];

  it.each(names)('%s: says which template it is', (name) => {
    const expected = name.startsWith('BitNet') ? 'architecture' : name.startsWith('no template') ? 'fallback' : 'file';
    expect(templateOf(name).origin).toBe(expected);
  });

  it.each(names)('%s: takes an empty question, an empty answer and text of any script', (name) => {
    const template = templateOf(name);
    expect(template.render(conversation('u:'))).not.toBe('');
    const rendered = dropMarks(template.render(conversation('s:Sei genau. 精确', 'u:Что делает `ﬁ`? 🦙\r\n\tשלום', 'a:', 'u:  日本語 {{ bos_token }} {% raw %}')));
    for (const part of ['Sei genau. 精确', 'Что делает `ﬁ`? 🦙\r\n\tשלום', '日本語 {{ bos_token }} {% raw %}']) expect(rendered).toContain(part);
  });

  it.each(names)('%s: takes several messages of one role in a row', (name) => {
    const rendered = dropMarks(templateOf(name).render(conversation('s:S1', 's:S2', 'u:U1', 'u:U2', 'a:A1', 'a:A2', 'u:U3')));
    for (const part of ['S1\n\nS2', 'U1\n\nU2', 'A1\n\nA2', 'U3']) expect(rendered).toContain(part);
  });

  it.each(names)('%s: goes on with an answer where it ended', (name) => {
    const template = templateOf(name);
    const before = template.render(conversation('s:S', 'u:U1'));
    expect(template.render(conversation('s:S', 'u:U1', 'a:It is '), { continues: true })).toBe(`${before}It is `);
  });

  it.each(names)('%s: a conversation begins with the text that it began with before', (name) => {
    if (name.startsWith('Mistral v3')) return; // writes the system text into the last question
    const template = templateOf(name);
    const first = template.render(conversation('s:S', 'u:U1'));
    expect(template.render(conversation('s:S', 'u:U1', 'a:A1', 'u:U2')).startsWith(first.trimEnd())).toBe(true);
  });

  it.each(names)('%s: writes the control tokens that it writes for plain text, whatever is typed', (name) => {
    const template = templateOf(name);
    const { controls } = families[name] as { controls: string[] };
    const hostile = controls.join(' x ') + controls.join('');
    const plain = template.render(conversation('s:S', 'u:U1', 'a:A1', 'u:U2'));
    const rendered = template.render(conversation(`s:S${hostile}`, `u:${hostile}U1`, `a:A1${hostile}`, `u:${hostile}`));
    for (const control of controls) expect({ control, times: rendered.split(control).length }).toEqual({ control, times: plain.split(control).length });
    expect(dropMarks(rendered)).toContain(`${hostile}U1`);
  });
});

describe('quirks', () => {
  it('thinking is left to the template unless it is asked for', () => {
    const begin = `${chatMlTurn('user', 'U1')}<|im_start|>assistant\n`;
    check('Qwen3', ['u:U1'], `${begin}<think>\n\n</think>\n\n`, { thinking: false });
    check('Qwen3', ['u:U1'], begin, { thinking: true });
  });

  it('earlier answers lose their reasoning where the template says so', () => {
    check('Qwen3', ['u:U1', 'a:<think>\nhm\n</think>\n\nA1', 'u:U2'], `${chatMlTurn('user', 'U1')}${chatMlTurn('assistant', 'A1')}${chatMlTurn('user', 'U2')}<|im_start|>assistant\n`);
  });

  it('contents are trimmed where the template trims them', () => {
    check('LLaMA-3.2', ['s: S ', 'u:\n U1 \n'], `${llamaDates}S<|eot_id|>${llamaTurn('user', 'U1')}<|start_header_id|>assistant<|end_header_id|>\n\n`);
    check('BitNet', ['u: U1 '], '<|begin_of_text|>User: U1<|eot_id|>Assistant: ');
  });

  it('contents keep their blanks where the template only joins them', () => {
    check('Mistral v3, tekken', ['u:U1', 'a:  A1 ', 'u:U2'], '<s>[INST]U1[/INST]  A1 </s>[INST]U2[/INST]');
  });

  it('what is stripped are the characters that the template names, as in Python', () => {
    const made = (source: string) => new ChatTemplate({ source, architecture: 'llama', name: 'test', bos: null, eos: null, controls: [] }).render(conversation('u:\n\n  U1 x👩x\n'));
    expect(made("{{ messages[0].content.lstrip('\\n') }}")).toBe('  U1 x👩x\n');
    expect(made("{{ messages[0].content.rstrip('\\n') }}")).toBe('\n\n  U1 x👩x');
    expect(made("{{ messages[0].content.strip('\\nx ') }}")).toBe('U1 x👩');
    expect(made("{{ messages[0].content | trim('\\n x👩') }}")).toBe('U1');
    expect(made('{{ messages[0].content.strip() }}|{{ messages[0].content.lstrip() }}')).toBe('U1 x👩x|U1 x👩x\n');
  });

  it('line ends of the template are line feeds, whoever wrote it', () => {
    const source = "{% for m in messages %}\r\n{{ m.role + '\r\n' + m.content }}\r\n{% endfor %}\r\nend";
    expect(new ChatTemplate({ source, architecture: 'llama', name: 'test', bos: null, eos: null, controls: [] }).render(conversation('u:U1\r\nU2'))).toBe('user\nU1\r\nU2\nend');
  });

  it('contents come in parts where the template takes nothing else', () => {
    const source = "{% for m in messages %}{{ m.role }}:{% for part in m.content %}{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %};{% endfor %}";
    const template = new ChatTemplate({ source, architecture: 'mllama', name: 'test', bos: null, eos: null, controls: [] });
    for (let i = 0; i < 2; i++) expect(template.render(conversation('s:S', 'u:U1'))).toBe('system:S;user:U1;');
  });

  it('the day is written in English, and without a clock', () => {
    expect(formatDay(new Date(2026, 2, 5, 17, 30), '%A, %-d. %B %Y|%a %d %b %y|%m %-m|%H:%M:%S|%% %Q')).toBe('Thursday, 5. March 2026|Thu 05 Mar 26|03 3|00:00:00|% %Q');
  });

  it('only a script of two people needs a text to stop at', () => {
    expect(templateOf('no template').stops).toEqual(['\nUser:']);
    expect(templateOf('no template, ChatML tokens').stops).toEqual([]);
    expect(templateOf('Qwen3').stops).toEqual([]);
  });

  it('a model answers when its file has a template, or its architecture is known to', () => {
    expect([hasTemplate('{{ x }}', 'llama'), hasTemplate(' \n', 'llama'), hasTemplate(undefined, 'llama'), hasTemplate(undefined, 'bitnet-b1.58')]).toEqual([true, false, false, true]);
  });
});

describe('the ids of a prompt', () => {
  const controls = ['<|im_start|>', '<|im_end|>', '<|im', '☺', '>>', '<|end|>', '<s>', '\n\n'];
  const tokenizer = (addBos: boolean): Tokenizer => {
    const types = Object.fromEntries(controls.map((_, i) => [256 + i, 3]));
    const metadata = { ...smallMetadata([...controls, '|x|', 'ab'], ['a b'], { ...types, [256 + controls.length]: 4 }), 'tokenizer.ggml.bos_token_id': 262, 'tokenizer.ggml.add_bos_token': addBos };
    return Tokenizer.fromFiles(tokenizerFromMetadata(metadata, 'test.gguf'));
  };
  const plain = tokenizer(false);
  const source = "{% for m in messages %}{{ '<|im_start|>' + m.role + ':' + m.content + ';<|im_end|>' }}{% endfor %}";
  const template = new ChatTemplate({ source, architecture: 'llama', name: 'test', bos: '<s>', eos: null, controls: plain.controlTexts });

  it('has no control token that somebody typed, and loses nothing of what was typed', () => {
    const piece = fc.oneof(fc.constantFrom(...controls, '|x|', 'ab', '\ufdd0', '\ufdd0\ufdd0', '<|im_', 'start|>', '|im_end|>', '>', '\n', ' '), fc.string({ unit: 'grapheme', maxLength: 5 }));
    const content = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 5 }), (contents) => {
        const messages = contents.map((text, i): ChatMessage => ({ role: i % 2 === 0 ? 'user' : 'assistant', content: text }));
        const expected = messages.flatMap(({ role, content: text }) => [256, ...plain.encode(`${role}:${text};`), 257]);
        expect(promptTokens(plain, template.render(messages))).toEqual(expected);
        expect(plain.decode(expected)).toBe(messages.map(({ role, content: text }) => `<|im_start|>${role}:${text};<|im_end|>`).join(''));
      }),
      { seed: 7, numRuns: 2000 },
    );
  });

  it('begin with the first token once, whoever writes it', () => {
    const ids = (source: string, addBos: boolean) => promptTokens(tokenizer(addBos), new ChatTemplate({ source, architecture: 'llama', name: 'test', bos: '<s>', eos: null, controls: plain.controlTexts }).render(conversation('u:ab')));
    const ab = plain.encode('ab');
    expect(ids('{{ messages[0].content }}', false)).toEqual(ab);
    expect(ids('{{ messages[0].content }}', true)).toEqual([262, ...ab]);
    expect(ids('{{ bos_token + messages[0].content }}', false)).toEqual([262, ...ab]);
    expect(ids('{{ bos_token + messages[0].content }}', true)).toEqual([262, ...ab]);
    expect(ids('{{ bos_token + bos_token + messages[0].content }}', true)).toEqual([262, ...ab]);
  });

  it('leave the blanks behind the tokens of Phi-3 out, but none that stand behind typed ones', () => {
    const phi3 = templateOf('Phi-3.5');
    expect(phi3.swallow).toContain('<|user|>');
    const seen: string[] = [];
    const spy = { special: { bos: null, addBos: false, eos: [], fim: null }, encode: (text: string) => (seen.push(text), []) };
    promptTokens(spy, phi3.render(conversation('u:a <|end|>\n b')), phi3);
    expect(dropMarks(seen[0])).toBe('<|user|>a <|end|>\n b<|end|><|assistant|>');
    expect(templateOf('Phi-4').swallow).toEqual([]);
  });
});
