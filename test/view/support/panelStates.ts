// Every state of the visualizer once, as the host would tell it; and reports of any shape.
import { readFileSync } from 'node:fs';
import type { InspectReport, KvHeadReport, LayerReport } from '../../../src/shared/inspectReport.ts';
import type { CacheFigures } from '../../../src/shared/liveFigures.ts';
import type { ComparisonView, LiveView, LookView, MapView, MeasurementView, ModeFigures, PanelState } from '../../../src/shared/panelProtocol.ts';

/** A recording of a real run: src/session/queue.ts with the model that comes with the extension. */
export const recorded = JSON.parse(readFileSync('media/visualizer/example.json', 'utf8')) as MeasurementView;

export const panel = (over: Partial<PanelState> = {}): PanelState => ({ file: 'queue.ts', mode: 'balanced', busy: null, note: null, measurement: null, comparison: null, map: null, cache: null, live: null, suggestion: null, look: null, time: null, ...over });

/** A number from 0 to 1 that is the same every time. */
const noise = (seed: number) => {
  const x = Math.sin(seed * 12.9898 + 78.233) * 43758.5453;
  return x - Math.floor(x);
};

export interface ReportShape {
  layers: number;
  heads: number;
  kvHeads: number;
  tokens: number;
  /** Largest sink mass. */
  sinks?: number;
}

/** Of no model: figures that depend on nothing but their place. */
export function madeReport({ layers, heads, kvHeads, tokens, sinks = 0.6 }: ReportShape): InspectReport {
  const work = (seed: number) => {
    const required = 0.55 + 0.3 * noise(seed);
    return { keySparsity: 0.4 + 0.4 * noise(seed + 1), multiplyAdds: { dense: 1e6, required: 1e6 * required, executed: 1.05e6 }, attentionSparsity: 1 - required };
  };
  const layersOf = Array.from({ length: layers }, (_, layer): LayerReport => ({
    layer, ...work(layer), lag1: 0.5, outputError: 0.01 + 0.03 * noise(layer), sinkMass: { dense: sinks / 2, delta: sinks / 2 },
    kvHeads: Array.from({ length: kvHeads }, (__, kvHead): KvHeadReport => ({ kvHead, ...work(layer * 100 + kvHead), lag1: 0.4 })),
    heads: Array.from({ length: heads }, (__, head) => {
      const dense = sinks * noise(layer * 1000 + head) ** 3;
      return { head, kvHead: Math.floor((head * kvHeads) / heads), sinkMass: { dense, delta: dense * (0.94 + 0.1 * noise(head + layer)) }, outputError: 0.02 };
    }),
  }));
  const blocks = Math.ceil(tokens / 64);
  const lines = Math.ceil(tokens / 10);
  const masses = (seed: number, count: number) => {
    const raw = Array.from({ length: count }, (_, i) => noise(i + seed) ** 6 + (i > count * 0.9 ? 0.5 * noise(i) : 0));
    const sum = raw.reduce((a, b) => a + b, 0);
    return raw.map((mass) => (0.7 * mass) / sum);
  };
  return {
    schema: 2, model: 'Made-up-1B', kernels: 'avx2', attention: 'delta', sinks: 4, window: { least: 2, most: 4, divisor: 64 }, text: { name: 'src/long.ts', tokens, total: tokens }, shape: { layers, heads, kvHeads, keyLength: 64, valueLength: 64 },
    next: { from: tokens > 256 ? 192 : 0, positions: tokens > 256 ? tokens - 193 : tokens - 1, kl: { mean: 0.004, median: 0.001, p95: 0.02, most: 0.2 }, klByBlock: Array.from({ length: blocks }, (_, i) => 0.01 * noise(i)), top1: 0.962, loss: { dense: 1.2, delta: 1.21 } },
    looked: {
      from: tokens - 32, rows: 32, window: Math.max(0, (blocks - 5) * 64), sinks: { dense: 0.3, delta: 0.3 },
      lines: { tokens: Array.from({ length: lines }, (_, i) => (i < lines - 1 ? 10 : tokens - 10 * (lines - 1))), dense: masses(1, lines), delta: masses(1.01, lines) }, blocks: { dense: masses(2, blocks), delta: masses(2, blocks) },
    },
    whole: { ...work(7), bytes: { allocated: tokens * 2400, float16: tokens * 6144 } }, layers: layersOf,
  };
}

export const measured = (report: InspectReport, over: Partial<MeasurementView> = {}): MeasurementView => ({
  report, mode: 'balanced', at: 1_795_874_485_000, version: '0.1.0', stale: false, lines: report.looked.lines.tokens.map((_, i) => `${'  '.repeat(i % 4)}const value${i} = await read(${i}); // the line of number ${i}`), ...over,
});

const short = (): InspectReport => {
  const report = madeReport({ layers: 4, heads: 4, kvHeads: 2, tokens: 120 });
  const nothing = { sinkMass: null, outputError: null };
  return {
    ...report, whole: { ...report.whole, keySparsity: null, attentionSparsity: 0, multiplyAdds: { dense: 1e6, required: 1e6, executed: 1e6 } }, looked: { ...report.looked, window: 0 },
    layers: report.layers.map((layer) => ({ ...layer, ...nothing, keySparsity: null, attentionSparsity: 0, kvHeads: layer.kvHeads.map((own) => ({ ...own, keySparsity: null, attentionSparsity: 0 })), heads: layer.heads.map((head) => ({ ...head, ...nothing })) })),
  };
};

const figures = (over: Partial<ModeFigures>): ModeFigures => ({ keySparsity: 0.606, keyWork: 0.33, sinksKept: 0.984, outputError: 0.021, top1: 0.947, positions: 474, kl: 0.0056, bytes: 5.66e6, ...over });
const exact = figures({ keySparsity: 0, keyWork: 0, sinksKept: 1, outputError: 0, top1: 1, kl: 0, bytes: 8.2e6 });
export const comparison = (over: Partial<ComparisonView> = {}): ComparisonView => ({
  name: 'queue.ts', tokens: 667, model: 'Starter', stopped: false, ...over,
  columns: over.columns ?? [{ mode: 'exact', figures: exact }, { mode: 'balanced', figures: figures({}) }, { mode: 'compact', figures: figures({ keySparsity: 0.703, keyWork: 0.38, sinksKept: 0.968, outputError: 0.034, top1: 0.921, kl: 0.0112, bytes: 5.1e6 }) }],
});

export function madeMap(tokens: number): MapView {
  const bins = Math.min(512, tokens);
  const mass = new Float32Array(bins * bins);
  for (let row = 0; row < bins; row++) {
    let sum = 0;
    for (let column = 0; column <= row; column++) sum += mass[row * bins + column] = Math.exp(-(row - column) / 20) + (column < 2 ? 2 : 0) + (noise(column) > 0.97 ? 0.4 : 0);
    for (let column = 0; column <= row; column++) mass[row * bins + column] *= tokens / bins / sum;
  }
  return { layer: 8, head: 3, name: 'queue.ts', tokens, bins, sinks: 4, window: { least: 2, most: 4, divisor: 64 }, mass };
}

export interface LiveShape {
  layers: number;
  heads: number;
  kvHeads: number;
  /** Of the row that was sampled; undefined: none was. */
  position?: number;
}

/** Of no model, like the reports. */
export function madeLive({ layers, heads, kvHeads, position }: LiveShape, over: Partial<LiveView> = {}): LiveView {
  const cells = layers * kvHeads;
  const elements = new Float64Array(cells).fill(1e6);
  const work = (tokens: number, seed: number) => {
    const dense = new Float64Array(cells).fill(1000 * tokens);
    return { tokens, dense, required: dense.map((all, i) => all * (0.6 + 0.3 * noise(i + seed))), executed: dense.map((all) => 1.1 * all) };
  };
  const blocks = Math.floor((position ?? 0) / 64) + 1;
  const sinks = Float32Array.from({ length: layers * heads }, (_, i) => 0.8 * noise(i) ** 2);
  const masses = Float32Array.from({ length: layers * blocks }, (_, i) => noise(i) ** 4 + (i % blocks === blocks - 1 ? 2 : 0));
  for (let layer = 0; layer < layers; layer++) {
    const rest = 1 - sinks.subarray(layer * heads, (layer + 1) * heads).reduce((a, b) => a + b, 0) / heads;
    const own = masses.subarray(layer * blocks, (layer + 1) * blocks);
    const all = own.reduce((a, b) => a + b, 0);
    own.forEach((mass, i) => (own[i] = (mass / all) * rest));
  }
  return {
    model: 'Made-up-1B', role: 'completion', shape: { layers, heads, kvHeads, keyLength: 64, valueLength: 64 }, sinks: 4, elements, zeros: elements.map((all, i) => all * (0.4 + 0.4 * noise(i))),
    reading: work(1200, 3), writing: work(31, 5), sample: position === undefined ? null : { position, sinks, blocks: masses },
    wrote: { path: 'queue.ts', text: 'const waiting = this.waiting.filter(({ first }) => !first);\n    return waiting.length > 0;' }, ...over,
  };
}

/** The file of the recording as a completion had it: what is far from the cursor was left out of the prompt. */
export function madeSuggestion(lines: readonly string[], { cursor, from, near }: { cursor: number; from: number; near: number }, over: Partial<LookView> = {}): Pick<PanelState, 'suggestion' | 'look'> {
  const [sinks, rest, own] = [0.31, 0.02, 0.09];
  const raw = lines.map((_, line) => (line < from ? 0 : noise(line) ** 6 + (line > cursor - 8 && line <= cursor ? 0.6 * noise(line + 1) : 0)));
  const all = raw.reduce((a, b) => a + b, 0);
  return {
    suggestion: { request: 'first', name: 'queue.ts', lines },
    look: {
      request: 'first', written: 'const waiting = this.waiting.filter(({ first }) => !first);\n    return waiting.length > 0;', cursor, rows: 3, sinks, rest, own, sinkLines: [from],
      lines: Float32Array.from(raw, (mass) => (mass / all) * (1 - sinks - rest - own)), regions: Uint8Array.from(lines, (_, line) => (line < from || line > cursor ? 0 : line >= near ? 2 : 1)), ...over,
    },
  };
}

const group = (path: string | null, blocks: number, reused: number) => ({ path, blocks, tokens: 64 * blocks, reused, exact: Math.min(blocks, 12), delta: Math.max(0, blocks - 6), approximate: 0, moved: 0, superseded: 0, bytes: 412_000 * blocks });
const groups = [group('queue.ts', 46, 40), group('session.ts', 31, 22), group(null, 11, 4), ...['a.ts', 'b.ts', 'c.ts', 'd.ts', 'e.ts'].map((name, i) => group(name, 6 - i, 1))];
/** Its sums are those of its rows. */
const cache: CacheFigures = (() => {
  const total = (of: (one: (typeof groups)[number]) => number) => groups.reduce((n, one) => n + of(one), 0);
  const underWay = { blocks: 2, bytes: 900_000 };
  return { model: 'Starter', roles: ['completion'], blocks: total(({ blocks }) => blocks) + underWay.blocks, bytes: total(({ bytes }) => bytes) + underWay.bytes, budget: 1.024e9, float16: 12_288 * total(({ tokens }) => tokens), groups, underWay, saved: 48_210, computed: 9120 };
})();

const withTime = { cache: [cache], time: { pause: 40, waiting: 12, tokenize: 3, queue: 21, attention: 96, products: 310, head: 71, sampling: 12, reading: 310, writing: 205, total: 601, computed: 63, written: 18 } };

export const states: Record<string, PanelState> = {
  'no-file': panel({ file: null }),
  empty: panel(),
  measuring: panel({ busy: { what: 'measuring', mode: 'balanced', name: 'queue.ts', share: 0.41, loading: false } }),
  loading: panel({ busy: { what: 'measuring', mode: 'balanced', name: 'queue.ts', share: 0.2, loading: true } }),
  failed: panel({ note: 'The language-model worker stopped unexpectedly (it ran out of memory).' }),
  measured: panel({ measurement: recorded, ...withTime }),
  stale: panel({ measurement: { ...recorded, stale: true }, file: null }),
  'no-sinks': panel({ measurement: measured(madeReport({ layers: 5, heads: 4, kvHeads: 1, tokens: 640, sinks: 0.02 })) }),
  short: panel({ measurement: measured(short()) }),
  comparing: panel({ measurement: recorded, comparison: comparison({ columns: [{ mode: 'exact', figures: exact }, { mode: 'balanced', figures: figures({}) }, { mode: 'compact', figures: null }] }), busy: { what: 'comparing', mode: 'compact', name: 'queue.ts', share: 0.7, loading: false } }),
  compared: panel({ measurement: recorded, comparison: comparison(), ...withTime }),
  live: panel({ measurement: recorded, live: madeLive({ layers: 12, heads: 8, kvHeads: 1, position: 667 }), ...withTime }),
  'live-first': panel({ live: madeLive({ layers: 5, heads: 4, kvHeads: 1 }, { wrote: { path: null, text: 'Yes: ' } }) }),
  'live-large': panel({ measurement: measured(madeReport({ layers: 32, heads: 32, kvHeads: 8, tokens: 16_384 })), live: madeLive({ layers: 32, heads: 32, kvHeads: 8, position: 16_380 }), ...withTime }),
  suggested: panel({ measurement: recorded, live: madeLive({ layers: 12, heads: 8, kvHeads: 2, position: 667 }), ...madeSuggestion(recorded.lines, { cursor: 50, from: 4, near: 30 }), ...withTime }),
  'suggested-first': panel({ live: madeLive({ layers: 12, heads: 8, kvHeads: 2, position: 667 }), ...madeSuggestion(recorded.lines, { cursor: 50, from: 4, near: 30 }, { sinkLines: [] }), ...withTime }),
  map: panel({ measurement: recorded, map: madeMap(667) }),
  large: panel({ measurement: measured(madeReport({ layers: 32, heads: 32, kvHeads: 8, tokens: 16_384 })) }),
};
