// Bundles: the extension's main (CommonJS, as VS Code wants it), the worker and the command line (ES modules), the chat view and the visualizer (for their webviews).
// `npm run build:js`; --quiet prints nothing. Writes dist/meta.json, which a test reads: no network module may be reachable.
import { build } from 'esbuild';
import { writeFileSync } from 'node:fs';
import { chatBundle } from './scripts/chatBundle.mjs';
import { visualizerBundle } from './scripts/visualizerBundle.mjs';

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
  // VS Code reads all of it at its start. Names stay: a stack trace in a log says what the sources say.
  minifyWhitespace: true,
  minifySyntax: true,
});

const chat = await build(chatBundle);
const visualizer = await build(visualizerBundle);

writeFileSync('dist/meta.json', JSON.stringify({
  inputs: { ...modules.metafile.inputs, ...extension.metafile.inputs, ...chat.metafile.inputs, ...visualizer.metafile.inputs },
  outputs: { ...modules.metafile.outputs, ...extension.metafile.outputs, ...chat.metafile.outputs, ...visualizer.metafile.outputs },
}));
