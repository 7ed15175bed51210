// How the page of models is bundled: one script and one style sheet for the browser in a webview, with no way to the network.

/** @type {import('esbuild').BuildOptions & { metafile: true }} */
export const modelsBundle = {
  entryPoints: [{ in: 'media/models/main.ts', out: 'models' }, { in: 'media/models/models.css', out: 'models' }],
  bundle: true,
  platform: 'browser',
  target: 'chrome138', // what VS Code 1.106 brings
  format: 'iife',
  outdir: 'dist',
  sourcemap: 'linked',
  metafile: true,
  logLevel: 'warning',
  tsconfig: 'media/tsconfig.json',
};
