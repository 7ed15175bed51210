// How the parts with a loader of their own are bundled: the pages, for the browser in a webview, and what the extension loads only when it is wanted.

/** @typedef {import('esbuild').BuildOptions & { metafile: true }} Bundle */
const shared = /** @type {const} */ ({ bundle: true, outdir: 'dist', metafile: true, logLevel: 'warning' });

/** A page: one script and one style sheet, with no way to the network. @param {string} name of both, and of its folder @returns {Bundle} */
const page = (name) => ({
  ...shared,
  entryPoints: [{ in: `media/${name}/main.ts`, out: name }, { in: `media/${name}/${name}.css`, out: name }],
  platform: 'browser',
  target: 'chrome138', // what VS Code 1.106 brings
  format: 'iife',
  sourcemap: 'linked',
  tsconfig: 'media/tsconfig.json',
});

export const chatBundle = page('chat');
export const modelsBundle = page('models');
/** It stands as it is in the file that `inspect --html` writes. @type {Bundle} */
export const visualizerBundle = { ...page('visualizer'), minify: true, charset: 'ascii' };

/** @param {Record<string, string>} entryPoints @returns {Bundle} */
const ofTheHost = (entryPoints) => ({ ...shared, entryPoints, platform: 'node', target: 'node20', format: 'cjs', outExtension: { '.js': '.cjs' }, sourcemap: true });

/** The host's side of the page of models: loaded when somebody opens the page, so that VS Code does not read it at its start. @type {Bundle} */
export const modelsHostBundle = { ...ofTheHost({ modelsHost: 'src/editor/models/models.ts' }), external: ['vscode'] };
/**
 * What downloads: the only bundle with a way to the network, loaded when somebody clicks "Download". CommonJS, so that it gets the modules `http` and `https`
 * that VS Code gives its extensions, with the user's proxy and certificates.
 */
export const downloadBundle = ofTheHost({ download: 'src/download/download.ts' });

/** What asks a team's own server: loaded when the user has named one. @type {Bundle} */
export const servedBundle = { ...ofTheHost({ served: 'src/editor/remote/served.ts' }), external: ['vscode'] };
/**
 * What talks to a team's own server: loaded when the user has named one. It uses the global fetch, which VS Code replaces with its own.
 */
export const remoteBundle = { ...ofTheHost({ remote: 'src/remote/server.ts' }), minify: true, keepNames: true };
