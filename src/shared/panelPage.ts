// The HTML page of the visualizer, in a webview and as one file.
import { htmlPage, pagePolicy, webviewPage, type WebviewPage } from './webviewPage.ts';

export type PanelPage = WebviewPage;

/** What the page may load, given what its script and style are known by: nothing else, and nothing from anywhere else. */
export const panelPolicy = (script: string, style: string): string => pagePolicy(script, style, 'lit-html');

export const panelPage = (page: PanelPage): string => webviewPage(page, panelPolicy(`'nonce-${page.nonce}'`, page.cspSource), 'visualizer');

/** The same view as one file that opens anywhere: script and style stand in it, known to its policy by their hashes, and the state as JSON. */
export function standalonePage({ script, style, state, scriptHash, styleHash, title }: { script: string; style: string; state: string; scriptHash: string; styleHash: string; title: string }): string {
  return htmlPage({
    language: 'en', title,
    policy: panelPolicy(`'sha256-${scriptHash}'`, `'sha256-${styleHash}'`),
    style: `<style>${style}</style>`,
    body: `<body class="standalone">
<main id="visualizer"></main>
<script type="application/json" id="state">${state.replaceAll('<', '\\u003c')}</script>
<script>${script}</script>
</body>`,
  });
}
