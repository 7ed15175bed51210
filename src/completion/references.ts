// Relative paths and modules in a line of code: where they stand, and which names of a folder they mean.

export interface Reference {
  /** Of the path in the line. */
  readonly start: number;
  readonly end: number;
  /** From the document's own folder: the folder ('' is its own), and what is named in it; '' where the folder itself is meant. */
  readonly folder: string;
  readonly name: string;
  /** False: the line ends before the path does. */
  readonly whole: boolean;
  readonly kind: Kind;
}

/** 'module': the ending of a file is left out, or that of what it is compiled to. */
type Kind = 'module' | 'python' | 'file';

const SCRIPTS: ReadonlySet<string> = new Set(['typescript', 'typescriptreact', 'javascript', 'javascriptreact', 'vue', 'svelte', 'astro']);
const STYLES: ReadonlySet<string> = new Set(['css', 'scss', 'less', 'sass']);
/** What reads the file that is named behind it; what writes one may name any. */
const READS = /(?:@(?:import|use|forward)\s+(?:url\()?|\b(?:include|require|require_relative|source|src|extends|open|load\w*|read\w*)\b["']?\s*[:=(]*\s*(?:\w+\(\s*)?)$/i;
const MODULE = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)$/;
const quoted = /(["'`])(\.{1,2}\/[^"'`\s$]*)/g;
const python = /^\s*from\s+(\.+)([\p{L}\p{N}_.]*)(\s+import\b)?/u;
const rust = /^\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;/;
const shell = /^\s*(?:source|\.)\s+(\.{1,2}\/[^\s;"'$]+)(\s|;|$)/;

/** Of a whole line, or of the beginning of one. `stem`: the name of the document's own file without its ending. */
export function referencesIn(line: string, languageId: string, stem: string): Reference[] {
  if (languageId === 'python') {
    const found = python.exec(line);
    if (!found || found[2] === '') return [];
    const [, dots, rest, closed] = found;
    const start = line.indexOf(dots, line.indexOf('from') + 4);
    const steps = [...Array<string>(dots.length - 1).fill('..'), ...rest.split('.')];
    return [{ start, end: start + dots.length + rest.length, folder: steps.slice(0, -1).join('/'), name: steps.at(-1)!, whole: closed !== undefined, kind: 'python' }];
  }
  if (languageId === 'rust') {
    const found = rust.exec(line);
    const start = line.indexOf('mod') + 4;
    return found ? [{ start, end: start + found[1].length, folder: /^(?:mod|lib|main)$/.test(stem) ? '' : stem, name: found[1], whole: true, kind: 'module' }] : [];
  }
  if (languageId === 'shellscript') {
    const found = shell.exec(line);
    return found ? [referenceTo(found[1], line.indexOf(found[1]), line.length > found[0].length || found[2] !== '', 'file')] : [];
  }
  return [...line.matchAll(quoted)].flatMap(({ 0: all, 1: quote, 2: path, index }) => {
    const end = index + all.length;
    if (end < line.length && line[end] !== quote) return [];
    const left = line.slice(0, index);
    const isModule = SCRIPTS.has(languageId) && MODULE.test(left);
    if (!isModule && !READS.test(left)) return [];
    return [referenceTo(path, index + 1, end < line.length, isModule || STYLES.has(languageId) ? 'module' : 'file')];
  });
}

function referenceTo(path: string, start: number, whole: boolean, kind: Kind): Reference {
  const steps = path.replace(/[?#].*$/, '').split('/').filter((step, i, all) => step !== '.' && (step !== '' || i === all.length - 1));
  const name = steps.at(-1) === '..' ? '' : steps.pop() ?? '';
  return { start, end: start + path.length, folder: steps.join('/'), name, whole, kind };
}

/** Without its ending, `.d.ts` being one. */
const withoutEnding = (name: string): string => name.replace(/(?:\.d)?\.[^./]+$/, '');
const COMPILED = /\.([cm]?)jsx?$/;

/** Whether a name of the folder (a folder's ends with a slash) is what a reference means, or may become it. */
export function means({ name: asked, whole, kind }: Reference, name: string): boolean {
  const own = name.endsWith('/') ? name.slice(0, -1) : name;
  const written = COMPILED.test(asked) && kind === 'module' ? withoutEnding(asked) : null;
  if (!whole) return own.startsWith(asked) || (kind === 'module' && own.startsWith(`${withoutEnding(asked)}.`));
  if (own === asked) return true;
  if (kind === 'file' || name.endsWith('/')) return false;
  return withoutEnding(own) === asked || withoutEnding(own) === `_${asked}` || (written !== null && withoutEnding(own) === written && /\.[cm]?[jt]sx?$/.test(own));
}

/** How a reference of this kind spells a file of the folder; null where it cannot mean it. `ending`: as the other modules of the document have it. */
export function spelled(kind: Kind, name: string, ending: 'none' | 'own' | 'compiled'): string | null {
  if (name.startsWith('.') || name === '__init__.py') return null;
  if (kind === 'file') return name.endsWith('/') ? null : name;
  if (kind === 'python') return name.endsWith('/') ? name.slice(0, -1) : /\.pyi?$/.test(name) ? withoutEnding(name) : null;
  if (name.endsWith('/')) return null;
  if (!/\.[cm]?[jt]sx?$/.test(name)) return /\.(?:json|css|scss|less|vue|svelte)$/.test(name) ? name : null;
  if (ending === 'own') return name;
  return ending === 'none' ? withoutEnding(name) : name.replace(/\.([cm]?)tsx?$/, '.$1js');
}

/** The endings of modules, as a document has them. */
export function endingOf(text: string): 'none' | 'own' | 'compiled' {
  const found = /(?:from|import|require\()\s*["']\.{1,2}\/[^"'\n]*?(\.[cm]?[jt]sx?)?["']/.exec(text);
  return !found?.[1] ? 'none' : COMPILED.test(found[1]) ? 'compiled' : 'own';
}
