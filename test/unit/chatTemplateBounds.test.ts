// A template comes from anywhere: whatever it does, rendering ends soon, in a prompt or in one sentence.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChatTemplate } from '../../src/chat/template.ts';
import { DeltaError, type ErrorCode } from '../../src/shared/errors.ts';

const long = 'x'.repeat(100_000);

function render(source: string, content = 'Hello'): string {
  return new ChatTemplate({ source, architecture: 'llama', name: 'chatty-7b', bos: null, eos: null, controls: [] }).render([{ role: 'user', content }]);
}

function check(source: string, code: ErrorCode, content?: string): DeltaError {
  let thrown: unknown;
  try {
    const rendered = render(source, content);
    expect.fail(`rendered ${rendered.length} characters`);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(DeltaError);
  const error = thrown as DeltaError;
  expect({ code: error.code, message: error.message }).toEqual({ code, message: expect.stringMatching(/^The chat template of chatty-7b [^\n]{1,400}\.$/) });
  return error;
}

describe('a template that asks for too much is stopped', () => {
  const doubled = (statement: string, times: number): string => Array.from({ length: times }, () => `{% set x = ${statement} %}`).join('');
  it.each([
    ['counts far', '{% for i in range(1000000000) %}x{% endfor %}'],
    ['counts for ever', `{% for i in range(${'9'.repeat(400)}) %}x{% endfor %}`],
    ['counts down for ever', '{% for i in range(0, -1000000000, -1) %}x{% endfor %}'],
    ['loops in loops', '{% for a in range(9000) %}{% for b in range(9000) %}{% for c in range(9000) %}{{ c }}{% endfor %}{% endfor %}{% endfor %}'],
    ['loops in loops and writes nothing', '{% for a in range(9000) %}{% for b in range(9000) %}{% set c = undefinedName %}{% endfor %}{% endfor %}'],
    ['doubles a text', `{% set x = "ab" %}${doubled('x + x', 60)}{{ x }}`],
    ['doubles a text another way', `{% set x = "ab" %}${doubled('x ~ x', 60)}{{ x | length }}`],
    ['doubles a text in blocks', `{% set x = "ab" %}${'{% set x %}{{ x }}{{ x }}{% endset %}'.repeat(60)}{{ x | length }}`],
    ['doubles a list', `{% set x = [1, 2] %}${doubled('x + x', 60)}{{ x | length }}`],
    ['puts a list into a list, twice', `{% set x = ["aaaaaaaa"] %}${doubled('[x, x]', 60)}{{ x | tojson }}`],
    ['puts a list into a list, twice, and compares', `{% set x = ["aaaaaaaa"] %}${doubled('[x, x]', 60)}{{ x == "a" }}`],
    ['puts a list into a list, deep', `{% set n = namespace(x=[]) %}{% for i in range(9000) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x | tojson(indent=8) }}`],
    ['puts a namespace into itself', '{% set n = namespace() %}{% set n.n = n %}{{ n }}'],
    ['puts a namespace into a list', '{% set n = namespace() %}{% set n.x = [n] %}{{ n.x }}'],
    ['fills a namespace', `{% set n = namespace() %}${Array.from({ length: 40 }, (_, i) => `{% set n.a${i} = messages[0].content %}`).join('')}{{ n }}`],
    ['replaces each character by a long text', '{{ messages[0].content | replace("x", messages[0].content) }}'],
    ['replaces between all characters', '{{ messages[0].content.replace("", messages[0].content) }}'],
    ['replaces through a computed name', '{{ messages[0].content["re" + "place"]("x", messages[0].content) }}'],
    ['replaces in a block', '{% filter replace("x", messages[0].content) %}{{ messages[0].content }}{% endfilter %}'],
    ['joins by a long text', '{{ range(9000) | join(messages[0].content) }}'],
    ['joins by a long text, named', '{{ range(9000) | join(separator=messages[0].content) }}'],
    ['joins the characters of a text by a long one', '{{ messages[0].content | join(messages[0].content) }}'],
    ['indents far', '{{ "a\nb" | indent(1000000000, true) }}'],
    ['indents far as data', '{{ range(100) | tojson(indent=1000000000) }}'],
    ['splits into characters', '{{ messages[0].content.split("x") | length }}'],
    ['searches a long text in a long text', '{% for i in range(9000) %}{% if (messages[0].content[:50000] + "y") in messages[0].content %}{% endif %}{% endfor %}'],
    ['reads a long attribute path of many', '{{ [messages[0]] | map(attribute=messages[0].content) | list }}{% for i in range(9000) %}{{ messages | map(attribute=messages[0].content.replace("x", ".")) | list | length }}{% endfor %}'],
    ['handles a long text again and again', '{% for i in range(9000) %}{% set x = messages[0].content | upper %}{% endfor %}'],
    ['calls itself', '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}'],
    ['calls itself twice', '{% macro m(n) %}{% if n > 0 %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(90) }}'],
    ['calls back', '{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}'],
    ['defines macros without end', '{% for i in range(9000) %}{% for j in range(9) %}{% macro m() %}x{% endmacro %}{% endfor %}{% endfor %}'],
    ['nests parentheses', `{{ ${'('.repeat(20_000)}1${')'.repeat(20_000)} }}`],
    ['nests lists', `{{ ${'['.repeat(20_000)}${']'.repeat(20_000)} }}`],
    ['nests blocks', `${'{% if true %}'.repeat(3000)}${'{% endif %}'.repeat(3000)}`],
    ['is a chain of operators', `{{ 1${' + 1'.repeat(20_000)} }}`],
    ['is too long', 'x'.repeat(1 << 20)],
    ['is mostly blanks', `${' '.repeat(100_000)}{% generation`],
  ])('that %s', (_, source) => void check(source, 'templateTooLarge', long));
});

describe('a template that cannot be used is named as the cause', () => {
  it.each([
    ['is cut off', '{% for m in messages %}{{ m.content'],
    ['does not close', '{% if true %}x'],
    ['closes nothing', '{% endfor %}'],
    ['has a statement of another language', '{{ range .Messages }}{{ .Content }}{{ end }}'],
    ['includes a file', '{% include "other" %}'],
    ['ends in a comment', '{# x'],
    ['calls what is not there', '{{ nothing() }}'],
    ['reads what is not there', '{{ nothing.at.all + "x" }}'],
    ['has an unknown filter', '{{ messages | evil }}'],
    ['leaves a loop that is none', '{% break %}'],
    ['divides lists', '{{ messages / 2 }}'],
  ])('that %s', (_, source) => void check(source, 'templateInvalid'));

  it('that refuses, with the reason that it gives', () => {
    const error = check('{{ raise_exception("Only cats\nare answered.") }}', 'templateRefused');
    expect(error.message).toBe('The chat template of chatty-7b refuses this conversation (Only cats are answered): begin a new one or choose another chat model.');
    check('{{ raise_exception() }}', 'templateRefused');
    check('{{ raise_exception(messages) }}', 'templateRefused');
  });

  it('each time, and never when the model is loaded', () => {
    const template = new ChatTemplate({ source: '{% if', architecture: 'llama', name: 'chatty-7b', bos: null, eos: null, controls: [] });
    for (let i = 0; i < 2; i++) expect(() => template.render([])).toThrow(/chat template of chatty-7b/);
  });
});

describe('within the bounds', () => {
  it('a template reaches nothing of the machine', () => {
    for (const name of ['constructor', '__proto__', 'prototype', 'process', 'globalThis', 'require', 'self', '__class__']) {
      expect(render(`{{ ${name} }}{{ messages.${name} }}{{ messages[0]["${name}"] }}{{ "x"["${name}"] }}{{ range["${name}"] }}`)).toBe('');
    }
  });

  it('long conversations have room', () => {
    const messages = Array.from({ length: 2000 }, (_, i) => ({ role: i % 2 === 0 ? ('user' as const) : ('assistant' as const), content: `${i} ${'word '.repeat(200)}` }));
    const source = "{% for m in messages %}{% if '</think>' in m.content %}{% set c = m.content.split('</think>')[-1] %}{% else %}{% set c = m.content | trim %}{% endif %}{{ '<' + m.role + '>' + c + '\\n' }}{% endfor %}";
    const template = new ChatTemplate({ source, architecture: 'llama', name: 'chatty-7b', bos: null, eos: null, controls: ['<|a|>', '<|b|>'] });
    expect(template.render(messages).split('\n').length).toBe(2001);
    expect(render('{{ messages[0].content.split("\\n") | join("\\n\\n") }}', 'a line\n'.repeat(5000)).length).toBe(8 * 5000);
  });

  it('any template ends, in a text or in one sentence', () => {
    const expression = fc.constantFrom('x', 'messages', 'messages[0].content', '"ab"', '[x, x]', '{"a": x}', 'x + x', 'x ~ x', 'range(50)', 'x | length', 'x | tojson(indent=4)', 'x.replace("a", x)', 'x.split("a")', 'x[::-1]', 'm(x)', 'n.x', 'loop', 'x | join(x)', 'x | sort', 'not x', 'x in x');
    const statement = fc.letrec<{ any: string; block: string }>((tie) => ({
      any: fc.oneof({ maxDepth: 4 }, expression.map((e) => `{{ ${e} }}`), expression.map((e) => `{% set x = ${e} %}`), expression.map((e) => `{% set n.x = ${e} %}`), fc.constant('text'), tie('block')),
      block: fc.oneof(
        fc.tuple(expression, fc.array(tie('any'), { maxLength: 4 })).map(([e, body]) => `{% for x in ${e} %}${body.join('')}{% endfor %}`),
        fc.tuple(expression, fc.array(tie('any'), { maxLength: 4 })).map(([e, body]) => `{% if ${e} %}${body.join('')}{% endif %}`),
        fc.array(tie('any'), { maxLength: 4 }).map((body) => `{% macro m(x) %}${body.join('')}{% endmacro %}`),
        fc.array(tie('any'), { maxLength: 4 }).map((body) => `{% set x %}${body.join('')}{% endset %}`),
      ),
    })).any;
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 12 }), (parts) => {
        try {
          render(`{% set n = namespace(x="a") %}{% set x = "abc" %}${parts.join('')}`, 'a b c');
        } catch (error) {
          expect(error).toBeInstanceOf(DeltaError);
        }
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});
