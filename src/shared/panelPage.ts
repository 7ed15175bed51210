// The HTML page of the visualizer: one style sheet and one script by name, and a policy that lets nothing else in.

export interface PanelPage {
  /** Addresses of dist/visualizer.js and dist/visualizer.css, as the webview knows them. */
  script: string;
  style: string;
  /** Another one for every page: letters and digits only. */
  nonce: string;
  /** What the webview calls the origin of its files. */
  cspSource: string;
  /** The user's language, for numbers and for screen readers: "en", "de". */
  language: string;
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** What the page may load, given what its script and style are known by: nothing else, and nothing from anywhere else. */
export function panelPolicy(script: string, style: string): string {
  return [
    "default-src 'none'",
    `script-src ${script}`,
    `style-src ${style}`,
    "img-src 'none'",
    "connect-src 'none'",
    "form-action 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types lit-html',
  ].join('; ');
}

export function panelPage({ script, style, nonce, cspSource, language }: PanelPage): string {
  if (!/^[A-Za-z0-9]{16,}$/.test(nonce)) throw new Error('A nonce has at least 16 letters and digits.');
  return `<!DOCTYPE html>
<html lang="${escaped(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(panelPolicy(`'nonce-${nonce}'`, cspSource))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>DeltaLLM</title>
<link rel="stylesheet" href="${escaped(style)}">
</head>
<body>
<main id="visualizer"></main>
<script nonce="${nonce}" src="${escaped(script)}"></script>
</body>
</html>
`;
}

/** The same view as one file that opens anywhere: script and style stand in it, known to its policy by their hashes, and the state as JSON. */
export function standalonePage({ script, style, state, scriptHash, styleHash, title }: { script: string; style: string; state: string; scriptHash: string; styleHash: string; title: string }): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(panelPolicy(`'sha256-${scriptHash}'`, `'sha256-${styleHash}'`))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body class="standalone">
<main id="visualizer"></main>
<script type="application/json" id="state">${state.replaceAll('<', '\\u003c')}</script>
<script>${script}</script>
</body>
</html>
`;
}
