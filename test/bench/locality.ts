// npm run eval:locality [-- --model M --files F --files G --tokens 3000 --most 60 --seed 1 --fit --neighbours 8 --folder]
// What the text around is worth, token by token (src/eval/localityStudy.ts); --fit prints the weights that suit these files. Without --files this
// repository's own sources, which the starter never saw.
import { readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../src/binding/load.ts';
import { sourceFiles } from '../../src/model/measure/corpus.ts';
import { fitWeights, losses, observe, type Observation } from '../../src/eval/localityStudy.ts';
import { folderTexts, neighbourTexts } from '../../src/eval/neighbours.ts';
import { random } from '../../src/shared/random.ts';
import { mean } from '../../src/eval/similarity.ts';
import { starterModel } from '../../src/model/library.ts';
import { Engine } from '../../src/session/engine.ts';
import { defaultThreads } from '../../src/session/threadCount.ts';
import { packageRoot } from '../../src/shared/packageRoot.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: starterModel() }, files: { type: 'string', multiple: true }, tokens: { type: 'string', default: '3000' },
    /** Files a folder at most, drawn with the seed. */
    most: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' }, threads: { type: 'string', default: String(defaultThreads()) }, fit: { type: 'boolean', default: false },
    /** Files around each that take part at most. */
    neighbours: { type: 'string', default: '0' },
    /** Only those of its own folder, in the editor's order. */
    folder: { type: 'boolean', default: false },
  },
});

const LENGTHS = [0, 1, 2, 3, 4, 6, 9, 16];
const LANGUAGES = /\.(?:[cm]?[jt]sx?|py)$/;

function drawn(folder: string, most: number, draw: () => number): string[] {
  if (!statSync(folder).isDirectory()) return [folder];
  const rest = sourceFiles(folder).filter((file) => LANGUAGES.test(file));
  return Array.from({ length: Math.min(most, rest.length) }, () => rest.splice(Math.floor(draw() * rest.length), 1)[0]);
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function row(name: string, observations: readonly Observation[]): string {
  const { model, file, neighbours, analogy } = losses(observations);
  const right = (of: keyof Observation['right']): string => percent(mean(observations.map((o) => Number(o.right[of]))));
  return `| ${name} | ${observations.length} | ${model.toFixed(3)} | ${file.toFixed(3)} | ${neighbours.toFixed(3)} | ${analogy.toFixed(3)} | ${right('model')} | ${right('file')} | ${right('mixture')} |`;
}

export async function run(): Promise<void> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  process.env.DELTALLM_CACHE ??= resolve('.cache');
  const draw = random(Number(values.seed));
  const folders = values.files ?? ['src', 'test', 'scripts'].map((folder) => join(packageRoot(), folder));
  const engine = await Engine.load(loadAddon(join(packageRoot(), 'dist')), { model: values.model, threads: Number(values.threads), attention: 'delta', cacheBytes: 2e9, background: false });
  try {
    const all: Observation[] = [];
    let count = 0;
    /** Of each folder's observations. */
    const ends: number[] = [];
    for (const folder of folders) {
      const files = statSync(folder).isDirectory() ? sourceFiles(folder) : [];
      for (const file of drawn(folder, Number(values.most), draw)) {
        const text = readFileSync(file, 'utf8');
        const most = Number(values.neighbours);
        const beside = values.folder ? folderTexts(file, files, most) : neighbourTexts(file, text, files, most);
        for (const o of await observe(engine, text, Number(values.tokens), beside)) all.push(o);
        count++;
      }
      ends.push(all.length);
    }
    console.log(`${engine.describe().name}: ${all.length} tokens of ${count} files, at most ${values.tokens} of each, seed ${values.seed}\n`);
    console.log('| longest match | tokens | loss of the model, nats | with the file | with its neighbours | with analogies | best token right: the model’s | the file’s | the model’s with the file |\n|---|---|---|---|---|---|---|---|---|');
    for (const [i, from] of LENGTHS.entries()) {
      const to = LENGTHS[i + 1] ?? Infinity;
      const part = all.filter(({ file }) => (file?.longest ?? 0) >= from && (file?.longest ?? 0) < to);
      if (part.length > 0) console.log(row(to === Infinity ? `${from} and more` : to === from + 1 ? String(from) : `${from}–${to - 1}`, part));
    }
    for (const [i, folder] of folders.entries()) {
      if (folders.length > 1) console.log(row(basename(folder), all.slice(ends[i - 1] ?? 0, ends[i])));
    }
    console.log(row('all', all));
    console.log(row('where an analogy has a say', all.filter(({ analogy }) => analogy)));
    console.log(row('where it differs from the file', all.filter(({ analogy }) => analogy?.differs)));
    const table = (of: 'file' | 'neighbours' | 'analogy' | 'differing'): string => fitWeights(all, of).map((rows) => `  [${rows.map((cells) => `[${cells.join(', ')}]`).join(', ')}],`).join('\n');
    if (values.fit) console.log(`\nsrc/locality/weights.ts:\n${table('file')}`);
    if (values.fit) console.log(`\nsrc/locality/analogyWeights.ts:\n${table('analogy')}\n\n${table('differing')}`);
    if (values.fit && Number(values.neighbours) > 0) console.log(`\nsrc/locality/neighbourWeights.ts:\n${table('neighbours')}`);
  } finally {
    await engine.close();
  }
}
