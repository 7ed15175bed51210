// The prompt at a cursor for a server that has the tokenizer: made by the same rules as for a model here, with characters in the place of tokens.
import { fimBudget, normalise } from '../prompt/budget.ts';
import { fimPrompt } from '../prompt/fim.ts';
import { fimOrder } from '../prompt/order.ts';
import { filesRoom } from '../prompt/otherFiles.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import { steers } from '../prompt/steering.ts';
import type { CodeRequest } from '../shared/remoteServer.ts';
import type { FimTokens, SpecialTokens } from '../tokenizer/files.ts';
import { fimTextsOf, findFim, type Family } from '../tokenizer/specialTokens.ts';
import type { NeighbourSet } from './neighbourSet.ts';
import { PromptFiles } from './promptFiles.ts';
import type { PromptDescription } from './protocol.ts';

export type ServerForm = CodeRequest['form'];

/** What code comes to; text in other languages has fewer, and its prompt is the shorter for it. */
export const CHARACTERS_A_TOKEN = 3;
/** Where the cursor is, in what is shown of a prompt without markers. */
const CURSOR = '█';
/** The first id of a control token: no character has it. */
const CONTROL = 0x110000;
/** Where no family is known: the parts are taken from the prompt, its markers are not. */
const ANY = fimTextsOf('Qwen2.5-Coder')!;

export interface ServerPrompt {
  request: CodeRequest;
  described: PromptDescription;
}

/** One character is one token, and the texts of a family's control tokens are one each. */
class Characters {
  readonly special: SpecialTokens;
  /** The texts of the control tokens. */
  readonly controls: readonly string[];

  constructor(family: Family) {
    this.controls = Object.values(family);
    const ids = new Map(this.controls.map((text, i) => [text, CONTROL + i]));
    this.special = { bos: null, eos: [], addBos: false, fim: findFim({}, ids, { length: CONTROL, ...Object.fromEntries(this.controls.map((text, i) => [CONTROL + i, text])) }) };
  }

  encode(text: string): number[] {
    return Array.from(text, (character) => character.codePointAt(0)!);
  }

  decode(tokens: readonly number[]): string {
    return tokens.map((token) => (token >= CONTROL ? this.controls[token - CONTROL] : String.fromCodePoint(token))).join('');
  }
}

/** The prompts of one model of one server. */
export class ServerPrompts {
  private readonly form: ServerForm;
  private readonly characters: Characters;
  private readonly files: PromptFiles;
  private readonly order;

  /** @param form null: with the markers of the model's family where its name says which one that is, else the server is to put its own around the parts */
  constructor(private readonly model: string, form: ServerForm | null) {
    const family = fimTextsOf(model);
    this.form = form === null || (form === 'prompt' && !family) ? (family ? 'prompt' : 'suffix') : form;
    this.characters = new Characters(family ?? ANY);
    this.order = fimOrder(model);
    const { fim } = this.characters.special;
    // llama-server arranges files by itself, and needs no tokens for that: they are chosen as for a family that has any.
    const chosen: FimTokens | null = this.form === 'infill' && fim ? { ...fim, fileSeparator: fim.suffix } : fim;
    this.files = new PromptFiles(this.form === 'infill' ? 'unnamed' : this.form === 'prompt' ? fim?.files : undefined, { encode: (text) => this.characters.encode(text), special: { ...this.characters.special, fim: chosen } });
  }

  /** Null where the document holds the text of a control token: a server would read it as one. `tokens`: of the prompt at most. */
  at(snapshot: Snapshot, { tokens, max, neighbours }: { tokens: number; max: number; neighbours?: NeighbourSet }): ServerPrompt | null {
    const { model, characters } = this;
    const { total, suffix } = fimBudget(tokens);
    const budget = { total: total * CHARACTERS_A_TOKEN, suffix: suffix * CHARACTERS_A_TOKEN };
    if (neighbours?.documents) this.files.become(neighbours.name, neighbours.folder, neighbours.documents.map(({ path, text }) => ({ path, text: normalise(text) })));
    const files = this.files.before(snapshot, budget.total, neighbours?.name);
    const made = fimPrompt(snapshot, characters, { order: this.order, budget, modelName: model, ...(files && { files }) });
    const shown = made.spans.find(({ name, dropped }) => name === 'suffix' && !dropped);
    const before = made.prefixText;
    const after = normalise(shown ? snapshot.after.slice(0, shown.end - snapshot.before.length) : '');
    const room = filesRoom(budget.total, snapshot.before.length + snapshot.after.length);
    const others = (files?.files ?? []).map(({ path, text }, _, all) => ({ path, text: text.slice(0, Math.floor(room / all.length)) }));
    const described = (text: string): PromptDescription => ({ text, spans: made.spans.map((span) => ({ ...span, tokens: Math.ceil(span.tokens / CHARACTERS_A_TOKEN) })), neighbours: files?.paths ?? [], ...(files && { files: files.paths }) });
    switch (this.form) {
      // llama-server reads what it gets as text, whatever stands in it.
      case 'infill': {
        const shownFiles = others.map(({ path, text }) => `${path}\n${text}\n`).join('');
        return { request: { form: 'infill', model, max, before, after, files: others }, described: described(`${shownFiles}${before}${CURSOR}${after}`) };
      }
      case 'suffix': return steers(before + after) ? null : { request: { form: 'suffix', model, max, before, after }, described: described(`${before}${CURSOR}${after}`) };
      default: {
        if ([before + after, ...others.flatMap(({ path, text }) => [path, text])].some((text) => steers(text) || characters.controls.some((control) => text.includes(control)))) return null;
        const prompt = characters.decode(made.tokens);
        return { request: { form: 'prompt', model, max, prompt, stops: stopsOf(characters.special.fim, characters) }, described: described(prompt) };
      }
    }
  }
}

/** Where the next file or another place to fill would begin; more than four are refused by some servers. */
const stopsOf = (fim: FimTokens | null, characters: Characters): string[] =>
  fim ? [fim.prefix, fim.suffix, fim.fileSeparator, fim.pad].flatMap((token) => (token === undefined ? [] : [characters.decode([token])])) : [];
