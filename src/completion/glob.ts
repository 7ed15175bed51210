// Glob patterns over paths: `*` and `?` within a name, `**` across folders, `{a,b}`. Linear in the path for any pattern, so none can stall the editor.

/** `name` is `*`, `any` is `**`, and `folders` is the `**` of any number of folders, also none, with its slash. */
type Token = { readonly char: string } | 'one' | 'name' | 'any' | 'folders';

/** Patterns that one with braces may stand for; with more, the braces are taken as they are. */
const MOST_ALTERNATIVES = 64;

/**
 * A test for paths with `/` between names. A pattern without `/` looks at the file's name; one with `/` may begin at any folder, or at the root where
 * it begins with `/`; one that ends with `/` is everything below a folder. Case makes no difference.
 */
export function globMatcher(patterns: readonly string[]): (path: string) => boolean {
  const names: Token[][] = [];
  const paths: Token[][] = [];
  for (const pattern of patterns.flatMap((text) => alternatives(text.trim().toLowerCase()))) {
    if (pattern === '') continue;
    if (!pattern.includes('/')) names.push(tokensOf(pattern));
    else paths.push(tokensOf(`${pattern.startsWith('/') ? '' : '/**/'}${pattern}${pattern.endsWith('/') ? '**' : ''}`));
  }
  return (path) => {
    const whole = `/${path.replaceAll('\\', '/').replace(/^\/+/, '').toLowerCase()}`;
    const name = whole.slice(whole.lastIndexOf('/') + 1);
    return names.some((tokens) => matches(tokens, name)) || paths.some((tokens) => matches(tokens, whole));
  };
}

/** `a{b,c{d,e}}` → ab, acd, ace. Braces that do not close or hold no comma are ordinary characters. */
function alternatives(pattern: string): string[] {
  const expanded = expand(pattern);
  return expanded.length > MOST_ALTERNATIVES ? [pattern] : expanded;
}

function expand(pattern: string): string[] {
  for (let from = pattern.indexOf('{'); from >= 0; from = pattern.indexOf('{', from + 1)) {
    const parts = partsOf(pattern, from);
    if (!parts) continue;
    const head = pattern.slice(0, from);
    const results: string[] = [];
    for (const part of parts.parts) {
      for (const rest of expand(part + pattern.slice(parts.end))) {
        results.push(head + rest);
        if (results.length > MOST_ALTERNATIVES) return results;
      }
    }
    return results;
  }
  return [pattern];
}

/** The parts of the braces that open at `from`, and where they end; null where these are no alternatives. */
function partsOf(pattern: string, from: number): { parts: string[]; end: number } | null {
  const parts: string[] = [];
  let depth = 0;
  let start = from + 1;
  for (let i = from; i < pattern.length; i++) {
    if (pattern[i] === '{') depth++;
    else if (pattern[i] === '}' && --depth === 0) {
      parts.push(pattern.slice(start, i));
      return parts.length > 1 ? { parts, end: i + 1 } : null;
    } else if (pattern[i] === ',' && depth === 1) {
      parts.push(pattern.slice(start, i));
      start = i + 1;
    }
  }
  return null;
}

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = [];
  for (const [part] of pattern.matchAll(/(?<=^|\/)\*\*+\/|\*+|./gsu)) {
    if (part.startsWith('**')) tokens.push(part.endsWith('/') ? 'folders' : 'any');
    else tokens.push(part === '*' ? 'name' : part === '?' ? 'one' : { char: part });
  }
  return tokens;
}

/** All places in the pattern where the path so far may have led, moved on character by character. */
function matches(tokens: readonly Token[], path: string): boolean {
  let here = new Uint8Array(tokens.length + 1);
  here[0] = 1;
  skipEmpty(tokens, here, true);
  for (const char of path) {
    const next = new Uint8Array(tokens.length + 1);
    for (let i = 0; i < tokens.length; i++) {
      if (here[i] === 0) continue;
      const token = tokens[i];
      if (token === 'any' || token === 'folders' || (token === 'name' && char !== '/')) next[i] = 1;
      else if (token === 'one' ? char !== '/' : typeof token === 'object' && token.char === char) next[i + 1] = 1;
    }
    skipEmpty(tokens, next, char === '/');
    here = next;
  }
  return here[tokens.length] === 1;
}

/** Stars may stand for nothing more; folders only where a name begins. */
function skipEmpty(tokens: readonly Token[], places: Uint8Array, nameBegins: boolean): void {
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (places[i] === 1 && (token === 'name' || token === 'any' || (token === 'folders' && nameBegins))) places[i + 1] = 1;
  }
}
