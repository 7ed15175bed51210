// Bundles: the extension's main (CommonJS, as VS Code wants it), the worker and the command line (ES modules), the chat view, the page of models and the visualizer
// (for their webviews), the host's side of the models, what asks a team's server, what downloads, and what talks to a team's server. `npm run build:js`; --quiet prints nothing. Writes dist/meta.json, which a test reads: a way to
// the network may be in the last two alone.
import { build } from 'esbuild';
import { writeFileSync } from 'node:fs';
import { chatBundle, downloadBundle, modelsBundle, modelsHostBundle, remoteBundle, servedBundle, visualizerBundle } from './scripts/bundles.mjs';

const shared = {
  bundle: true, platform: 'node', target: 'node20', sourcemap: true, metafile: true, logLevel: 'warning',
  external: ['vscode', 'onnxruntime-node'],
};

const modules = await build({
  ...shared,
  entryPoints: { cli: 'src/cli.ts', worker: 'src/session/worker.ts' },
  outdir: 'dist',
  format: 'esm',
  // CommonJS libraries inside an ES module need a require of their own.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  // protobufjs can read from the network; here it cannot.
  define: { fetch: 'forbiddenFetch', XMLHttpRequest: 'forbiddenFetch' },
  inject: ['src/shared/forbiddenFetch.ts'],
});

const extension = await build({
  ...shared,
  entryPoints: { extension: 'src/extension.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  // VS Code reads all of it at its start. Names of functions stay: a stack trace in a log says what the sources say.
  minify: true,
  keepNames: true,
});

const others = [];
for (const options of [chatBundle, modelsBundle, modelsHostBundle, visualizerBundle, downloadBundle, servedBundle, remoteBundle]) others.push(await build(options));

const made = [modules, extension, ...others].map(({ metafile }) => metafile);
writeFileSync('dist/meta.json', JSON.stringify({ inputs: Object.assign({}, ...made.map(({ inputs }) => inputs)), outputs: Object.assign({}, ...made.map(({ outputs }) => outputs)) }));
