// Which tokens begin a text, end a generation, or mark the place to fill: from the metadata first, else by the text of the token.
// Texts and the rules for what ends a generation follow llama.cpp.
import type { FilesForm, FimTokens } from './files.ts';

type FimRole = 'prefix' | 'suffix' | 'middle' | 'pad' | 'repo' | 'fileSeparator';

/** Keys under `tokenizer.ggml.`, newest name first. */
export const fimKeys: Readonly<Record<FimRole, readonly string[]>> = {
  prefix: ['fim_pre_token_id', 'prefix_token_id'],
  suffix: ['fim_suf_token_id', 'suffix_token_id'],
  middle: ['fim_mid_token_id', 'middle_token_id'],
  pad: ['fim_pad_token_id'],
  repo: ['fim_rep_token_id'],
  fileSeparator: ['fim_sep_token_id'],
};

export type Family = Partial<Record<FimRole, string>>;

/** Families by the text of their tokens, with what their models are called; the first whose three tokens are all in the vocabulary is taken. */
const familiesByName: readonly (readonly [called: RegExp | null, texts: Family])[] = [
  // Qwen2.5-Coder, our starter
  [/qwen.*coder|\bstarter\b/i, { prefix: '<|fim_prefix|>', suffix: '<|fim_suffix|>', middle: '<|fim_middle|>', pad: '<|fim_pad|>', repo: '<|repo_name|>', fileSeparator: '<|file_sep|>' }],
  [/codegemma/i, { prefix: '<|fim_prefix|>', suffix: '<|fim_suffix|>', middle: '<|fim_middle|>', fileSeparator: '<|file_separator|>' }],
  [/starcoder-?2/i, { prefix: '<fim_prefix>', suffix: '<fim_suffix>', middle: '<fim_middle>', pad: '<fim_pad>', repo: '<repo_name>', fileSeparator: '<file_sep>' }],
  [/granite-?4/i, { prefix: '<|fim_prefix|>', suffix: '<|fim_suffix|>', middle: '<|fim_middle|>', pad: '<|fim_pad|>', repo: '<|reponame|>', fileSeparator: '<|filename|>' }],
  // Granite Code, Granite 3
  [/granite-?3|granite.*code/i, { prefix: '<fim_prefix>', suffix: '<fim_suffix>', middle: '<fim_middle>', pad: '<fim_pad>', repo: '<reponame>', fileSeparator: '<filename>' }],
  [/starcoder|refact/i, { prefix: '<fim_prefix>', suffix: '<fim_suffix>', middle: '<fim_middle>', pad: '<fim_pad>', repo: '<reponame>' }],
  [/santacoder/i, { prefix: '<fim-prefix>', suffix: '<fim-suffix>', middle: '<fim-middle>', pad: '<fim-pad>' }],
  [/deepseek-?coder/i, { prefix: '<｜fim▁begin｜>', suffix: '<｜fim▁hole｜>', middle: '<｜fim▁end｜>' }],
  // CodeLlama; a server reads the text of its tokens without the mark for a blank
  [null, { prefix: '▁<PRE>', suffix: '▁<SUF>', middle: '▁<MID>' }],
  [/code-?llama/i, { prefix: '<PRE>', suffix: '<SUF>', middle: '<MID>', pad: '<PAD>', repo: '<REPO>' }],
  // GLM 4.5, Falcon-H1
  [/glm-?4/i, { prefix: '<|code_prefix|>', suffix: '<|code_suffix|>', middle: '<|code_middle|>' }],
  [/falcon-?h1/i, { prefix: '<|prefix|>', suffix: '<|suffix|>', middle: '<|middle|>' }],
  // Codestral: [SUFFIX]suffix[PREFIX]prefix
  [/codestral/i, { prefix: '[PREFIX]', suffix: '[SUFFIX]', middle: '[MIDDLE]' }],
];
const families: readonly Family[] = familiesByName.map(([, texts]) => texts);

/** The texts of the fill-in-the-middle tokens of a model of this name, for who has no tokenizer of it; undefined where the name says nothing. */
export const fimTextsOf = (modelName: string): Family | undefined => familiesByName.find(([called]) => called?.test(modelName))?.[1];

/** Texts that end a generation wherever they are a token. */
const endTexts = [
  '<|eot_id|>', '<|im_end|>', '<|end|>', '<|return|>', '<|call|>', '<|flush|>', '<|calls|>', '<end_of_turn>', '<|endoftext|>', '</s>', '<|eom_id|>', '<EOT>', '▁<EOT>', '_<EOT>',
  '[EOT]', '[EOS]', '<|end_of_text|>', '<end_of_utterance>', '<eos>', '<|file_separator|>', '<|EOT|>', '<｜end▁of▁sentence｜>',
] as const;

/** Ids the metadata names, `undefined` where it is silent. */
export interface NamedIds {
  eos?: number;
  eot?: number;
  eom?: number;
  fim: Partial<Record<FimRole, number>>;
}

/** Does a token's text say that it steers the model? Converters sometimes mark such tokens as ordinary user-defined text. */
export function looksSpecial(text: string): boolean {
  return /^<[|｜].*[|｜]>$/u.test(text) || /^<fim[-_]\w+>$/.test(text) || (endTexts as readonly string[]).includes(text) || families.some((family) => Object.values(family).includes(text));
}

/** `texts`: id → text. Converters name ids of CodeGemma in files of every Gemma, where they are tokens that nobody trained. */
export function findFim(all: NamedIds['fim'], idOf: ReadonlyMap<string, number>, texts: ArrayLike<unknown>): FimTokens | null {
  const named = Object.values(all).some((id) => id !== undefined && /^<unused\d+>$/.test(String(texts[id]))) ? {} : all;
  const complete = (f: Family): boolean => idOf.has(f.prefix!) && idOf.has(f.suffix!) && idOf.has(f.middle!);
  const candidates = families.filter(complete);
  // Two families may share the three tokens and differ in the names of the rest: the one that finds more of them wins.
  const found = (f: Family): number => Object.values(f).filter((text) => idOf.has(text)).length;
  const family = candidates.reduce<Family | undefined>((best, f) => (best && found(best) >= found(f) ? best : f), undefined);
  const id = (role: FimRole): number | undefined => named[role] ?? (family?.[role] === undefined ? undefined : idOf.get(family[role]));
  const [prefix, suffix, middle] = [id('prefix'), id('suffix'), id('middle')];
  if (prefix === undefined || suffix === undefined || middle === undefined) return null;
  const layout = prefix === idOf.get('[PREFIX]') ? 'suffixFirst' : 'standard';
  const tokens: FimTokens = { prefix, suffix, middle, layout };
  for (const role of ['pad', 'repo', 'fileSeparator'] as const) {
    const value = id(role);
    if (value !== undefined) tokens[role] = value;
  }
  const form = formOf(String(texts[prefix]), tokens.fileSeparator === undefined ? undefined : String(texts[tokens.fileSeparator]));
  if (form !== undefined) tokens.files = form;
  return tokens;
}

/** The form in which a family was trained on several files, as its authors describe it, by what its tokens are called. */
function formOf(prefix: string, separator: string | undefined): FilesForm | undefined {
  if (separator !== undefined && Object.hasOwn(separated, separator)) return separated[separator];
  return Object.hasOwn(unseparated, prefix) ? unseparated[prefix] : undefined;
}

const separated: Readonly<Record<string, FilesForm>> = {
  '<|file_sep|>': 'separated', '<filename>': 'named', '<|filename|>': 'named', '<file_sep>': 'unnamed', '<|file_separator|>': 'between',
};
const unseparated: Readonly<Record<string, FilesForm>> = { '<｜fim▁begin｜>': 'commented', '[PREFIX]': 'plus' };

/** Every id that ends a generation, ascending. A token that starts another file or repository ends a completion too. */
export function findEnds(named: NamedIds, fim: FimTokens | null, idOf: ReadonlyMap<string, number>): number[] {
  const ends = new Set<number>();
  for (const id of [named.eos, named.eot, named.eom, fim?.pad, fim?.repo, fim?.fileSeparator]) if (id !== undefined) ends.add(id);
  for (const text of endTexts) {
    const id = idOf.get(text);
    if (id !== undefined) ends.add(id);
  }
  // In the harmony format <|end|> closes a message, not the answer.
  const end = idOf.get('<|end|>');
  const closesMessageOnly = (idOf.has('<|return|>') && (idOf.has('<|call|>') || idOf.has('<|calls|>'))) || (idOf.has('<|flush|>') && idOf.has('<|calls|>'));
  if (end !== undefined && end !== named.eos && closesMessageOnly) ends.delete(end);
  return [...ends].sort((a, b) => a - b);
}
