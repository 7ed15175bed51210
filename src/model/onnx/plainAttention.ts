// Attention in many nodes, as transformers and optimum write it: found around its softmax by what the nodes do to the data, whatever they are called.
//
//   query ─ Reshape ─ Transpose ─ turn ──────────────────┐
//   key ─── Reshape ─ Transpose ─ turn ─ Concat(past) ─ (repeat) ─ MatMul ─ (scale, cap, mask) ─ Softmax ─┐
//   value ─ Reshape ─ Transpose ──────── Concat(past) ─ (repeat) ─────────────────────────────────────── MatMul ─ Transpose ─ Reshape ─ mixed
//
// What such nodes compute is not concluded from their shape: `probe.ts` measures it and proves it on random numbers.
import { FOLLOWS, type OnnxGraph } from './graph.ts';
import { numberOf, type OnnxNode } from './proto.ts';

/** A tensor of queries, keys or values before they turn, and how heads lie in it: `[1, rows, heads · length]`, `[1, rows, heads, length]` or `[1, heads, rows, length]`. */
export interface HeadRows {
  tensor: string;
  lies: 'together' | 'apart' | 'first';
}

export interface PlainAttention {
  softmax: OnnxNode;
  queries: HeadRows;
  keys: HeadRows;
  values: HeadRows;
  /** Queries as they are multiplied with keys, `[1, heads, rows, length]`. */
  turned: string;
  /** Of queries with keys, `[1, heads, rows, total]`. */
  scores: string;
  /** What the softmax gives, in the same form. */
  shares: string;
  /** What attention gives, `[1, rows, heads · length]`. */
  mixed: string;
  /** Keys and values as they are kept for later, `[1, KV heads, total, length]`. */
  kept: readonly string[];
  /** What those are added to, `[1, KV heads, past, length]`. */
  past: readonly string[];
  /** Of the keys that the graph wants to be given; undefined where it does not say. */
  kvHeads: number | undefined;
  keyLength: number | undefined;
}

/** A wider cone of nodes is no turning of queries. */
const MOST_STEPS = 400;
const PASSING = new Set(['Cast', 'Identity', 'Dropout']);
/** From scores to what is normalised. */
const ON_SCORES = new Set([...PASSING, 'Add', 'Sub', 'Mul', 'Div', 'Tanh', 'Where', 'Clip', 'Min', 'Max']);
/** From what is kept to what is multiplied. */
const ON_KEPT = new Set([...PASSING, 'Transpose', 'Reshape', 'Expand', 'Unsqueeze', 'Squeeze', 'Tile', 'Mul', 'Div']);
/** From what a matrix gives to what is kept, or multiplied with what is. */
const ON_ROWS = new Set([...PASSING, 'Transpose', 'Reshape', 'Unsqueeze', 'Squeeze', 'Slice', 'Split', 'Concat', 'Neg', 'Add', 'Sub', 'Mul', 'Div', 'RotaryEmbedding']);
const ARITHMETIC = new Set(['Add', 'Sub', 'Mul', 'Div']);
const PRODUCTS = new Set(['MatMul', 'FusedMatMul']);

/** Throws onnxUnfit. */
export function plainAttention(graph: OnnxGraph, softmax: OnnxNode): PlainAttention {
  const { shares, product } = mixing(graph, softmax);
  const mixed = together(graph, product);
  const scores = backTo(graph, softmax, softmax.input[0], ON_SCORES, ({ opType }) => PRODUCTS.has(opType), 'does not make the scores of queries and keys');
  const multiply = graph.maker(scores)!;
  const [turned, second] = multiply.input;
  const [key, value] = [second, product.input[1]].map((name) => backTo(graph, multiply, name, ON_KEPT, ({ opType }) => opType === 'Concat', 'does not read keys and values that are kept'));
  const [keys, values] = [key, value].map((name) => appended(graph, graph.maker(name)!));
  const past = graph.input(keys.input)?.type?.tensorType?.shape?.dim;
  const stated = (i: number) => (past?.[i] && numberOf(past[i].dimValue) > 0 ? numberOf(past[i].dimValue) : undefined);
  return {
    softmax, turned, scores, shares, mixed, kept: [key, value], past: [keys.past, values.past], kvHeads: stated(1), keyLength: stated(3),
    queries: beforeTurning(graph, turned, multiply), keys: beforeTurning(graph, keys.fresh, multiply), values: beforeTurning(graph, values.fresh, multiply),
  };
}

/** The one node that goes on with a tensor; shapes do not, nor what only asks whether it is a number. */
function only(graph: OnnxGraph, name: string, from: OnnxNode): OnnxNode {
  const readers = graph.readers(name).filter(({ opType }) => opType !== 'Shape' && opType !== 'IsNaN');
  if (readers.length !== 1) throw graph.unfit(from, `gives what ${readers.length} nodes read`);
  return readers[0];
}

/** From a softmax to the product of its shares with values. */
function mixing(graph: OnnxGraph, softmax: OnnxNode): { shares: string; product: OnnxNode } {
  for (let node = softmax; ; ) {
    const shares = node.output[0];
    const next = only(graph, shares, node);
    if (PRODUCTS.has(next.opType) && next.input[0] === shares) return { shares, product: next };
    if (!PASSING.has(next.opType) && next.opType !== 'Where') throw graph.unfit(next, 'follows a softmax and does not multiply with values');
    node = next;
  }
}

/** Heads beside each other again. */
function together(graph: OnnxGraph, product: OnnxNode): string {
  let node = product;
  for (const wanted of ['Transpose', 'Reshape']) {
    do node = only(graph, node.output[0], node); while (PASSING.has(node.opType));
    if (node.opType !== wanted) throw graph.unfit(node, `does not put the heads of an attention together (a ${wanted} would)`);
  }
  return node.output[0];
}

/** Back from a tensor, by nodes of some kinds, to what a node of another makes. */
function backTo(graph: OnnxGraph, from: OnnxNode, name: string, by: ReadonlySet<string>, ends: (node: OnnxNode) => boolean, otherwise: string): string {
  for (let [reader, at] = [from, name]; ; ) {
    const node = graph.maker(at);
    if (!node) throw graph.unfit(reader, otherwise);
    if (ends(node)) return at;
    const data = node.input.filter((one) => graph.follows(one) === FOLLOWS.tokens);
    if (!by.has(node.opType) || data.length !== 1) throw graph.unfit(node, otherwise);
    [reader, at] = [node, data[0]];
  }
}

/** What is added to what is kept. */
function appended(graph: OnnxGraph, concat: OnnxNode): { past: string; input: string; fresh: string } {
  const [past, fresh, ...more] = concat.input;
  // Caches of transformers begin as nothing, to which what is given is added first.
  let input = past;
  for (let node = graph.maker(input); node?.opType === 'Concat' || (node && PASSING.has(node.opType)); node = graph.maker(input)) input = node.input.find((name) => graph.follows(name) === FOLLOWS.inputs) ?? '';
  if (more.length > 0 || !graph.input(input) || graph.follows(fresh) !== FOLLOWS.tokens) throw graph.unfit(concat, 'does not add keys or values to those of an input');
  return { past, input, fresh };
}

/** The one tensor that rows of heads were made of, before they were told apart where that can be: up to it nothing that was learned takes part. */
function beforeTurning(graph: OnnxGraph, from: string, reader: OnnxNode): HeadRows {
  if (graph.follows(from) !== FOLLOWS.tokens) throw graph.unfit(reader, 'multiplies what does not follow from the tokens');
  const front = new Set([from]);
  let found: HeadRows = { tensor: from, lies: 'first' };
  for (let steps = 0; ; steps++) {
    const latest = [...front].reduce((a, b) => ((graph.madeBy.get(a) ?? -1) > (graph.madeBy.get(b) ?? -1) ? a : b));
    const node = graph.maker(latest);
    const single = front.size === 1;
    if (single) found = { tensor: latest, lies: found.lies };
    if (!node || !turns(graph, node) || steps > MOST_STEPS) {
      if (single && node) return found;
      throw graph.unfit(node ?? reader, 'is no part of how queries, keys and values reach an attention');
    }
    if (single && node.opType === 'Reshape' && found.lies === 'apart') return { tensor: node.input[0], lies: 'together' };
    if (single && node.opType === 'Transpose' && found.lies === 'first') found = { tensor: latest, lies: 'apart' };
    front.delete(latest);
    for (const name of node.input) if (graph.follows(name) === FOLLOWS.tokens) front.add(name);
  }
}

/** Whether a node may stand between a projection and attention: it has no weights. */
function turns(graph: OnnxGraph, { opType, input }: OnnxNode): boolean {
  if (!ON_ROWS.has(opType)) return false;
  const constants = input.filter((name) => name !== '' && graph.follows(name) === FOLLOWS.constant);
  if (!ARITHMETIC.has(opType)) return true;
  return opType === 'Mul' || opType === 'Div' ? constants.every((name) => graph.isSingle(name)) : constants.length === 0;
}
