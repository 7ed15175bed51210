// Where the last rows of a text looked: their queries are kept while the dense pass runs, and weighed against the keys of both forms at its end.
import { BLOCK } from '../binding/addon.ts';
import { firstExactBlock, type WindowRule } from '../cache/window.ts';
import type { Rotations } from '../attention/rope.ts';
import type { RunPass } from '../shared/pass.ts';
import type { AttentionRule } from '../model/attentionRule.ts';
import type { Shape } from '../model/manifest.ts';
import type { Looked } from './report.ts';
import type { TwinAttention } from './twinAttention.ts';
import { weights } from './weights.ts';

/** Rows that are weighed, at most: enough to stand for what is written next, few enough to cost little beside the passes. */
export const ROWS = 32;

export class LastRows {
  private readonly from: number;
  private readonly rows: number;
  /** By layer, `[heads, rows, keyLength]`, rotated. */
  private readonly queries: Float64Array[];

  constructor(private readonly shape: Shape, private readonly tokens: number, private readonly rules: readonly AttentionRule[]) {
    this.rows = Math.min(ROWS, tokens);
    this.from = tokens - this.rows;
    this.queries = Array.from({ length: shape.layers }, () => new Float64Array(shape.heads * this.rows * shape.keyLength));
  }

  /** @param queries `[heads, keyLength]` of one position, before RoPE */
  see(layer: number, position: number, queries: Float32Array, rotations: Rotations): void {
    if (position < this.from) return;
    const { heads, keyLength } = this.shape;
    for (let head = 0; head < heads; head++) {
      const at = (head * this.rows + position - this.from) * keyLength;
      this.queries[layer].set(queries.subarray(head * keyLength, (head + 1) * keyLength), at);
      rotations.rotate(this.queries[layer], at, position);
    }
  }

  /**
   * One KV head of one layer a pass.
   * @param lines by token, the line that it begins in
   */
  async looked(twin: TwinAttention, rule: WindowRule & { sinks: number }, lines: Int32Array, progress: (share: number) => void, pass: RunPass): Promise<Looked> {
    const { layers, kvHeads } = this.shape;
    const dense = new Float64Array(this.tokens);
    const delta = new Float64Array(this.tokens);
    for (let layer = 0; layer < layers; layer++) {
      for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
        progress((layer * kvHeads + kvHead) / (layers * kvHeads));
        await pass(async () => this.weigh(layer, kvHead, twin, rule, dense, delta));
      }
    }
    const all = this.rows * layers * this.shape.heads;
    for (const mass of [dense, delta]) mass.forEach((sum, t) => (mass[t] = sum / all));
    const sinks = Math.min(rule.sinks, this.tokens);
    const total = (mass: Float64Array) => mass.subarray(0, sinks).reduce((a, b) => a + b, 0);
    const result = { dense: total(dense), delta: total(delta) };
    for (const mass of [dense, delta]) mass.fill(0, 0, sinks);
    const count = lines[lines.length - 1] + 1;
    const tokens = new Array<number>(count).fill(0);
    for (const line of lines) tokens[line]++;
    const gathered = (mass: Float64Array, groups: number, groupOf: (token: number) => number) => {
      const out = new Array<number>(groups).fill(0);
      mass.forEach((share, t) => (out[groupOf(t)] += share));
      return out;
    };
    const blocks = Math.ceil(this.tokens / BLOCK);
    return {
      from: this.from, rows: this.rows, window: firstExactBlock(rule, this.tokens - 1) * BLOCK, sinks: result,
      lines: { tokens, dense: gathered(dense, count, (t) => lines[t]), delta: gathered(delta, count, (t) => lines[t]) },
      blocks: { dense: gathered(dense, blocks, (t) => Math.floor(t / BLOCK)), delta: gathered(delta, blocks, (t) => Math.floor(t / BLOCK)) },
    };
  }

  /** Adds the shares of all rows of the query heads of one KV head. */
  private weigh(layer: number, kvHead: number, twin: TwinAttention, window: WindowRule & { sinks: number }, dense: Float64Array, delta: Float64Array): void {
    const { heads, kvHeads, keyLength } = this.shape;
    const rule = this.rules[layer];
    const own = twin.denseKeys(layer, kvHead);
    const { exact, far } = twin.deltaKeys(layer, kvHead, firstExactBlock(window, this.from), firstExactBlock(window, this.tokens - 1));
    const row = new Float64Array(this.tokens);
    const add = (mass: Float64Array, visible: number) => {
      for (let t = 0; t < visible; t++) mass[t] += row[t];
    };
    const group = heads / kvHeads;
    for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
      for (let i = 0; i < this.rows; i++) {
        const at = (head * this.rows + i) * keyLength;
        const position = this.from + i;
        const near = firstExactBlock(window, position) * BLOCK;
        weights(this.queries[layer], at, keyLength, rule, position + 1, () => own, row);
        add(dense, position + 1);
        // Sink tokens are exact in the delta form, too.
        weights(this.queries[layer], at, keyLength, rule, position + 1, (t) => (t >= near ? exact : far), row);
        add(delta, position + 1);
      }
    }
  }
}
