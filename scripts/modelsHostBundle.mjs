// How the host's side of the page of models is bundled: loaded when somebody opens the page, so that VS Code does not read it at its start.

/** @type {import('esbuild').BuildOptions & { metafile: true }} */
export const modelsHostBundle = {
  entryPoints: { modelsHost: 'src/editor/models/models.ts' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  external: ['vscode'],
  sourcemap: true,
  metafile: true,
  logLevel: 'warning',
};
