// Where completions are measured: places of a file where people stop and wait, found by rules and drawn with a seed.
import type { Snapshot } from '../prompt/snapshot.ts';
import { indentOf } from '../shared/indent.ts';
import { random } from '../shared/random.ts';

export interface HeldOutFile {
  path: string;
  languageId: string;
  text: string;
}

/**
 * `lineStart`: behind the indentation of a line; the rest of the line is deleted.
 * `assignment`, `member`, `keyword`, `argument`: within a line, behind `= `, `.`, `return ` and the like, `, `; the rest of the line is deleted.
 * `bracket`: behind `(` or `[`, what stands in the brackets is deleted, the closing one stays as the editor would have put it, and so ends the line.
 * `block`: behind the Enter after a line that opens a block, at the depth of its body; the body is deleted, the closing line stays.
 * In a comment `lineStart` alone counts.
 */
export const RULES = ['lineStart', 'assignment', 'member', 'keyword', 'argument', 'bracket', 'block'] as const;
export type Rule = (typeof RULES)[number];

/** A place at which text was deleted. */
export interface Cursor {
  rule: Rule;
  /** 1-based. */
  line: number;
  column: number;
  snapshot: Snapshot;
  /** The line that the author wrote there, from the cursor on: what the first line of a completion is compared with. */
  expected: string;
}

const withinLine: Readonly<Partial<Record<Rule, RegExp>>> = {
  assignment: /(?<![=!<>])=>? /g,
  member: /[\p{L}\p{N}_$)\]]\.(?=[\p{L}_$])/gu,
  keyword: /\b(?:return|import|from|const|let|new|await|throw|if|for|while|elif|def|class|function|case|raise|in|of) \(?/g,
  argument: /, /g,
};

const comment = /^\s*(?:\/\/|\/\*|\*|#)/;
const opensBlock = /(?:[{([]|=>|:)$/;
const closes: Readonly<Record<string, string>> = { '(': ')', '[': ']' };

/** At most `count` places of a file, taking turns between the rules; the same for the same text, name and seed. */
export function drawCursors(file: HeldOutFile, count: number, seed: number): Cursor[] {
  const draw = random(seed ^ hashOf(file.path));
  const found = new Map<Rule, Cursor[]>(RULES.map((rule) => [rule, []]));
  for (const cursor of cursorsOf(file)) found.get(cursor.rule)!.push(cursor);
  const pools = shuffled(RULES.map((rule) => found.get(rule)!), draw).filter((pool) => pool.length > 0);
  const drawn: Cursor[] = [];
  for (let turn = 0; drawn.length < count && pools.length > 0; turn++) {
    const at = turn % pools.length;
    const [cursor] = pools[at].splice(Math.floor(draw() * pools[at].length), 1);
    drawn.push(cursor);
    if (pools[at].length === 0) pools.splice(at, 1);
  }
  // As a user goes down a file.
  return drawn.sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Every place of a file that a rule names. */
export function cursorsOf({ path, languageId, text }: HeldOutFile): Cursor[] {
  const lines = text.replaceAll('\r', '').split('\n');
  const starts = [0];
  for (const line of lines) starts.push(starts.at(-1)! + line.length + 1);
  const whole = lines.join('\n');
  const cursors: Cursor[] = [];
  const add = (rule: Rule, index: number, column: number, right: string, below: number, expected: string): void => {
    if (expected.trim() === '') return;
    const before = whole.slice(0, starts[index] + column);
    const after = below >= lines.length ? right : `${right}\n${whole.slice(starts[below])}`;
    cursors.push({ rule, line: index + 1, column: column + 1, snapshot: { path, languageId, before, after }, expected });
  };
  for (const [index, line] of lines.entries()) {
    const depth = indentOf(line);
    add('lineStart', index, depth, '', index + 1, line.slice(depth));
    if (comment.test(line)) continue;
    for (const [rule, pattern] of Object.entries(withinLine) as [Rule, RegExp][]) {
      for (const { 0: match, index: at } of line.matchAll(pattern)) {
        if (at >= depth) add(rule, index, at + match.length, '', index + 1, line.slice(at + match.length));
      }
    }
    for (let at = depth; at < line.length; at++) {
      const end = closes[line[at]] && closingAt(line, at);
      if (end) add('bracket', index, at + 1, line[end], index + 1, line.slice(at + 1, end));
    }
    const body = lines[index + 1];
    if (body === undefined || !opensBlock.test(line.trimEnd()) || indentOf(body) <= depth || body.trim() === '') continue;
    const last = lines.findIndex((other, i) => i > index && other.trim() !== '' && indentOf(other) <= depth);
    add('block', index + 1, indentOf(body), '', last < 0 ? lines.length : last, body.slice(indentOf(body)));
  }
  return cursors;
}

/** Where the bracket at `from` closes in its line, 0 if it does not. Brackets in strings count too: the editor's own pairs do no better. */
function closingAt(line: string, from: number): number {
  let depth = 0;
  for (let at = from; at < line.length; at++) {
    if (line[at] === line[from]) depth++;
    else if (line[at] === closes[line[from]] && --depth === 0) return at;
  }
  return 0;
}

function shuffled<T>(values: readonly T[], draw: () => number): T[] {
  const rest = [...values];
  return values.map(() => rest.splice(Math.floor(draw() * rest.length), 1)[0]);
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
