// Which language a file is in, as VS Code says it: by its name, its ending, or its first line.
// The first table states the facts of VS Code's own extensions (1.139; a test compares it where a VS Code is installed), the second those of
// languages that VS Code leaves to extensions, by the identifiers that the most used of these give.
import { basename } from 'node:path';

/** Names, patterns and endings in lower case, separated by blanks. */
interface Language {
  readonly endings?: string;
  readonly names?: string;
  /** `*` within a name, `**` across folders; with a `/` of the whole path. */
  readonly patterns?: string;
  readonly firstLine?: RegExp;
}

export const VSCODE_LANGUAGES: Readonly<Record<string, Language>> = {
  bat: { endings: '.bat .cmd' },
  clojure: { endings: '.clj .cljs .cljc .cljx .clojure .edn' },
  coffeescript: { endings: '.coffee .cson .iced' },
  jsonc: { endings: '.code-workspace language-configuration.json icon-theme.json color-theme.json .jsonc .eslintrc .eslintrc.json .jsfmtrc .jshintrc .swcrc .hintrc .babelrc .toolset.jsonc', names: 'settings.json launch.json tasks.json mcp.json keybindings.json extensions.json argv.json profiles.json devcontainer.json .devcontainer.json babel.config.json bun.lock .babelrc.json .ember-cli typedoc.json tsconfig.json jsconfig.json', patterns: '**/.github/hooks/*.json tsconfig.*.json jsconfig.*.json tsconfig-*.json jsconfig-*.json' },
  json: { endings: '.code-profile .json .bowerrc .jscsrc .webmanifest .js.map .css.map .ts.map .har .jslintrc .jsonld .geojson .ipynb .vuerc .tsbuildinfo', names: 'composer.lock .watchmanconfig' },
  ignore: { endings: '.gitignore_global .gitignore .git-blame-ignore-revs .npmignore', names: '.vscodeignore', patterns: '.copilotignore' },
  markdown: { endings: '.copilotmd .md .mkd .mkdn .mdwn .mdown .markdown .markdn .mdtxt .mdtext .litcoffee .ron .ronn .workbook', patterns: '**/.cursor/**/*.mdc' },
  c: { endings: '.c .i' },
  cpp: { endings: '.cpp .cppm .cc .ccm .cxx .cxxm .c++ .c++m .hpp .hh .hxx .h++ .h .ii .ino .inl .ipp .ixx .mpp .mxx .tpp .txx .hpp.in .h.in' },
  'cuda-cpp': { endings: '.cu .cuh' },
  csharp: { endings: '.cs .csx .cake' },
  css: { endings: '.css' },
  dart: { endings: '.dart' },
  diff: { endings: '.diff .patch .rej' },
  dockerfile: { endings: '.dockerfile .containerfile', names: 'dockerfile containerfile', patterns: 'dockerfile.* containerfile.*' },
  dotenv: { endings: '.env', names: '.env .flaskenv user-dirs.dirs', patterns: '.env.*' },
  fsharp: { endings: '.fs .fsi .fsx .fsscript' },
  'git-commit': { names: 'commit_editmsg merge_msg' },
  'git-rebase': { names: 'git-rebase-todo', patterns: '**/rebase-merge/done' },
  go: { endings: '.go' },
  groovy: { endings: '.groovy .gvy .gradle .jenkinsfile .nf', names: 'jenkinsfile', patterns: 'jenkinsfile*', firstLine: /^#!.*\bgroovy\b/ },
  handlebars: { endings: '.handlebars .hbs .hjs' },
  hlsl: { endings: '.hlsl .hlsli .fx .fxh .vsh .psh .cginc .compute' },
  html: { endings: '.html .htm .shtml .xhtml .xht .mdoc .jsp .asp .aspx .jshtm .volt .ejs .rhtml' },
  ini: { endings: '.ini' },
  properties: { endings: '.conf .properties .cfg .directory .gitattributes .gitconfig .gitmodules .editorconfig .repo .npmrc', names: 'gitconfig', patterns: '**/.config/git/config **/.git/config' },
  java: { endings: '.java .jav' },
  javascriptreact: { endings: '.jsx' },
  javascript: { endings: '.js .es6 .mjs .cjs .pac', names: 'jakefile', firstLine: /^#!.*\bnode/ },
  jsonl: { endings: '.jsonl .ndjson' },
  snippets: { endings: '.code-snippets', patterns: '**/user/snippets/*.json **/user/profiles/*/snippets/*.json **/snippets*.json' },
  julia: { endings: '.jl', firstLine: /^#!\s*\/.*\bjulia[0-9.-]*\b/ },
  juliamarkdown: { endings: '.jmd' },
  tex: { endings: '.sty .cls .bbx .cbx' },
  latex: { endings: '.tex .ltx .ctx' },
  bibtex: { endings: '.bib' },
  less: { endings: '.less' },
  log: { endings: '.log' },
  lua: { endings: '.lua' },
  makefile: { endings: '.mak .mk', names: 'makefile gnumakefile ocamlmakefile', firstLine: /^#!\s*\/usr\/bin\/make/ },
  wat: { endings: '.wat .wasm', firstLine: /^\(module/ },
  'objective-c': { endings: '.m' },
  'objective-cpp': { endings: '.mm' },
  perl: { endings: '.pl .pm .pod .t .psgi', firstLine: /^#!.*\bperl\b/ },
  raku: { endings: '.raku .rakumod .rakutest .rakudoc .nqp .p6 .pl6 .pm6', firstLine: /(^#!.*\bperl6\b)|use\s+v6|raku|=begin\spod|my\sclass/ },
  php: { endings: '.php .php4 .php5 .phtml .ctp', firstLine: /^#!\s*\/.*\bphp\b/ },
  powershell: { endings: '.ps1 .psm1 .psd1 .pssc .psrc', firstLine: /^#!\s*\/.*\bpwsh\b/ },
  prompt: { endings: '.prompt.md' },
  instructions: { endings: '.instructions.md copilot-instructions.md', patterns: '**/.claude/rules/**/*.md' },
  chatagent: { endings: '.agent.md .chatmode.md', patterns: '**/.github/agents/*.md **/.claude/agents/*.md' },
  skill: { names: 'skill.md' },
  jade: { endings: '.pug .jade' },
  python: { endings: '.py .rpy .pyw .cpy .gyp .gypi .pyi .ipy .pyt', names: 'sconstruct sconscript', firstLine: /^#!\s*\/?.*\bpython[0-9.-]*\b/ },
  r: { endings: '.r .rhistory .rprofile .rt' },
  razor: { endings: '.cshtml .razor' },
  restructuredtext: { endings: '.rst' },
  ruby: { endings: '.rb .rbx .rjs .gemspec .rake .ru .erb .podspec .rbi', names: 'rakefile gemfile guardfile podfile capfile cheffile hobofile vagrantfile appraisals rantfile berksfile berksfile.lock thorfile puppetfile dangerfile brewfile fastfile appfile deliverfile matchfile scanfile snapfile gymfile', firstLine: /^#!\s*\/.*\bruby\b/ },
  rust: { endings: '.rs' },
  scss: { endings: '.scss' },
  'search-result': { endings: '.code-search' },
  shaderlab: { endings: '.shader' },
  shellscript: { endings: '.sh .bash .bashrc .bash_aliases .bash_profile .bash_login .ebuild .eclass .profile .bash_logout .xprofile .xsession .xsessionrc .zsh .zshrc .zprofile .zlogin .zlogout .zshenv .zsh-theme .fish .ksh .csh .cshrc .tcshrc .yashrc .yash_profile', names: 'apkbuild pkgbuild .envrc .hushlogin zshrc zshenv zlogin zprofile zlogout bashrc_apple_terminal zshrc_apple_terminal', firstLine: /^#!.*\b(bash|fish|zsh|sh|ksh|dtksh|pdksh|mksh|ash|dash|yash|sh|csh|jcsh|tcsh|itcsh).*|^#\s*-\*-[^*]*mode:\s*shell-script[^*]*-\*-/ },
  sql: { endings: '.sql .dsql' },
  swift: { endings: '.swift' },
  typescript: { endings: '.ts .cts .mts', firstLine: /^#!.*\b(deno|bun|ts-node)\b/ },
  typescriptreact: { endings: '.tsx' },
  vb: { endings: '.vb .brs .vbs .bas .vba' },
  xml: { endings: '.xml .xsd .ascx .atom .axml .axaml .bpmn .cpt .csl .csproj .csproj.user .dita .ditamap .dtd .ent .mod .dtml .fsproj .fxml .iml .isml .jmx .launch .menu .mxml .nuspec .opml .owl .proj .props .pt .publishsettings .pubxml .pubxml.user .rbxlx .rbxmx .rdf .rng .rss .shproj .slnx .storyboard .svg .targets .tld .tmx .vbproj .vbproj.user .vcxproj .vcxproj.filters .wixproj .wsdl .wxi .wxl .wxs .xaml .xbl .xib .xlf .xliff .xpdl .xul .xoml', firstLine: /(<\?xml.*)|(<svg)|(<!doctype\s+svg)/ },
  xsl: { endings: '.xsl .xslt' },
  dockercompose: { patterns: 'compose.yml compose.yaml compose.*.yml compose.*.yaml *docker*compose*.yml *docker*compose*.yaml' },
  yaml: { endings: '.yaml .yml .eyaml .eyml .cff .yaml-tmlanguage .yaml-tmpreferences .yaml-tmtheme .winget', firstLine: /^#cloud-config/ },
};

const OTHER_LANGUAGES: Readonly<Record<string, Language>> = {
  ada: { endings: '.adb .ads' },
  asciidoc: { endings: '.adoc .asciidoc' },
  astro: { endings: '.astro' },
  bazel: { endings: '.bzl .bazel' },
  bicep: { endings: '.bicep' },
  cmake: { endings: '.cmake', names: 'cmakelists.txt' },
  crystal: { endings: '.cr' },
  cython: { endings: '.pyx .pxd .pxi' },
  d: { endings: '.d .di' },
  elixir: { endings: '.ex .exs', names: 'mix.lock' },
  elm: { endings: '.elm' },
  erlang: { endings: '.erl .hrl', names: 'rebar.config' },
  FortranFreeForm: { endings: '.f90 .f95 .f03 .f08' },
  gdscript: { endings: '.gd' },
  gleam: { endings: '.gleam' },
  glsl: { endings: '.glsl .vert .frag .geom .comp' },
  graphql: { endings: '.graphql .gql .graphqls' },
  haskell: { endings: '.hs .hs-boot' },
  haxe: { endings: '.hx' },
  hcl: { endings: '.hcl' },
  jinja: { endings: '.j2 .jinja .jinja2' },
  kotlin: { endings: '.kt .kts .ktm' },
  lisp: { endings: '.lisp .lsp .el .cl' },
  liquid: { endings: '.liquid' },
  mdx: { endings: '.mdx' },
  meson: { names: 'meson.build meson_options.txt meson.options' },
  nim: { endings: '.nim .nims .nimble' },
  nix: { endings: '.nix' },
  ocaml: { endings: '.ml .mli', names: 'dune dune-project' },
  odin: { endings: '.odin' },
  pascal: { endings: '.pas .dpr .lpr' },
  postcss: { endings: '.pcss .postcss' },
  prisma: { endings: '.prisma' },
  prolog: { endings: '.prolog' },
  proto3: { endings: '.proto' },
  purescript: { endings: '.purs' },
  racket: { endings: '.rkt' },
  rescript: { endings: '.res .resi' },
  sass: { endings: '.sass' },
  scala: { endings: '.scala .sc .sbt' },
  scheme: { endings: '.scm .ss .sld' },
  smarty: { endings: '.tpl' },
  solidity: { endings: '.sol' },
  starlark: { endings: '.star' },
  stylus: { endings: '.styl .stylus' },
  svelte: { endings: '.svelte' },
  systemverilog: { endings: '.sv .svh' },
  tcl: { endings: '.tcl' },
  terraform: { endings: '.tf .tfvars' },
  toml: { endings: '.toml', names: 'cargo.lock poetry.lock uv.lock pdm.lock pipfile' },
  twig: { endings: '.twig' },
  typst: { endings: '.typ' },
  verilog: { endings: '.v .vh' },
  vhdl: { endings: '.vhd .vhdl' },
  viml: { endings: '.vim .vimrc' },
  vue: { endings: '.vue' },
  wgsl: { endings: '.wgsl' },
  zig: { endings: '.zig .zon' },
};

const PLAIN = 'plaintext';
/** Of the first line, as VS Code looks at it. */
const FIRST_LINE = 1000;

interface Rule {
  readonly language: string;
  readonly text: string;
}

const words = (text: string | undefined): string[] => text?.split(' ') ?? [];
/** VS Code's own after the others, for of two that say the same the last one is taken. */
const languages = Object.entries({ ...OTHER_LANGUAGES, ...VSCODE_LANGUAGES });
const rules = (of: 'endings' | 'names' | 'patterns'): Rule[] => languages.flatMap(([language, facts]) => words(facts[of]).map((text) => ({ language, text })));
const names = new Map(rules('names').map(({ text, language }) => [text, language]));
const endings = new Map(rules('endings').map(({ text, language }) => [text, language]));
const patterns = rules('patterns').sort((a, b) => b.text.length - a.text.length).map(({ text, language }) => ({ language, wholePath: text.includes('/'), matches: patternOf(text) }));

function patternOf(glob: string): RegExp {
  const source = glob.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*\*\/|\*/g, (star) => (star === '*' ? '[^/]*' : '(?:.*/)?'));
  return new RegExp(`^${source}$`);
}

/** The language identifier of a file: its whole name counts most, then a pattern, then its longest known ending, then its first line; "plaintext" where nothing is known. */
export function languageOf(path: string, text = ''): string {
  const whole = path.replaceAll('\\', '/').toLowerCase();
  const name = basename(whole);
  return names.get(name) ?? patterns.find(({ wholePath, matches }) => matches.test(wholePath ? whole : name))?.language ?? byEnding(name) ?? byFirstLine(text) ?? PLAIN;
}

function byEnding(name: string): string | undefined {
  for (let at = 0; at < name.length; at++) {
    const language = endings.get(name.slice(at));
    if (language) return language;
  }
  return undefined;
}

function byFirstLine(text: string): string | undefined {
  const [line] = text.slice(0, FIRST_LINE).replace(/^\ufeff/, '').split(/[\r\n]/, 1);
  return line === '' ? undefined : languages.find(([, { firstLine }]) => firstLine?.test(line))?.[0];
}

/** Every ending of files in the languages. */
export const endingsOf = (of: readonly string[]): string[] => of.flatMap((language) => words((VSCODE_LANGUAGES[language] ?? OTHER_LANGUAGES[language])?.endings));
