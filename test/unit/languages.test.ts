import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { endingsOf, languageOf } from '../../src/shared/languages.ts';
import { itUnless } from '../support/where.ts';

const check = (path: string, language: string, text?: string) => expect({ path, text, language: languageOf(path, text) }).toEqual({ path, text, language });

test.each(Object.entries({
  typescript: 'a.ts a.mts a.cts a.d.ts A.TS', typescriptreact: 'a.tsx', javascript: 'a.js a.mjs a.cjs jakefile', javascriptreact: 'a.jsx', python: 'a.py a.pyi a.pyw SConstruct', vue: 'a.vue', svelte: 'a.svelte', kotlin: 'a.kt a.kts build.gradle.kts', swift: 'a.swift',
  scss: 'a.scss', less: 'a.less', sass: 'a.sass', css: 'a.css', cpp: 'a.cc a.cpp a.cxx a.hpp a.h a.hh a.inl', c: 'a.c', csharp: 'a.cs a.csx', fsharp: 'a.fs', java: 'a.java', scala: 'a.scala', go: 'a.go', rust: 'a.rs', ruby: 'a.rb Gemfile Rakefile a.gemspec', php: 'a.php',
  perl: 'a.pl a.pm', lua: 'a.lua', r: 'a.R a.r', julia: 'a.jl', dart: 'a.dart', elixir: 'a.ex a.exs', haskell: 'a.hs', clojure: 'a.clj a.edn', shellscript: 'a.sh a.bash a.zsh .bashrc .zshrc .profile PKGBUILD', powershell: 'a.ps1', bat: 'a.bat a.cmd', makefile: 'Makefile GNUmakefile a.mk',
  cmake: 'CMakeLists.txt a.cmake', dockerfile: 'Dockerfile Dockerfile.dev Containerfile a.dockerfile', dockercompose: 'docker-compose.yml compose.yaml', yaml: 'a.yml a.yaml', json: 'a.json package.json a.js.map', jsonc: 'tsconfig.json tsconfig.build.json .eslintrc a.jsonc', toml: 'a.toml Cargo.lock',
  ini: 'a.ini', properties: 'a.conf .gitconfig .editorconfig', xml: 'a.xml a.svg a.csproj', html: 'a.html a.htm', markdown: 'a.md README.markdown', ignore: '.gitignore .npmignore', sql: 'a.sql', graphql: 'a.graphql', proto3: 'a.proto', terraform: 'a.tf', 'objective-c': 'a.m',
  groovy: 'a.groovy Jenkinsfile a.gradle', 'cuda-cpp': 'a.cu', latex: 'a.tex', restructuredtext: 'a.rst', solidity: 'a.sol', zig: 'a.zig', plaintext: 'a.txt LICENSE a. a.unknown constructor __proto__ a.__proto__',
}))('%s is the language of %s', (language, names) => {
  for (const name of names.split(' ')) for (const folder of ['', '/w/x.py/', 'C:\\w\\']) check(folder + name, language);
});

test('a folder may say which', () => {
  check('/w/.git/config', 'properties');
  check('/w/config', 'plaintext');
});

describe('the first line says it where the name does not', () => {
  test.each([
    ['#!/usr/bin/env python3\nimport x', 'python'], ['#!/bin/sh', 'shellscript'], ['#!/usr/bin/env bash\r\nls', 'shellscript'], ['#!/usr/bin/env node', 'javascript'], ['#!/usr/bin/env -S deno run', 'typescript'], ['#!/usr/bin/ruby', 'ruby'], ['#!/usr/bin/perl -w', 'perl'],
    ['<?xml version="1.0"?>', 'xml'], ['#cloud-config\n', 'yaml'], ['\ufeff#!/bin/bash', 'shellscript'], ['hello\n#!/bin/sh', 'plaintext'], ['', 'plaintext'],
  ])('%j', (text, language) => check('/w/run', language, text));
  test('not where it does', () => check('/w/a.js', 'javascript', '#!/usr/bin/env python'));
});

test('the endings of languages are those of the table', () => {
  expect(endingsOf(['python', 'kotlin'])).toEqual(expect.arrayContaining(['.py', '.pyi', '.pyw', '.kt']));
  expect(endingsOf(['constructor', 'nothing'])).toEqual([]);
});

describe('VS Code\'s own extensions', () => {
  const hosts = existsSync('.cache/host') ? readdirSync('.cache/host') : [];
  // The newest: what an older one says of a language that was added since is not wrong.
  const root = hosts.sort().map((host) => join('.cache/host', host, 'node_modules/code-server/lib/vscode/extensions')).findLast(existsSync) ?? '';

  itUnless(root === '' ? 'no VS Code is installed here: npm run test:host does it' : undefined, 'give the same languages', () => {
    interface Stated { id: string; extensions?: string[]; filenames?: string[] }
    for (const folder of readdirSync(root)) {
      const manifest = join(root, folder, 'package.json');
      if (!existsSync(manifest)) continue;
      const { contributes } = JSON.parse(readFileSync(manifest, 'utf8')) as { contributes?: { languages?: Stated[] } };
      for (const { id, extensions = [], filenames = [] } of contributes?.languages ?? []) {
        for (const ending of extensions) if (!ending.includes('*')) expect([ending, languageOf(`/w/x${ending}`)]).toEqual([ending, id]);
        for (const name of filenames) expect([name, languageOf(`/w/${name}`)]).toEqual([name, id]);
      }
    }
  });
});
