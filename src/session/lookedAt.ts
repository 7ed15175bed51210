// Where the rows that were sampled of one request looked, by the lines of the document that it completes: the attention of every token goes to the line that it
// begins in. What is no line stands apart: the sinks, what else stands in the prompt (its marks, other files), and what the request wrote itself.
import { BLOCK } from '../binding/addon.ts';
import { firstExactBlock, type WindowRule } from '../cache/window.ts';
import { lineOfTokens } from '../inspect/lineOfTokens.ts';
import type { Span } from '../prompt/fim.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import { FAR_LINE, NEAR_LINE, UNREAD_LINE, type LiveLooked } from '../shared/liveFigures.ts';
import type { FimTokens } from '../tokenizer/files.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** No line of the document: a mark of the prompt, or another file that stands in it. */
const ELSE = -1;

export interface LookedAtNeeds {
  /** Tells it from all other requests. */
  request: string;
  document: Snapshot;
  prompt: { tokens: Int32Array; spans: readonly Span[] };
  tokenizer: Pick<Tokenizer, 'bytes' | 'isControl'>;
  fim: FimTokens;
  /** Null where all keys are exact. */
  window: WindowRule | null;
  sinks: number;
}

export class LookedAt {
  /** By token of the prompt, the line that it begins in, or ELSE. */
  private readonly lineOf: Int32Array;
  private readonly lines: Float64Array;
  private readonly read = { from: Infinity, to: -1 };
  private apart = { sinks: 0, rest: 0, own: 0 };
  private rows = 0;
  private position = 0;

  constructor(private readonly needs: LookedAtNeeds) {
    const { document: { before, after }, prompt: { tokens, spans }, tokenizer, fim } = needs;
    const text = before + after;
    this.lineOf = new Int32Array(tokens.length).fill(ELSE);
    this.lines = new Float64Array(linesBefore(text, text.length) + 1);
    for (const { name, to } of partsOf(tokens, fim)) {
      const span = spans.find((own) => own.name === name && !own.dropped);
      if (!span) continue;
      // Other files may stand before it in the same part.
      const from = to - span.tokens;
      const first = linesBefore(text, span.start);
      const last = linesBefore(text, span.end);
      this.read.from = Math.min(this.read.from, first);
      this.read.to = Math.max(this.read.to, last);
      // A tokenizer may break what it cannot spell: no token lies beyond its own part of the document.
      lineOfTokens(tokens.subarray(from, to), tokenizer).forEach((line, i) => (this.lineOf[from + i] = Math.min(first + line, last)));
    }
  }

  /** @param masses of one written row on every token that it saw, 0 for the sinks @param sinks its attention on them */
  add(position: number, masses: Float32Array, sinks: number): void {
    const { lineOf, lines, apart } = this;
    this.rows++;
    this.position = position;
    apart.sinks += sinks;
    masses.forEach((mass, token) => {
      const line = lineOf[token];
      if (line === undefined) apart.own += mass;
      else if (line === ELSE) apart.rest += mass;
      else lines[line] += mass;
    });
  }

  get isEmpty(): boolean {
    return this.rows === 0;
  }

  /** Means over the rows. @param known the request whose text is known to whoever looks */
  figures(written: string, known: string | undefined): LiveLooked {
    const { needs: { request, document, window, sinks }, lineOf, lines, apart, rows, position, read } = this;
    const regions = new Uint8Array(lines.length).fill(UNREAD_LINE);
    if (read.to >= 0) regions.fill(FAR_LINE, read.from, read.to + 1);
    const near = window ? firstExactBlock(window, position) * BLOCK : 0;
    const cursor = linesBefore(document.before + document.after, document.before.length);
    const sinkLines = new Set<number>();
    const begun = new Set<number>();
    lineOf.forEach((line, token) => {
      if (line === ELSE) return;
      begun.add(line);
      if (token >= near) regions[line] = NEAR_LINE;
      if (token < sinks) sinkLines.add(line);
    });
    // What is written goes on there. Where no token begins, in a blank line, the window goes on.
    regions[cursor] = NEAR_LINE;
    for (let line = read.from + 1; line <= read.to; line++) if (!begun.has(line) && regions[line - 1] === NEAR_LINE) regions[line] = NEAR_LINE;
    return {
      request, path: document.path, uri: document.uri ?? null, text: known === request ? null : document.before + document.after, written,
      cursor, rows,
      lines: Float32Array.from(lines, (sum) => sum / rows), sinks: apart.sinks / rows, rest: apart.rest / rows, own: apart.own / rows,
      regions, sinkLines: [...sinkLines].sort((a, b) => a - b),
    };
  }
}

/** Ends of lines before a place in a text, as editors count: \r\n is one, also where the place lies between the two. */
export function linesBefore(text: string, at: number): number {
  let count = 0;
  for (let i = 0; i < at; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 10 || (unit === 13 && text.charCodeAt(i + 1) !== 10)) count++;
  }
  return count;
}

/** Where the parts of a prompt end in it: what follows the suffix's mark is behind the cursor, what follows another one before it. */
function* partsOf(tokens: Int32Array, { prefix, suffix, middle }: FimTokens): Generator<{ name: Span['name']; to: number }> {
  const marks = [...tokens.keys()].filter((i) => tokens[i] === prefix || tokens[i] === suffix || tokens[i] === middle);
  for (const [i, mark] of marks.entries()) {
    const to = marks[i + 1] ?? tokens.length;
    if (to > mark + 1) yield { name: tokens[mark] === suffix ? 'suffix' : 'prefix', to };
  }
}
