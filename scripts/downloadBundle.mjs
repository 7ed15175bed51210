// How what downloads is bundled: the only bundle with a way to the network, loaded by the extension when somebody clicks "Download". CommonJS, so that it gets the
// modules `http` and `https` that VS Code gives its extensions, with the user's proxy and certificates.

/** @type {import('esbuild').BuildOptions & { metafile: true }} */
export const downloadBundle = {
  entryPoints: { download: 'src/download/download.ts' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  sourcemap: true,
  metafile: true,
  logLevel: 'warning',
};
