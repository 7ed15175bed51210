// The indentation of a block of code, made that of the document it goes into.

export const indentOf = (line: string): string => /^[ \t]*/.exec(line)![0];

export const shallowest = (lines: readonly string[]): string => lines.filter((line) => line.trim() !== '').reduce((least, line) => (indentOf(line).length < indentOf(least).length ? line : least));

/** The block's lines with the indentation of the document: the anchor's as it stands there, tabs or blanks as there. */
export function indentLike(block: readonly string[], anchor: string, there: string, lines: readonly string[]): string[] {
  const fitted = sameUnit(block, lines);
  const [from, to] = [indentOf(sameUnit([anchor], lines, block)[0]), indentOf(there)];
  if (from === to) return fitted;
  // Models often leave out the indentation of the first line only.
  const others = fitted.filter((line) => line.trim() !== '' && line !== fitted[0]);
  if (from === '' && anchor === block[0] && others.length > 0 && others.every((line) => line.startsWith(to)) && indentOf(others.at(-1)!) === to && /^(?:[)\]}]|end\b|<\/)/.test(others.at(-1)!.trim())) return [to + fitted[0], ...fitted.slice(1)];
  return fitted.map((line) => (line.trim() === '' ? line : line.startsWith(from) ? to + line.slice(from.length) : to + line.trimStart()));
}

/** Tabs become blanks or blanks tabs where the document has only the other ones. */
function sameUnit(some: readonly string[], lines: readonly string[], block = some): string[] {
  const uses = (texts: readonly string[], pattern: RegExp) => texts.some((line) => pattern.test(line));
  const [tabsHere, blanksHere] = [uses(lines, /^\t+\S/), uses(lines, /^ {2,}\S/)];
  const [tabsGiven, blanksGiven] = [uses(block, /^\t/), uses(block, /^ {2,}\S/)];
  if (tabsHere && !blanksHere && blanksGiven && !tabsGiven) {
    const unit = unitOf(block);
    return some.map((line) => line.replace(/^ +/, (blanks) => '\t'.repeat(Math.floor(blanks.length / unit)) + ' '.repeat(blanks.length % unit)));
  }
  if (blanksHere && !tabsHere && tabsGiven) return some.map((line) => line.replace(/^\t+/, (tabs) => ' '.repeat(tabs.length * unitOf(lines))));
  return [...some];
}

/** The blanks of one level: the smallest step that occurs. */
function unitOf(lines: readonly string[]): number {
  const widths = lines.filter((line) => /^ +\S/.test(line)).map((line) => indentOf(line).length);
  const least = Math.min(...widths.filter((width) => width > 1));
  return Number.isFinite(least) ? Math.min(least, 8) : 4;
}
