// A code block of an answer as a change of a file: it takes the place of what is selected, of what it is a new version of, or of the whole file.

/** The file's text afterwards. */
export function applied(base: string, block: string, selection: { start: number; end: number } | null): string {
  const code = base.includes('\r\n') ? block.replace(/\r?\n/g, '\r\n') : block;
  if (!selection) return base.endsWith('\n') && !code.endsWith('\n') ? `${code}\n` : code;
  return base.slice(0, selection.start) + code + base.slice(selection.end);
}
