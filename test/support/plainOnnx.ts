// Attention in plain nodes, as transformers' models come out of torch's exporter: eager attention, and scaled_dot_product_attention, which it takes apart.
import type { Attribute, GraphBuilder } from '../../src/eval/onnxGraph.ts';
import { numberToFloat16 } from '../../src/shared/float16.ts';

export interface PlainShape {
  layers: number;
  heads: number;
  kvHeads: number;
  keyLength: number;
  /** Radians of each pair of halves. */
  frequencies: ArrayLike<number>;
  /** Of cosines and sines. */
  turned?: number;
  /** Of the scores. */
  scale: number;
  softcap?: number;
  /** Tokens that layers look back: every other one, the first among them. */
  window?: number;
  style: 'eager' | 'sdpa';
  /** In float16, but for angles and norms. */
  half?: boolean;
}

const ints = (values: Record<string, number>): Record<string, Attribute> => Object.fromEntries(Object.entries(values).map(([name, int]) => [name, { int }]));
const LOWEST = -3.4028234663852886e38;

/** What all layers share: cosines and sines of the positions, and masks. Then a layer at a time. */
export class PlainAttentionNodes {
  private constants = 0;

  constructor(
    private readonly g: GraphBuilder,
    private readonly shape: PlainShape,
  ) {
    this.angles();
    this.mask('mask', 0);
    if (shape.window) this.mask('near', shape.window);
  }

  private get type(): number {
    return this.shape.half ? 10 : 1;
  }

  private integers(...values: number[]): string {
    return this.g.constant(`integers_${this.constants++}`, [values.length], BigInt64Array.from(values, BigInt));
  }

  private integer(value: number): string {
    return this.g.constant(`integer_${this.constants++}`, [], BigInt64Array.of(BigInt(value)));
  }

  private number(value: number, exact = false): string {
    return this.g.constant(`number_${this.constants++}`, [], this.shape.half && !exact ? Uint16Array.of(numberToFloat16(value)) : Float32Array.of(value));
  }

  private node(opType: string, input: string[], output: string, attributes: Record<string, Attribute> = {}): string {
    this.g.node('', opType, input, [output], attributes);
    return output;
  }

  /** One size of a tensor, as a list of one. */
  private size(of: string, at: number, name: string): string {
    this.node('Shape', [of], `${name}/Shape`);
    this.node('Gather', [`${name}/Shape`, this.integer(at)], `${name}/Gather`, ints({ axis: 0 }));
    return this.node('Unsqueeze', [`${name}/Gather`, this.integers(0)], `${name}/Unsqueeze`);
  }

  private angles(): void {
    const { frequencies, turned = 1 } = this.shape;
    const pairs = frequencies.length;
    const inverse = this.g.constant('inv_freq', [1, pairs, 1], Float32Array.from(frequencies));
    this.node('Unsqueeze', ['position_ids', this.integers(1)], 'rotary/Unsqueeze');
    this.node('Cast', ['rotary/Unsqueeze'], 'rotary/Cast', ints({ to: 1 }));
    this.node('MatMul', [inverse, 'rotary/Cast'], 'rotary/MatMul');
    this.g.node('', 'Transpose', ['rotary/MatMul'], ['rotary/Transpose'], { perm: { ints: [0, 2, 1] } });
    this.node('Concat', ['rotary/Transpose', 'rotary/Transpose'], 'rotary/Concat', ints({ axis: -1 }));
    for (const of of ['Cos', 'Sin']) {
      this.node(of, ['rotary/Concat'], `rotary/${of}`);
      this.node('Mul', [`rotary/${of}`, this.number(turned, true)], `rotary/${of}/Mul`);
      this.node('Cast', [`rotary/${of}/Mul`], `rotary/${of}/Cast`, ints({ to: this.type }));
      this.node('Unsqueeze', [`rotary/${of}/Cast`, this.integers(1)], of.toLowerCase());
    }
  }

  /** What is added to scores: nothing, or so much that none is left. */
  private mask(name: string, window: number): void {
    const rows = this.size('input_ids', 1, `${name}/rows`);
    const past = this.size('past_key_values.0.key', 2, `${name}/past`);
    this.node('Add', [rows, past], `${name}/total`);
    const scalar = (of: string) => this.node('Squeeze', [of, this.integers(0)], `${of}/Squeeze`);
    this.node('Range', [this.integer(0), scalar(`${name}/total`), this.integer(1)], `${name}/keys`);
    this.node('Range', [scalar(past), `${name}/total/Squeeze`, this.integer(1)], `${name}/queries`);
    this.node('Unsqueeze', [`${name}/queries`, this.integers(1)], `${name}/column`);
    this.node('Greater', [`${name}/keys`, `${name}/column`], `${name}/later`);
    let hidden = `${name}/later`;
    if (window > 0) {
      this.node('Sub', [`${name}/column`, this.integer(window)], `${name}/oldest`);
      this.node('LessOrEqual', [`${name}/keys`, `${name}/oldest`], `${name}/older`);
      hidden = this.node('Or', [hidden, `${name}/older`], `${name}/hidden`);
    }
    // What is padding is hidden too.
    this.node('Cast', ['attention_mask'], `${name}/given`, ints({ to: 9 }));
    this.node('Not', [`${name}/given`], `${name}/padding`);
    this.node('Unsqueeze', [`${name}/padding`, this.integers(1, 2)], `${name}/padding/Unsqueeze`);
    this.node('Or', [hidden, `${name}/padding/Unsqueeze`], `${name}/none`);
    this.node('Where', [`${name}/none`, this.number(this.shape.half ? -65_504 : LOWEST), this.number(0)], name);
  }

  /** `[batch, rows, heads · length]` → `[batch, rows, heads, length]`. */
  apart(tensor: string, asked: string, heads: number, name: string): string {
    this.node('Concat', [this.size(asked, 0, `${name}/batch`), this.size(asked, 1, `${name}/count`), this.integers(heads), this.integers(this.shape.keyLength)], `${name}/apart`, ints({ axis: 0 }));
    return this.node('Reshape', [tensor, `${name}/apart`], `${name}/Reshape`);
  }

  /** @param rows what the matrices give, `[batch, rows, heads · length]`, or normed heads `[batch, rows, heads, length]` @param asked whose shape says how many tokens there are */
  layer(layer: number, { q, k, v }: Record<'q' | 'k' | 'v', { tensor: string; apart: boolean }>, asked: string): string {
    const { heads, kvHeads, keyLength, scale, softcap, window, style } = this.shape;
    const at = (name: string) => `/model/layers.${layer}/self_attn/${name}`;
    const batch = this.size(asked, 0, at('batch'));
    const count = this.size(asked, 1, at('count'));
    const apart = ({ tensor, apart: already }: { tensor: string; apart: boolean }, number: number, name: string): string => {
      const rows = already ? tensor : this.apart(tensor, asked, number, name);
      this.g.node('', 'Transpose', [rows], [`${name}/Transpose`], { perm: { ints: [0, 2, 1, 3] } });
      return `${name}/Transpose`;
    };
    const turned = (x: string, name: string): string => {
      const rotated = 2 * this.shape.frequencies.length;
      const slice = (of: string, from: number, to: number, part: string) => this.node('Slice', [of, this.integers(from), this.integers(to), this.integers(3), this.integers(1)], `${name}/${part}`);
      const part = rotated < keyLength ? slice(x, 0, rotated, 'part') : x;
      this.node('Mul', [part, 'cos'], `${name}/Mul`);
      this.node('Neg', [slice(part, rotated / 2, keyLength * 1000, 'Slice_1')], `${name}/Neg`);
      this.node('Concat', [`${name}/Neg`, slice(part, 0, rotated / 2, 'Slice')], `${name}/Concat`, ints({ axis: -1 }));
      this.node('Mul', [`${name}/Concat`, 'sin'], `${name}/Mul_1`);
      const sum = this.node('Add', [`${name}/Mul`, `${name}/Mul_1`], `${name}/Add`);
      return rotated < keyLength ? this.node('Concat', [sum, slice(x, rotated, keyLength, 'rest')], `${name}/Concat_1`, ints({ axis: -1 })) : sum;
    };
    const query = turned(apart(q, heads, at('q')), at('q_embed'));
    const past = (name: string): string => {
      if (style === 'eager') return `past_key_values.${layer}.${name}`;
      // A cache of transformers 5 begins as nothing.
      const nothing = this.g.constant(at(`${name}_none`), [1, kvHeads, 0, keyLength], this.shape.half ? new Uint16Array(0) : new Float32Array(0));
      return this.node('Concat', [nothing, `past_key_values.${layer}.${name}`], at(`${name}_past`), ints({ axis: -2 }));
    };
    const key = this.node('Concat', [past('key'), turned(apart(k, kvHeads, at('k')), at('k_embed'))], `present.${layer}.key`, ints({ axis: -2 }));
    const value = this.node('Concat', [past('value'), apart(v, kvHeads, at('v'))], `present.${layer}.value`, ints({ axis: -2 }));
    const repeated = (x: string, name: string): string => {
      if (heads === kvHeads) return x;
      const total = this.size(x, 2, `${name}/total`);
      this.node('Unsqueeze', [x, this.integers(2)], `${name}/Unsqueeze`);
      this.node('Concat', [batch, this.integers(kvHeads), this.integers(heads / kvHeads), total, this.integers(keyLength)], `${name}/Concat`, ints({ axis: 0 }));
      this.node('Expand', [`${name}/Unsqueeze`, `${name}/Concat`], `${name}/Expand`);
      this.node('Concat', [batch, this.integers(heads), total, this.integers(keyLength)], `${name}/Concat_1`, ints({ axis: 0 }));
      return this.node('Reshape', [`${name}/Expand`, `${name}/Concat_1`], `${name}/Reshape`);
    };
    this.g.node('', 'Transpose', [repeated(key, at('k_repeat'))], [at('Transpose_3')], { perm: { ints: [0, 1, 3, 2] } });
    const values = repeated(value, at('v_repeat'));
    let scores: string;
    if (style === 'eager') {
      this.node('MatMul', [query, at('Transpose_3')], at('MatMul'));
      scores = this.node('Mul', [at('MatMul'), this.number(scale)], at('Mul'));
    } else {
      // torch makes the scale of the length of a query, and shares it out.
      this.node('Shape', [query], at('Shape'));
      this.node('Slice', [at('Shape'), this.integers(-1), this.integers(9_223_372)], at('Slice'));
      this.node('Cast', [at('Slice')], at('Cast'), ints({ to: this.type }));
      this.node('Sqrt', [at('Cast')], at('Sqrt'));
      this.node('Div', [this.number(scale * Math.sqrt(keyLength)), at('Sqrt')], at('Div'));
      this.node('Sqrt', [at('Div')], at('Sqrt_1'));
      this.node('Mul', [query, at('Sqrt_1')], at('Mul'));
      this.node('Mul', [at('Transpose_3'), at('Sqrt_1')], at('Mul_1'));
      scores = this.node('MatMul', [at('Mul'), at('Mul_1')], at('MatMul'));
    }
    if (softcap) {
      this.node('Div', [scores, this.number(softcap)], at('cap/Div'));
      this.node('Tanh', [at('cap/Div')], at('cap/Tanh'));
      scores = this.node('Mul', [at('cap/Tanh'), this.number(softcap)], at('cap/Mul'));
    }
    this.node('Add', [scores, window && layer % 2 === 0 ? 'near' : 'mask'], at('Add'));
    let shares = this.node('Softmax', [at('Add')], at('Softmax'), ints({ axis: -1 }));
    if (style === 'sdpa') {
      this.node('IsNaN', [shares], at('IsNaN'));
      shares = this.node('Where', [at('IsNaN'), this.number(0), shares], at('Where'));
    }
    this.node('MatMul', [shares, values], at('MatMul_1'));
    this.g.node('', 'Transpose', [at('MatMul_1')], [at('Transpose_4')], { perm: { ints: [0, 2, 1, 3] } });
    this.node('Concat', [batch, count, this.integers(heads * keyLength)], at('Concat'), ints({ axis: 0 }));
    return this.node('Reshape', [at('Transpose_4'), at('Concat')], at('Reshape'));
  }

  /** An RMS norm in plain nodes. */
  norm(x: string, weight: string, epsilon: number, name: string): string {
    const exact = this.shape.half ? this.node('Cast', [x], `${name}/Cast`, ints({ to: 1 })) : x;
    this.node('Pow', [exact, this.number(2, true)], `${name}/Pow`);
    this.g.node('', 'ReduceMean', [`${name}/Pow`, this.integers(-1)], [`${name}/ReduceMean`], ints({ keepdims: 1 }));
    this.node('Add', [`${name}/ReduceMean`, this.number(epsilon, true)], `${name}/Add`);
    this.node('Sqrt', [`${name}/Add`], `${name}/Sqrt`);
    this.node('Div', [this.number(1, true), `${name}/Sqrt`], `${name}/Div`);
    this.node('Mul', [exact, `${name}/Div`], `${name}/Mul`);
    const normed = this.shape.half ? this.node('Cast', [`${name}/Mul`], `${name}/Cast_1`, ints({ to: 10 })) : `${name}/Mul`;
    return this.node('Mul', [weight, normed], `${name}/Mul_1`);
  }
}
