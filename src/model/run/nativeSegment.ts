// A segment as a list of native steps over named slots: built like a graph, run in one native call.
import type { Activation, Addon, SegmentStep } from '../../binding/addon.ts';
import type { Rows } from '../rows.ts';
import type { SegmentRunner } from './segmentRunner.ts';

/** A named slot: rows of that width. */
export interface Port {
  name: string;
  width: number;
}

/** Part of a product's output: a native matrix of `rows` outputs, which come side by side in the order of the parts. */
export interface ProductPart {
  weights: number;
  rows: number;
  bias?: Float32Array;
}

/** Collects steps; every method names the slot that it writes, which is new unless it is one of the outputs. */
export class SegmentSteps {
  private readonly slots = new Map<string, number>();
  private readonly widths: number[] = [];
  private readonly steps: SegmentStep[] = [];

  constructor(
    private readonly inputs: readonly Port[],
    private readonly outputs: readonly Port[],
  ) {
    for (const port of [...inputs, ...outputs]) this.slot(port.name, port.width);
  }

  /** With a bias a LayerNorm, without one an RMS norm. */
  norm(from: string, to: string, scale: Float32Array, epsilon: number, bias?: Float32Array): void {
    this.steps.push({ kind: 'norm', from: this.known(from), to: this.slot(to, scale.length), scale, epsilon, bias });
  }

  product(from: string, to: string, parts: readonly ProductPart[]): void {
    const slot = this.slot(to, parts.reduce((sum, { rows }) => sum + rows, 0));
    let column = 0;
    for (const { weights, rows, bias } of parts) {
      this.steps.push({ kind: 'product', from: this.known(from), to: slot, column, weights, bias });
      column += rows;
    }
  }

  /** Norms `heads` runs of columns from `column` on, each by itself and in place. */
  headNorms(slot: string, column: number, heads: number, scale: Float32Array, epsilon: number): void {
    this.steps.push({ kind: 'norm', from: this.known(slot), to: this.known(slot), column, groups: heads, scale, epsilon });
  }

  add(from: string, other: string, to: string): void {
    this.steps.push({ kind: 'add', from: this.known(from), other: this.known(other), to: this.slot(to, this.widths[this.known(from)]) });
  }

  /** `other`: what the activation multiplies, if anything. */
  gate(from: string, other: string | undefined, to: string, activation: Activation): void {
    this.steps.push({ kind: 'gate', from: this.known(from), other: other === undefined ? undefined : this.known(other), to: this.slot(to, this.widths[this.known(from)]), activation });
  }

  cap(from: string, to: string, most: number): void {
    this.steps.push({ kind: 'cap', from: this.known(from), to: this.slot(to, this.widths[this.known(from)]), most });
  }

  /** The segment; its matrices stay whoever's they are. */
  finish(addon: Addon): NativeSegment {
    const { inputs, outputs, steps } = this;
    const id = addon.createSegment({ widths: Int32Array.from(this.widths), inputs: inputs.length, outputs: outputs.length, steps });
    return new NativeSegment(addon, id, inputs, outputs);
  }

  private known(name: string): number {
    const slot = this.slots.get(name);
    if (slot === undefined) throw new Error(`no step before writes ${name}`);
    return slot;
  }

  private slot(name: string, width: number): number {
    const slot = this.slots.get(name) ?? this.widths.push(width) - 1;
    this.slots.set(name, slot);
    if (this.widths[slot] !== width) throw new Error(`${name} is ${this.widths[slot]} wide, not ${width}`);
    return slot;
  }
}

export class NativeSegment implements SegmentRunner {
  constructor(
    private readonly addon: Addon,
    private readonly id: number,
    private readonly inputs: readonly Port[],
    private readonly outputs: readonly Port[],
  ) {}

  run(inputs: Record<string, Rows>, outputs: Record<string, Rows>, rows: number): void {
    const tensors = [...this.inputs.map(({ name }) => inputs[name].data), ...this.outputs.map(({ name }) => outputs[name].data)];
    this.addon.runSegment(this.id, rows, tensors);
  }

  release(): void {
    this.addon.destroySegment(this.id);
  }
}
