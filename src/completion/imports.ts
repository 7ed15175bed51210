// What a document imports: where the imported names stand, for the language service to say what they are, and the text of a declaration that it names.

/** A name in a document; line and character count from 0. */
export interface ImportedName {
  readonly name: string;
  readonly line: number;
  readonly character: number;
  /** Imported from a path within the project, as far as the statement tells. */
  readonly near: boolean;
}

/** A document that imports more is not asked about the rest. */
export const MOST_NAMES = 24;
/** Imports stand at the beginning. */
const MOST_CHARACTERS = 20_000;
/** A declaration is told as far as a reader needs it to use it. */
const MOST_LINES = 30;

const SCRIPTS: ReadonlySet<string> = new Set(['typescript', 'typescriptreact', 'javascript', 'javascriptreact', 'vue', 'svelte', 'astro']);
const C_FAMILY: ReadonlySet<string> = new Set(['c', 'cpp', 'objective-c', 'objective-cpp', 'cuda-cpp']);

/** The clause of names, then what they are imported from. Clauses hold no quote, so that no statement runs into the next. */
const SCRIPT_IMPORTS = [/^[ \t]*(?:import|export)\b(?:[ \t]+type\b)?(?<names>[^'"`;]*?)\bfrom\s*['"](?<from>[^'"\n]*)['"]/gmd, /^[ \t]*(?:const|let|var)\s+(?<names>[^='"`;]*)=\s*(?:await\s+import|require)\s*\(\s*['"](?<from>[^'"\n]*)['"]/gmd];
const PYTHON_IMPORTS = [/^[ \t]*from[ \t]+(?<from>[\w.]+)[ \t]+import[ \t]+(?<names>\([^)]*\)|[^#\n]*)/gmd, /^[ \t]*import[ \t]+(?<names>[^#\n(]*)/gmd];
const INCLUDES = [/^[ \t]*#[ \t]*(?:include|import)[ \t]+"(?<names>[^"\n]*)(?<from>)"/gmd];
/** Java, Kotlin, Scala, C#, Rust, PHP, Swift and others whose statements end in the names. */
const OTHERS = [/^[ \t]*(?:pub[ \t]+)?(?:import|use|using)[ \t]+(?:static[ \t]+)?(?<names>[^;'"\n{]*(?:\{[^}]*\})?)/gmd];

/** The name that a part of a clause binds: the last one, behind `as` where there is one. */
const BOUND = /[\p{L}_$][\p{L}\p{N}_$]*(?=[^\p{L}\p{N}_$]*$)/u;
const NO_NAMES: ReadonlySet<string> = new Set(['type', 'as', 'default', 'import', 'self', 'crate', 'super', '_']);

/** The names that a document imports, in its order, those from within the project first. */
export function importedNames(text: string, languageId: string): ImportedName[] {
  const patterns = SCRIPTS.has(languageId) ? SCRIPT_IMPORTS : languageId === 'python' ? PYTHON_IMPORTS : C_FAMILY.has(languageId) ? INCLUDES : OTHERS;
  const beginning = text.slice(0, MOST_CHARACTERS);
  const found: (ImportedName & { at: number })[] = [];
  for (const pattern of patterns) {
    for (const { groups, indices } of beginning.matchAll(pattern)) {
      const names = groups?.names;
      if (names === undefined) continue;
      const near = groups?.from === undefined || /^[./@~#]|^$/.test(groups.from);
      const start = indices!.groups!.names[0];
      for (const part of names.matchAll(patterns === INCLUDES ? /.+/g : /[^,{}()]+/g)) {
        const [name, at] = patterns === INCLUDES ? [part[0], part.index] : boundIn(part);
        if (name === '' || NO_NAMES.has(name)) continue;
        found.push({ name, near, at: start + at, ...placeOf(beginning, start + at) });
      }
    }
  }
  found.sort((a, b) => Number(b.near) - Number(a.near) || a.at - b.at);
  return found.slice(0, MOST_NAMES).map(({ name, line, character, near }) => ({ name, line, character, near }));
}

function boundIn(part: RegExpExecArray): [name: string, at: number] {
  const text = part[0].trimEnd();
  // What stands before the braces says where the names come from.
  const bound = /[:.\\]$/.test(text) ? null : BOUND.exec(text);
  return bound ? [bound[0], part.index + bound.index] : ['', 0];
}

function placeOf(text: string, at: number): { line: number; character: number } {
  const before = text.slice(0, at);
  return { line: before.split('\n').length - 1, character: at - (before.lastIndexOf('\n') + 1) };
}

const indentation = (line: string): number => /^[ \t]*/.exec(line)![0].length;
/** Comments, attributes and decorators directly above belong to a declaration. */
const ABOVE = /^[ \t]*(?:\/\/|\/\*|\*|#|@|--|\[)/;
const CLOSES = /^[ \t]*(?:[)\]}]|end\b)/;

/** The declarations that begin on these lines (from 0) of a text, in its order and each once, with what stands above them and as far as their indentation goes. */
export function declarationsOf(text: string, begin: readonly number[]): string {
  const lines = text.split('\n');
  const parts: string[] = [];
  let told = 0;
  for (const line of [...new Set(begin)].sort((a, b) => a - b)) {
    if (line < told || line >= lines.length) continue;
    let from = line;
    while (from > told && ABOVE.test(lines[from - 1])) from--;
    const depth = indentation(lines[line]);
    let end = line + 1;
    while (end < lines.length && end - line < MOST_LINES && (lines[end].trim() === '' || indentation(lines[end]) > depth)) end++;
    if (end < lines.length && end - line < MOST_LINES && CLOSES.test(lines[end])) end++;
    parts.push(lines.slice(from, end).join('\n').trimEnd());
    told = end;
  }
  return parts.length === 0 ? '' : `${parts.join('\n\n')}\n`;
}
