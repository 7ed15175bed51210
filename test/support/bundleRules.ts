// What a bundle must not contain: a way to the network. Reads esbuild's metafile and the bundle's text.

import { transformSync, type Metafile } from 'esbuild';

const network = '(?:node:)?(?:http|https|http2|net|tls|dns|dgram|inspector)(?:/\\w+)?|undici|ws|node-fetch';

const forms: [pattern: RegExp, what: string][] = [
  [new RegExp(`\\b(?:require|__require|import|getBuiltinModule|binding)\\w*\\(\\s*["'\`](?:${network})["'\`]\\s*\\)`), 'loads a network module'],
  [/\(\s*["'`]node:(?:http|https|http2|net|tls|dns|dgram|inspector)(?:\/\w+)?["'`]\s*\)/, 'loads a network module'],
  [/\bglobalFetch\b/, 'calls fetch'],
  [/\b(?:globalThis|window|self|global)\s*(?:\?\.|\.|\[\s*["'`])\s*fetch\b/, 'reaches for the global fetch'],
  [/\bnew\s+(?:XMLHttpRequest|WebSocket|EventSource)\b/, 'opens a connection'],
  [/\bsendBeacon\s*\(/, 'opens a connection'],
];

/** One sentence per violation. `textOf` gives an output's text. */
export function networkViolations(meta: Metafile, textOf: (output: string) => string): string[] {
  const found: string[] = [];
  for (const [output, { imports }] of Object.entries(meta.outputs)) {
    if (output.endsWith('.map')) continue;
    for (const { path, external } of imports) if (external && new RegExp(`^(?:${network})$`).test(path)) found.push(`${output} imports ${path}`);
    if (output.endsWith('.css')) {
      const match = /url\s*\(|@import\b/i.exec(textOf(output).replace(/\/\*[\s\S]*?\*\//g, ''));
      if (match) found.push(`${output} loads by address: ${match[0]}`);
      continue;
    }
    // Comments go, strings stay: what a library only talks about is no call. Only a fetch that nothing declares is the global one.
    const { code } = transformSync(textOf(output), { minifyWhitespace: true, legalComments: 'none', loader: 'js', define: { fetch: 'globalFetch' } });
    for (const [pattern, what] of forms) {
      const match = pattern.exec(code);
      if (match) found.push(`${output} ${what}: ${code.slice(Math.max(0, match.index - 60), match.index + 60)}`);
    }
  }
  return found;
}
