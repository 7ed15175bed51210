// How the visualizer is bundled: one script and one style sheet for the browser in a webview (or in a file of its own), with no way to the network.

/** @type {import('esbuild').BuildOptions & { metafile: true }} */
export const visualizerBundle = {
  entryPoints: [{ in: 'media/visualizer/main.ts', out: 'visualizer' }, { in: 'media/visualizer/visualizer.css', out: 'visualizer' }],
  bundle: true,
  platform: 'browser',
  target: 'chrome138', // what VS Code 1.106 brings
  format: 'iife',
  outdir: 'dist',
  // It stands as it is in the file that `inspect --html` writes.
  minify: true,
  charset: 'ascii',
  sourcemap: 'linked',
  metafile: true,
  logLevel: 'warning',
  tsconfig: 'media/tsconfig.json',
};
