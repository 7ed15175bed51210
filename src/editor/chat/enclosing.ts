// What encloses a place in a document, as VS Code's own language services know it, and how much of the text around goes along.
import { commands, Range, type DocumentSymbol, type SymbolInformation, type TextDocument } from 'vscode';
import type { Clock } from '../../completion/source.ts';

/** A service that starts takes many seconds; the question does not wait for it. */
const SYMBOLS_MS = 1500;
/** Of text around a place that no symbol encloses, and of a symbol: with more, only so many lines around the place. */
const MOST_CHARACTERS = 8000;
const LINES_AROUND = 40;

export interface Enclosing {
  /** "Account.deposit"; null where nothing with a name encloses the place. */
  name: string | null;
  range: Range;
}

/** The innermost symbol that holds all of `range` and is more than it, or the lines around. */
export async function enclosing(document: TextDocument, range: Range, clock: Clock): Promise<Enclosing> {
  const symbols = await symbolsOf(document, clock);
  const path = pathTo(symbols, range);
  for (let depth = path.length; depth > 0; depth--) {
    const { range: whole } = path[depth - 1];
    if (document.offsetAt(whole.end) - document.offsetAt(whole.start) > MOST_CHARACTERS) break;
    if (range.isEmpty || !covers(range, whole)) return { name: nameOf(path.slice(0, depth)), range: wholeLines(document, whole) };
  }
  const first = Math.max(0, range.start.line - LINES_AROUND);
  const last = Math.min(document.lineCount - 1, range.end.line + LINES_AROUND);
  return { name: path.length > 0 ? nameOf(path) : null, range: new Range(first, 0, last, document.lineAt(last).range.end.character) };
}

const nameOf = (path: readonly DocumentSymbol[]): string => path.map(({ name }) => name).join('.');

async function symbolsOf(document: TextDocument, clock: Clock): Promise<DocumentSymbol[]> {
  let endWait = (): void => {};
  const late = new Promise<null>((resolve) => (endWait = clock.wait(SYMBOLS_MS, () => resolve(null))));
  const asked = Promise.resolve(commands.executeCommand<(DocumentSymbol | SymbolInformation)[] | undefined>('vscode.executeDocumentSymbolProvider', document.uri)).catch(() => null);
  const found = await Promise.race([asked, late]);
  endWait();
  // Older services give a flat list, whose ranges serve as well.
  return (found ?? []).map((symbol) => ('range' in symbol ? symbol : ({ ...symbol, name: symbol.name, range: symbol.location.range, children: [] } as unknown as DocumentSymbol)));
}

/** From the outermost to the innermost. */
function pathTo(symbols: readonly DocumentSymbol[], range: Range): DocumentSymbol[] {
  const around = symbols.filter((symbol) => covers(symbol.range, range));
  if (around.length === 0) return [];
  // Of a flat list the smallest comes last.
  const size = ({ range: { start, end } }: DocumentSymbol): number => (end.line - start.line) * 1e6 + end.character - start.character;
  const nested = around.find(({ children }) => children.length > 0);
  if (!nested) return around.sort((a, b) => size(b) - size(a));
  return [nested, ...pathTo(nested.children, range)];
}

const isBefore = (a: { line: number; character: number }, b: { line: number; character: number }): boolean => a.line < b.line || (a.line === b.line && a.character <= b.character);
const covers = (outer: Range, inner: Range): boolean => isBefore(outer.start, inner.start) && isBefore(inner.end, outer.end);

const wholeLines = (document: TextDocument, { start, end }: Range): Range => new Range(start.line, 0, end.line, document.lineAt(end.line).range.end.character);
