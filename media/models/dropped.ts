// What was dropped on the page: addresses of files. VS Code's Explorer gives them; a file manager gives the page a file without saying where it lies.

/** Types under which VS Code and file managers give addresses, the most exact first. */
const TYPES = ['application/vnd.code.uri-list', 'text/uri-list'];

export function addressesIn(data: Pick<DataTransfer, 'getData'>): string[] {
  for (const type of TYPES) {
    const lines = data.getData(type).split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
    if (lines.length > 0) return lines;
  }
  return [];
}
