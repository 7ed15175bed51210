// The HTML page of the visualizer, in a webview and as one file.
import { escaped, pagePolicy, webviewPage, type WebviewPage } from './webviewPage.ts';

export type PanelPage = WebviewPage;

/** What the page may load, given what its script and style are known by: nothing else, and nothing from anywhere else. */
export const panelPolicy = (script: string, style: string): string => pagePolicy(script, style, 'lit-html');

export const panelPage = (page: PanelPage): string => webviewPage(page, panelPolicy(`'nonce-${page.nonce}'`, page.cspSource), 'visualizer');

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
