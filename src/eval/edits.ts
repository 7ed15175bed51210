// Recorded editing sessions, replayed: the model is made to write what the author wrote, so what is measured is how many tokens a pass gives and what it costs.
import { joined } from '../locality/continuations.ts';
import { Deletions } from '../locality/deletions.ts';
import type { DraftLength } from '../locality/draftLength.ts';
import { TokenIndex } from '../locality/tokenIndex.ts';
import type { Engine } from '../session/engine.ts';
import { Session } from '../session/session.ts';
import { CancelFlag } from '../shared/cancel.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** One edit: the text around it at its moment, and what was written. */
export interface Edit {
  before: string;
  after: string;
  /** What stood there until then. */
  deleted: string;
  written: string;
}

export interface EditSession {
  name: string;
  /** Whether the edits repeat what stands around them. */
  repetitive: boolean;
  edits: Edit[];
}

const MARK = /⟦([^⟦⟧⇒]*)⇒([^⟦⟧]*)⟧/g;

/** A fixture of test/fixtures/edits: the first line says what it is. Edits are made from top to bottom. */
export function parseEdits(name: string, text: string): EditSession {
  const kept: { plain: string; old: string; written: string }[] = [];
  let from = 0;
  for (const match of text.matchAll(MARK)) {
    kept.push({ plain: text.slice(from, match.index), old: match[1], written: match[2] });
    from = match.index + match[0].length;
  }
  const rest = text.slice(from);
  const edits = kept.map(({ plain, old, written }, i) => ({
    before: kept.slice(0, i).map((edit) => edit.plain + edit.written).join('') + plain,
    after: kept.slice(i + 1).map((edit) => edit.plain + edit.old).join('') + rest,
    deleted: old,
    written,
  }));
  return { name, repetitive: /^\S+ repetitive\b/.test(text), edits };
}

export interface Replay {
  tokens: number;
  passes: number;
  drafted: number;
  accepted: number;
  /** Milliseconds of decoding; what is read first does not count. */
  ms: number;
  /** Hash of every logits row that a token was taken from, as the sampler saw it. */
  rows: number;
}

/** Writes the edits of a session one after the other, each in its own moment. `lengths` undefined: one token a pass. */
export async function replay(engine: Engine, tokenizer: Tokenizer, { edits }: EditSession, lengths: DraftLength | undefined): Promise<Replay> {
  const sum: Replay = { tokens: 0, passes: 0, drafted: 0, accepted: 0, ms: 0, rows: 0x811c9dc5 };
  const deletions = new Deletions((text) => tokenizer.encode(text));
  for (const { before, after, deleted, written } of edits) {
    const [head, rest, ids] = [before, after, written].map((text) => tokenizer.encode(text));
    const prompt = Int32Array.from(head);
    deletions.become('', before + deleted + after);
    deletions.become('', before + after);
    const index = new TokenIndex();
    index.become(joined([rest, head]));
    let said = 0;
    const sampler = {
      sample(logits: Float32Array) {
        const bits = new Uint32Array(logits.buffer, logits.byteOffset, logits.length);
        // A sample of the row is enough to tell two apart, and costs nothing beside a pass.
        for (let i = 0; i < bits.length; i += 61) sum.rows = Math.imul(sum.rows ^ bits[i], 0x01000193);
        return { id: ids[said++], logProbability: 0 };
      },
      accept() {},
    };
    const session = new Session(engine.forward, engine.cache);
    const options = { max: ids.length, sampler, ends: [], cancel: new CancelFlag(), around: { index, mixes: false, lookup: lengths && { lengths, others: [deletions.index] } } };
    await session.generate(prompt, options, () => ++sum.tokens > 0);
    sum.passes += session.lookup.passes;
    sum.drafted += session.lookup.drafted;
    sum.accepted += session.lookup.accepted;
    sum.ms += session.ms.decode;
  }
  return sum;
}
