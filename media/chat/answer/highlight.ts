// Colours for code: the highlighter's tree becomes elements with class names of our own, whose colours are the theme's.
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import c from 'highlight.js/lib/languages/c';
import cpp from 'highlight.js/lib/languages/cpp';
import csharp from 'highlight.js/lib/languages/csharp';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import dockerfile from 'highlight.js/lib/languages/dockerfile';
import go from 'highlight.js/lib/languages/go';
import ini from 'highlight.js/lib/languages/ini';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import kotlin from 'highlight.js/lib/languages/kotlin';
import lua from 'highlight.js/lib/languages/lua';
import makefile from 'highlight.js/lib/languages/makefile';
import php from 'highlight.js/lib/languages/php';
import powershell from 'highlight.js/lib/languages/powershell';
import python from 'highlight.js/lib/languages/python';
import ruby from 'highlight.js/lib/languages/ruby';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import swift from 'highlight.js/lib/languages/swift';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';

const languages = {
  bash, c, cpp, csharp, css, diff, dockerfile, go, ini, java, javascript, json, kotlin, lua, makefile, php, powershell, python, ruby, rust, sql, swift, typescript, xml, yaml,
};
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language);

/** Scopes of the highlighter by what they look like. */
const looks: Record<string, string> = {
  keyword: 'keyword', literal: 'keyword', 'variable.language': 'keyword', tag: 'keyword', name: 'keyword', 'selector-tag': 'keyword', section: 'keyword',
  string: 'string', regexp: 'string', 'char.escape': 'string', 'meta.string': 'string', quote: 'string', addition: 'string',
  number: 'number', symbol: 'number', bullet: 'number',
  comment: 'comment', doctag: 'comment', deletion: 'deletion',
  title: 'title', 'title.function': 'title', 'title.class': 'type', 'title.class.inherited': 'type', type: 'type', built_in: 'type', class: 'type',
  attr: 'name', attribute: 'name', property: 'name', meta: 'name', 'meta.keyword': 'keyword', 'selector-class': 'name', 'selector-id': 'name', variable: 'name', 'template-variable': 'name',
};

interface Scope {
  scope?: string;
  children: (Scope | string)[];
}

/** Nodes of the code; undefined: the language is not known. */
export function highlighted(code: string, language: string): Node[] | undefined {
  if (hljs.getLanguage(language) === undefined) return undefined;
  const { _emitter } = hljs.highlight(code, { language, ignoreIllegals: true }) as unknown as { _emitter: { rootNode: Scope } };
  return _emitter.rootNode.children.map(nodeOf);
}

function nodeOf(part: Scope | string): Node {
  if (typeof part === 'string') return document.createTextNode(part);
  const node = document.createElement('span');
  const look = looks[part.scope ?? ''] ?? looks[(part.scope ?? '').split('.')[0]];
  if (look) node.className = `code-${look}`;
  node.append(...part.children.map(nodeOf));
  return node;
}
