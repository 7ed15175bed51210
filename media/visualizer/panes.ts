// The small multiples of a measurement: key sparsity, work left out, sinks, output error, agreement along the file.
import type { InspectReport } from '../../src/shared/inspectReport.ts';
import { sinkVerdict } from '../../src/shared/inspectFigures.ts';
import type { MapView } from '../../src/shared/panelProtocol.ts';
import type { PanelContext } from './context.ts';
import { roundMost, valuesOf, type Picture } from './picture.ts';

type Speaking = Pick<PanelContext, 'say' | 'figures'>;

/** In the order in which they stand. `mapOf`: asks for the attention of one head; undefined where nobody could answer. */
export function picturesOf(report: InspectReport, { say, figures }: Speaking, mapOf?: (layer: number, head: number) => void): Picture[] {
  const { layers, shape, next } = report;
  const { kvHeads, heads } = shape;
  const layerName = (row: number) => say('Layer {0}', String(row));
  const kvName = (column: number) => say('KV head {0}', String(column));
  const headName = (column: number) => say('Head {0}', String(column));
  const on = say('over {0} tokens', figures.whole(report.text.tokens));
  const shared = { rows: layers.length, rowName: layerName, axes: say('layers by KV heads, %') };

  const keys: Pick<Picture, 'rows' | 'columns' | 'value'> = { rows: layers.length, columns: kvHeads, value: (row, column) => layers[row].kvHeads[column].keySparsity };
  const work: typeof keys = { rows: layers.length, columns: kvHeads, value: (row, column) => layers[row].kvHeads[column].attentionSparsity };
  const workMost = roundMost(valuesOf(work));
  const masses: typeof keys = { rows: layers.length, columns: heads, value: (row, column) => layers[row].heads[column].sinkMass?.delta ?? null };
  const denseMass = (row: number, column: number) => layers[row].heads[column].sinkMass?.dense ?? null;
  const massMost = Math.max(roundMost(valuesOf(masses)), roundMost(valuesOf({ ...masses, value: denseMass })));
  const errors = layers.map(({ outputError }) => outputError);
  const errorMost = roundMost(errors, [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]);
  const kls = next.klByBlock;
  const klMost = Math.max(...kls, 1e-12);
  const verdict = sinkVerdict(report);

  return [
    {
      ...shared, ...keys, id: 'keys', kind: 'cells', title: say('Zeros in the far keys'), most: 1, mostText: figures.share(1),
      about: `${report.whole.keySparsity === null ? say('Not measured: no key was far.') : `${figures.share(report.whole.keySparsity)} ${say('of the delta-coded elements')}.`} ${say('Layers by KV heads, {0}.', on)}`,
      columnName: kvName, print: (row, column) => figures.hundredths(keys.value(row, column)),
      read: (row, column) => `${layerName(row)}, ${kvName(column)}: ${figures.share(keys.value(row, column))} ${say('zeros')}`,
    },
    {
      ...shared, ...work, id: 'work', kind: 'cells', title: say('Attention work left out'), most: workMost, mostText: figures.share(workMost),
      about: `${figures.share(report.whole.attentionSparsity)} ${say('of the multiply-adds of keys and values together')}. ${say('Layers by KV heads, {0}.', on)}`,
      columnName: kvName, print: (row, column) => figures.hundredths(work.value(row, column)),
      read: (row, column) => `${layerName(row)}, ${kvName(column)}: ${figures.share(work.value(row, column))} ${say('of the multiply-adds left out')}`,
    },
    {
      ...shared, ...masses, id: 'sinks', axes: say('layers by query heads, %; outline: dense, fill: delta'), kind: 'cells', title: say('Attention on the sinks'), most: massMost, mostText: figures.share(massMost), group: heads / kvHeads, reference: denseMass,
      about: `${verdict.kind === 'kept' ? say('Kept: {0}. Worst of the heads with sinks: layer {1}, head {2}, {3}.', figures.share(verdict.share), String(verdict.worst.layer), String(verdict.worst.head), figures.share(verdict.worst.share))
        : verdict.kind === 'none' ? say('This model has no sinks: no head puts more than {0} on the first {1} tokens.', figures.share(verdict.largest), String(report.sinks))
        : say('Not measured: no key was far.')} ${say('Layers by query heads, those of one KV head together.')}`,
      columnName: headName, print: (row, column) => figures.hundredths(masses.value(row, column)), legend: { fill: say('delta'), outline: say('dense') },
      read: (row, column) => `${layerName(row)}, ${headName(column)}: ${say('dense {0}, delta {1}', figures.share(denseMass(row, column)), figures.share(masses.value(row, column)))}`,
      ...(mapOf && { act: { label: say('Enter shows where the head looks.'), run: mapOf } }),
    },
    {
      ...shared, id: 'error', axes: say('by layer'), kind: 'bars', columns: 1, title: say('Error of the output'), most: errorMost, mostText: figures.share(errorMost), value: (row) => errors[row],
      about: say('‖delta − dense‖ / ‖dense‖ of what attention gives on, by layer, each layer by itself. The axis ends at {0}.', figures.share(errorMost)), columnName: () => say('Error'),
      print: (row) => figures.share(errors[row]), read: (row) => `${layerName(row)}: ${figures.share(errors[row])}`,
    },
    {
      id: 'agreement', axes: say('KL by blocks of 64 tokens'), kind: 'columns', rows: 1, columns: kls.length, title: say('The same next token: {0}', figures.share(next.top1)), most: klMost, mostText: figures.nats(klMost),
      about: say('Of {0} positions, from token {1} on. Columns: KL(dense ‖ delta) by blocks of 64 tokens, the highest is {2}; mean {3}.', figures.whole(next.positions), figures.whole(next.from), figures.nats(klMost), figures.nats(next.kl.mean)),
      value: (_, column) => kls[column], rowName: () => 'KL', columnName: (column) => say('Tokens {0} to {1}', figures.whole(64 * column), figures.whole(64 * column + 63)),
      print: (_, column) => figures.nats(kls[column]), read: (_, column) => say('Tokens {0} to {1}: {2}', figures.whole(64 * column), figures.whole(64 * column + 63), figures.nats(kls[column])),
      table: () => ({ head: [say('Tokens'), 'KL'], rows: kls.map((kl, block) => [`${figures.whole(64 * block)}–${figures.whole(64 * block + 63)}`, figures.nats(kl)]) }),
    },
  ];
}

/** Parts of the text in the table of a map. */
const PARTS = 16;

/** The attention of one head: a row of the picture is what the queries of a bin looked at. */
export function mapPicture({ layer, head, tokens, bins, sinks, window, mass }: MapView, { say, figures }: Speaking): Picture {
  const at = (bin: number) => Math.ceil((bin * tokens) / bins);
  const range = (bin: number) => `${figures.whole(at(bin))}–${figures.whole(Math.max(at(bin), at(bin + 1) - 1))}`;
  /** Each row by its own sum: shares. */
  const sums = Float64Array.from({ length: bins }, (_, row) => mass.subarray(row * bins, (row + 1) * bins).reduce((a, b) => a + b, 0));
  const share = (row: number, column: number) => (sums[row] > 0 ? mass[row * bins + column] / sums[row] : 0);
  const windowOf = (token: number) => {
    const block = Math.floor(token / 64);
    return Math.max(0, block - Math.min(window.most, Math.max(window.least, Math.ceil(block / window.divisor)))) * 64;
  };
  const binOf = (token: number) => Math.floor((token * bins) / tokens);
  // Half of the points would be black beside the few that hold nearly everything.
  const tint = (row: number, column: number) => Math.sqrt(share(row, column));
  const parts = Math.min(PARTS, bins);
  const parted = () => Array.from({ length: parts }, (_, part) => {
    let [all, onSinks, far] = [0, 0, 0];
    const [from, to] = [Math.floor((part * bins) / parts), Math.floor(((part + 1) * bins) / parts)];
    for (let row = from; row < to; row++) {
      const first = binOf(windowOf(at(row)));
      for (let column = 0; column <= row; column++) {
        const value = mass[row * bins + column];
        all += value;
        if (column <= binOf(sinks - 1)) onSinks += value;
        else if (column < first) far += value;
      }
    }
    const of = (value: number) => figures.share(all > 0 ? value / all : 0);
    return [`${figures.whole(at(from))}–${figures.whole(at(to) - 1)}`, of(onSinks), of(far), of(all - onSinks - far)];
  });
  return {
    id: 'map', axes: say('queries by tokens'), kind: 'map', rows: bins, columns: bins, title: say('Where layer {0}, head {1} looks', String(layer), String(head)), most: 1, mostText: figures.share(1),
    about: say('Rows: queries from the first token to the last, columns: the tokens they look at; dense attention, {0} tokens in {1} bins, tinted by the square root. Dashed: the sinks end. Line: the window begins, left of it is far.', figures.whole(tokens), figures.whole(bins)),
    value: tint, rowName: range, columnName: range, print: () => '', read: (row, column) => (column > row ? say('Tokens {0} do not see what comes after them.', range(row)) : say('Tokens {0} give {1} of their attention to tokens {2}.', range(row), figures.share(share(row, column)), range(column))),
    marks: { sinks: binOf(sinks - 1) + 1, window: (row) => binOf(windowOf(at(row))) },
    table: () => ({ head: [say('Queries'), say('on the sinks'), say('far'), say('in the window')], rows: parted() }),
  };
}
