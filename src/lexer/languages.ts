// Which rules a language is read by, by VS Code's identifier of it.
import * as cLike from './cLike.ts';
import { javaScript, javaScriptReact } from './javaScript.ts';
import * as others from './others.ts';
import type { Rule } from './rule.ts';
import * as scripts from './scripts.ts';

const families: readonly (readonly [rule: Rule, languages: string])[] = [
  [javaScript, 'typescript'],
  [javaScriptReact, 'javascript javascriptreact typescriptreact'],
  [cLike.c, 'c cpp cuda-cpp objective-c objective-cpp arduino hlsl glsl wgsl shaderlab'],
  [cLike.csharp, 'csharp'],
  [cLike.java, 'java apex'],
  [cLike.kotlin, 'kotlin'],
  [cLike.scala, 'scala'],
  [cLike.groovy, 'groovy gradle jenkinsfile'],
  [cLike.dart, 'dart'],
  [cLike.swift, 'swift'],
  [cLike.go, 'go'],
  [cLike.rust, 'rust'],
  [cLike.zig, 'zig'],
  [cLike.verilog, 'verilog systemverilog'],
  [cLike.css, 'css'],
  [cLike.scss, 'scss less sass stylus'],
  [others.json, 'json jsonc json5 jsonl'],
  [scripts.python, 'python cython mojo'],
  [scripts.pythonLike, 'toml starlark bazel gdscript nim coffeescript graphql'],
  [scripts.shell, 'shellscript fish'],
  [scripts.powershell, 'powershell'],
  [scripts.dockerfile, 'dockerfile'],
  [scripts.makefile, 'makefile'],
  [scripts.cmake, 'cmake'],
  [scripts.ruby, 'ruby crystal'],
  [scripts.elixir, 'elixir'],
  [scripts.julia, 'julia'],
  [scripts.r, 'r'],
  [scripts.yaml, 'yaml dockercompose github-actions-workflow'],
  [scripts.config, 'ini properties ignore terraform hcl dotenv'],
  [scripts.perl, 'perl perl6 raku'],
  [others.sql, 'sql plsql mysql'],
  [others.lua, 'lua luau'],
  [others.haskell, 'haskell elm purescript idris agda'],
  [others.ocaml, 'ocaml fsharp sml reason'],
  [others.pascal, 'pascal objectpascal'],
  [others.ada, 'ada vhdl'],
  [others.fortran, 'fortran fortran-modern FortranFreeForm FortranFixedForm'],
  [others.basic, 'vb vba'],
  [others.batch, 'bat'],
  [others.lisp, 'clojure lisp commonlisp scheme racket emacs-lisp'],
  [others.percent, 'erlang matlab octave prolog'],
  [others.vim, 'viml vim'],
  [others.markup, 'html xml xsl svg vue svelte astro handlebars razor php django-html jinja jinja-html twig blade erb ejs'],
  [others.prose, 'markdown mdx plaintext latex tex bibtex restructuredtext asciidoc git-commit git-rebase log search-result'],
];
const byLanguage = new Map(families.flatMap(([rule, languages]) => languages.split(' ').map((language) => [language, rule] as const)));

/** A language that is not listed is read as most are written: `//`, braces, quotes that end with their line. */
export const rulesOf = (languageId: string): Rule => byLanguage.get(languageId) ?? cLike.unknown;

/** Are brackets in this language structure (and not punctuation of a sentence)? Documents that mix markup and code are both. */
export const hasBrackets = (languageId: string): boolean => rulesOf(languageId).code || languageId === 'php';
