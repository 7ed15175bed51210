// What is counted while the model works, as pictures on axes that never move: zeros and work by KV head, and what the row written last looked at.
import type { LiveView } from '../../src/shared/panelProtocol.ts';
import type { LiveWork } from '../../src/shared/liveFigures.ts';
import type { PanelContext } from './context.ts';
import type { Picture } from './picture.ts';

type Speaking = Pick<PanelContext, 'say' | 'figures'>;

/** Columns of the blocks' picture: more of them would not be told apart. */
const MOST_COLUMNS = 48;
const BLOCK = 64;

const sum = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};

/** Share of the key work that the stored form does without, of a cell or of all; null where nothing was computed. */
function skipped({ dense, required }: LiveWork, { keyLength, valueLength }: LiveView['shape'], cell?: number): number | null {
  const [all, done] = cell === undefined ? [sum(dense), sum(required)] : [dense[cell], required[cell]];
  return all > 0 ? ((all - done) * (keyLength + valueLength)) / (all * keyLength) : null;
}

/** "Read 1 200 tokens, wrote 31 …", since the model was loaded. */
export function liveSentence({ model, reading, writing, shape }: LiveView, { say, figures }: Speaking): string {
  return say('{0} since it was loaded: {1} tokens read, {2} of the key work skipped; {3} written, {4} skipped.', model, figures.whole(reading.tokens), figures.share(skipped(reading, shape)), figures.whole(writing.tokens), figures.share(skipped(writing, shape)));
}

/** Of the row that was sampled last: mean over all heads. */
function onSinks({ sample }: LiveView): number {
  return sample ? sum(sample.sinks) / sample.sinks.length : 0;
}

export function livePictures(live: LiveView, { say, figures }: Speaking): Picture[] {
  const { shape: { layers, heads, kvHeads }, shape, elements, zeros, reading, writing, sample } = live;
  const layerName = (row: number) => say('Layer {0}', String(row));
  const shared = { kind: 'cells' as const, rows: layers, rowName: layerName, most: 1, mostText: figures.share(1) };
  const byKv = { ...shared, columns: kvHeads, columnName: (column: number) => say('KV head {0}', String(column)), axes: say('layers by KV heads, %') };
  const cells = (id: string, title: string, about: string, unit: string, value: Picture['value']): Picture => ({
    ...byKv, id, title, about, value, print: (row, column) => figures.hundredths(value(row, column)),
    read: (row, column) => `${layerName(row)}, ${byKv.columnName(column)}: ${figures.share(value(row, column))} ${unit}`,
  });
  const at = (row: number, column: number) => row * kvHeads + column;
  const work = (id: string, title: string, own: LiveWork) =>
    cells(id, title, say('{0} of the multiply-adds of queries with keys, over {1} tokens.', figures.share(skipped(own, shape)), figures.whole(own.tokens)), say('of the key work left out'), (row, column) => skipped(own, shape, at(row, column)));
  const coded = sum(elements);
  const pictures = [
    cells('liveZeros', say('Zeros in the cache now'), coded > 0 ? say('{0} of the delta-coded elements of all blocks in the cache.', figures.share(sum(zeros) / coded)) : say('No block is delta-coded yet.'), say('zeros'), (row, column) => (elements[at(row, column)] > 0 ? zeros[at(row, column)] / elements[at(row, column)] : null)),
    work('liveReading', say('Key work left out, reading'), reading),
    work('liveWriting', say('Key work left out, writing'), writing),
  ];
  if (!sample) return pictures;
  const headName = (column: number) => say('Head {0}', String(column));
  const sinkOf = (row: number, column: number) => sample.sinks[row * heads + column];
  pictures.push({
    ...shared, id: 'liveSinks', columns: heads, group: heads / kvHeads, columnName: headName, axes: say('layers by query heads, %'), title: say('On the sinks, last row'),
    about: say('Of the row at token {0}, as it was computed: {1} of its attention is on the first {2} tokens, mean of all heads.', figures.whole(sample.position), figures.share(onSinks(live)), figures.whole(live.sinks)),
    value: sinkOf, print: (row, column) => figures.hundredths(sinkOf(row, column)), read: (row, column) => `${layerName(row)}, ${headName(column)}: ${figures.share(sinkOf(row, column))}`,
  });
  const blocks = sample.blocks.length / layers;
  const columns = Math.min(blocks, MOST_COLUMNS);
  /** The first block of a column. */
  const first = (column: number) => Math.ceil((column * blocks) / columns);
  const masses = new Float64Array(layers * columns);
  sample.blocks.forEach((mass, i) => (masses[Math.floor(i / blocks) * columns + Math.floor(((i % blocks) * columns) / blocks)] += mass));
  const share = (row: number, column: number) => masses[row * columns + column];
  const tokens = (column: number) => say('Tokens {0} to {1}', figures.whole(BLOCK * first(column)), figures.whole(Math.min(sample.position, BLOCK * first(column + 1) - 1)));
  pictures.push({
    ...shared, id: 'liveBlocks', columns, columnName: tokens, columnLabel: (column) => String(first(column)), axes: say('layers by blocks of 64 tokens'), title: say('Where the last row looked'),
    about: say('Of the row at token {0}, without the sinks: {1} blocks of 64 tokens, mean of the heads, tinted by the square root.', figures.whole(sample.position), figures.whole(blocks)),
    value: (row, column) => Math.sqrt(share(row, column)), print: (row, column) => figures.hundredths(share(row, column)), read: (row, column) => `${layerName(row)}, ${tokens(column)}: ${figures.share(share(row, column))}`,
    table: () => ({ head: ['', ...Array.from({ length: columns }, (_, column) => tokens(column))], rows: Array.from({ length: layers }, (_, row) => [layerName(row), ...Array.from({ length: columns }, (__, column) => figures.share(share(row, column)))]) }),
  });
  return pictures;
}
