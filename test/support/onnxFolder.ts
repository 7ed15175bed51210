// A small GGUF as a folder in the form in which decoders are published for ONNX Runtime (Microsoft's model builder, onnx-community): the same weights, the
// same tokens. And its whole graph run there, attention and all: what ours is held against.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Tensor } from 'onnxruntime-node';
import { join } from 'node:path';
import { GraphBuilder, type Attribute, type Port } from '../../src/eval/onnxGraph.ts';
import { inverseFrequencies } from '../../src/model/manifest.ts';
import { readArchitecture } from '../../src/model/format/architecture.ts';
import { readGguf, type TensorInfo } from '../../src/model/format/gguf.ts';
import { JoinedFiles } from '../../src/model/format/splitFile.ts';
import { float16ToNumber, numberToFloat16 } from '../../src/shared/float16.ts';
import { preTokenizerFor } from '../../src/tokenizer/preTokenizer.ts';
import { halfSplitOrder } from '../../src/model/run/nativeDecoder.ts';
import { testAddon } from './engine.ts';
import { PlainAttentionNodes } from './plainOnnx.ts';

export interface OnnxForm {
  /** Queries, keys and values from one matrix, from three, or turned by nodes of their own before attention; or attention in plain nodes, as transformers writes it in two ways. */
  attention: 'packed' | 'separate' | 'turned' | 'eager' | 'sdpa';
  /** Matrices as float32, or as the blocks of 4 or 8 bits that they are in the file. */
  matrices: 'float' | 'blocks';
  /** Tokens that every other layer looks back. */
  window?: number;
  /** Multiplies the rows of tokens, as Granite and Gemma do. */
  scaled?: number;
  /** Everything in float16, what is cached and the logits too. */
  half?: boolean;
  /** Weights in a file of their own, in a folder `onnx/`. */
  beside: boolean;
}

/** Writes the folder. The GGUF's family is `llama`, `qwen2` or `qwen3`, its head apart from its embedding or not. */
export async function writeOnnxFolder(folder: string, ggufPath: string, { attention, matrices, beside, window, scaled, half = false }: OnnxForm): Promise<void> {
  const gguf = await readGguf(ggufPath);
  const arch = readArchitecture(gguf);
  const { shape: { layers, hidden, heads, kvHeads, keyLength, vocabulary, context, feedForward }, rope, normEpsilon, family } = arch;
  const file = await JoinedFiles.open(gguf.parts);
  const graphFolder = beside ? join(folder, 'onnx') : folder;
  mkdirSync(graphFolder, { recursive: true });
  const name = 'model.onnx';
  const g = new GraphBuilder('decoder');
  const data: Uint8Array[] = [];
  let end = 0;
  const put = (tensor: string, dims: number[], given: Float32Array | Uint8Array): string => {
    const values = half && given instanceof Float32Array ? Uint16Array.from(given, numberToFloat16) : given;
    if (!beside) return g.constant(tensor, dims, values);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    data.push(bytes);
    end += bytes.length;
    return g.external(tensor, values instanceof Float32Array ? 'float' : values instanceof Uint16Array ? 'float16' : 'uint8', dims, { file: `${name}_data`, offset: end - bytes.length, length: bytes.length });
  };
  const tensor = (which: string): TensorInfo => {
    const found = gguf.tensors.get(which);
    if (!found) throw new Error(`no tensor ${which}`);
    return found;
  };
  const bytesOf = async ({ bytes, offset }: TensorInfo): Promise<Buffer> => {
    const buffer = Buffer.alloc(bytes);
    await file.readFully(buffer, offset);
    return buffer;
  };
  /** `[rows, columns]` as floats. */
  const floatsOf = async (which: string): Promise<Float32Array> => {
    const info = tensor(which);
    const out = new Float32Array(info.shape.reduce((a, b) => a * b, 1));
    testAddon().decodeRows(info.type.id, info.shape[0], 1, await bytesOf(info), out);
    return out;
  };
  /** y = x · Wᵀ of some matrices side by side. */
  const product = async (x: string, which: string[], y: string, order?: Int32Array): Promise<string> => {
    const infos = which.map((one) => tensor(`${one}.weight`));
    const [columns] = infos[0].shape;
    const rows = infos.reduce((sum, { shape }) => sum + shape[1], 0);
    const biased = gguf.tensors.has(`${which[0]}.bias`);
    const out = biased ? `${y}.plain` : y;
    if (matrices === 'blocks') {
      const blocks = await Promise.all(infos.map(async (info) => blocksOf(info, await bytesOf(info))));
      const [{ bits }] = blocks;
      put(`${y}.B`, [rows, columns / 32, 4 * bits], joined(blocks.map(({ codes }) => codes)));
      put(`${y}.scales`, [rows * (columns / 32)], joinedFloats(blocks.map(({ scales }) => scales)));
      g.node('com.microsoft', 'MatMulNBits', [x, `${y}.B`, `${y}.scales`], [out], ints({ K: columns, N: rows, bits, block_size: 32 }));
    } else {
      const weights = joinedFloats(await Promise.all(which.map((one) => floatsOf(`${one}.weight`))));
      const turned = new Float32Array(weights.length);
      for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) turned[column * rows + row] = weights[(order ? row - (row % order.length) + order[row % order.length] : row) * columns + column];
      put(`${y}.W`, [columns, rows], turned);
      g.node('', 'MatMul', [x, `${y}.W`], [out]);
    }
    if (biased) g.node('', 'Add', [out, put(`${y}.bias`, [rows], joinedFloats(await Promise.all(which.map((one) => floatsOf(`${one}.bias`)))))], [y]);
    return y;
  };
  const norm = async (which: string): Promise<string> => put(which, [tensor(which).shape[0]], await floatsOf(which));
  const epsilon: Record<string, Attribute> = { epsilon: { float: normEpsilon } };

  const plain = attention === 'eager' || attention === 'sdpa';
  const frequencies = inverseFrequencies({ ...rope, factors: gguf.tensors.has('rope_freqs.weight') ? [...(await floatsOf('rope_freqs.weight'))] : undefined });
  const interleaved = family.pairs === 'adjacent' ? 1 : 0;
  const nodes = plain ? new PlainAttentionNodes(g, { layers, heads, kvHeads, keyLength, frequencies, scale: 1 / Math.sqrt(keyLength), window, style: attention, half }) : undefined;
  if (!plain) {
    // How long the text is, from its mask.
    g.node('', 'ReduceSum', ['attention_mask', g.constant('one', [1], BigInt64Array.of(1n))], ['sums'], ints({ keepdims: 1 }));
    g.node('', 'Sub', ['sums', 'one'], ['lasts']);
    g.node('', 'Cast', ['lasts'], ['seqlens_k'], ints({ to: 6 }));
    g.node('', 'Shape', ['attention_mask'], ['mask_shape']);
    g.node('', 'Gather', ['mask_shape', 'one'], ['total64'], ints({ axis: 0 }));
    g.node('', 'Cast', ['total64'], ['total'], ints({ to: 6 }));
    const table = (of: (angle: number) => number) => Float32Array.from({ length: context * frequencies.length }, (_, i) => of(Math.floor(i / frequencies.length) * frequencies[i % frequencies.length]));
    for (const [name, of] of [['cos_cache', Math.cos], ['sin_cache', Math.sin]] as const) put(name, [context, frequencies.length], table(of));
  }

  put('embed.weight', [vocabulary, hidden], await floatsOf('token_embd.weight'));
  // As transformers 5 comes out of an exporter: what is summed up is float32, and was before.
  const isCast = attention === 'sdpa' && !half;
  g.node('', 'Gather', ['embed.weight', 'input_ids'], [isCast || scaled ? 'looked_up' : 'embedded']);
  if (scaled) g.node('', 'Mul', ['looked_up', put('multiplier', [], Float32Array.of(scaled))], ['embedded']);
  if (isCast && !scaled) g.node('', 'Cast', ['looked_up'], ['embedded'], ints({ to: 1 }));
  /** A norm of a sum, and the sum where it is wanted. */
  const normOf = async (parts: string[], which: string, y: string, sum?: string): Promise<string> => {
    const weight = await norm(which);
    if (!nodes) {
      if (parts.length === 1) g.node('', 'SimplifiedLayerNormalization', [parts[0], weight], [y], { ...epsilon, axis: { int: -1 } });
      else g.node('com.microsoft', 'SkipSimplifiedLayerNormalization', [...parts, weight], [y, '', '', ...(sum ? [sum] : [])], epsilon);
      return y;
    }
    const x = parts.length === 1 ? parts[0] : (sum ?? `${y}/sum`);
    if (parts.length > 1) g.node('', 'Add', parts, [x]);
    return nodes.norm(x, weight, normEpsilon, y);
  };
  const order = plain && family.pairs === 'adjacent' ? halfSplitOrder(keyLength, rope.rotated) : undefined;
  let x = await normOf(['embedded'], 'blk.0.attn_norm.weight', 'normed_0');
  let residual = 'embedded';
  for (let layer = 0; layer < layers; layer++) {
    const blk = (part: string) => `blk.${layer}.${part}`;
    const l = (part: string) => `layer_${layer}.${part}`;
    const past = ['key', 'value'].map((part) => `past_key_values.${layer}.${part}`);
    const present = ['key', 'value'].map((part) => `present.${layer}.${part}`);
    const attributes = { ...ints({ num_heads: heads, kv_num_heads: kvHeads }), scale: { float: 1 / Math.sqrt(keyLength) }, ...(window && layer % 2 === 0 ? ints({ local_window_size: window }) : {}) };
    let qkv = attention === 'packed' ? [await product(x, ['attn_q', 'attn_k', 'attn_v'].map(blk), l('qkv')), '', '']
      : [await product(x, [blk('attn_q')], l('q'), order), await product(x, [blk('attn_k')], l('k'), order), await product(x, [blk('attn_v')], l('v'))];
    if (family.headNorms) {
      for (const [i, part] of ['q', 'k'].entries()) {
        const count = i === 0 ? heads : kvHeads;
        // Exporters ask the layer itself how many tokens there are, or the first of all, where they find out that it is the same.
        const apart = nodes ? nodes.apart(qkv[i], layer % 2 === 0 ? x : 'embedded', count, l(`${part}.heads`)) : l(`${part}.heads`);
        if (!nodes) g.node('', 'Reshape', [qkv[i], g.constant(l(`${part}.apart`), [3], BigInt64Array.of(0n, -1n, BigInt(keyLength)))], [apart]);
        const normed = await normOf([apart], blk(`attn_${part}_norm.weight`), l(`${part}.normed`));
        if (plain) {
          qkv = qkv.with(i, normed);
          continue;
        }
        g.node('', 'Reshape', [normed, g.constant(l(`${part}.together`), [3], BigInt64Array.of(0n, -1n, BigInt(count * keyLength)))], [l(`${part}.rows`)]);
        qkv = qkv.with(i, l(`${part}.rows`));
      }
    }
    if (attention === 'turned') {
      for (const [i, part] of ['q', 'k'].entries()) {
        g.node('com.microsoft', 'RotaryEmbedding', [qkv[i], 'position_ids', 'cos_cache', 'sin_cache'], [l(`${part}.turned`)], ints({ interleaved, num_heads: i === 0 ? heads : kvHeads, rotary_embedding_dim: rope.rotated === keyLength ? 0 : rope.rotated }));
        qkv = qkv.with(i, l(`${part}.turned`));
      }
    }
    const turns = attention === 'turned' ? [] : ['cos_cache', 'sin_cache'];
    const part = (i: number) => ({ tensor: qkv[i], apart: family.headNorms === true && i < 2 });
    const mixed = nodes ? nodes.layer(layer, { q: part(0), k: part(1), v: part(2) }, x) : l('mixed');
    if (!nodes) g.node('com.microsoft', 'GroupQueryAttention', [...qkv, ...past, 'seqlens_k', 'total', ...turns], [l('mixed'), ...present], { ...attributes, ...(turns.length > 0 ? ints({ do_rotary: 1, rotary_interleaved: interleaved }) : {}) });
    await product(mixed, [blk('attn_output')], l('projected'));
    const wide = await normOf([residual, l('projected')], blk('ffn_norm.weight'), l('ffn_in'), l('after_attention'));
    await product(wide, [blk('ffn_gate')], l('gate'));
    await product(wide, [blk('ffn_up')], l('up'));
    g.node('', 'Sigmoid', [l('gate')], [l('sigmoid')]);
    g.node('', 'Mul', [l('gate'), l('sigmoid')], [l('silu')]);
    g.node('', 'Mul', [l('silu'), l('up')], [l('product')]);
    await product(l('product'), [blk('ffn_down')], l('down'));
    residual = l('residual');
    const isLast = layer + 1 === layers;
    x = await normOf([l('after_attention'), l('down')], isLast ? 'output_norm.weight' : `blk.${layer + 1}.attn_norm.weight`, isLast ? 'final' : `normed_${layer + 1}`, isLast ? undefined : residual);
  }
  await product(x, [gguf.tensors.has('output.weight') ? 'output' : 'token_embd'], 'logits');
  await file.close();

  const type: Port['type'] = half ? 'float16' : 'float';
  const cached = (kind: string, size: string): Port[] => Array.from({ length: layers }, (_, i) => ['key', 'value'].map((part): Port => ({ name: `${kind}.${i}.${part}`, type, dims: ['batch', kvHeads, size, keyLength] }))).flat();
  const inputs: Port[] = [{ name: 'input_ids', type: 'int64', dims: ['batch', 'rows'] }, { name: 'attention_mask', type: 'int64', dims: ['batch', 'total'] }];
  if (attention === 'turned' || plain) inputs.push({ name: 'position_ids', type: 'int64', dims: ['batch', 'rows'] });
  writeFileSync(join(graphFolder, name), g.finish([...inputs, ...cached('past_key_values', 'past')], [{ name: 'logits', type, dims: ['batch', 'rows', vocabulary] }, ...cached('present', 'total')]));
  if (beside) writeFileSync(join(graphFolder, `${name}_data`), Buffer.concat(data));

  const metadata = gguf.metadata as Record<string, unknown>;
  const tokens = metadata['tokenizer.ggml.tokens'] as string[];
  const types = metadata['tokenizer.ggml.token_type'] as number[];
  const { patterns, ignoreMerges } = preTokenizerFor(metadata['tokenizer.ggml.pre'] as string);
  const text = (key: string) => tokens[metadata[`tokenizer.ggml.${key}_token_id`] as number];
  const json = (file: string, value: unknown) => writeFileSync(join(folder, file), JSON.stringify(value));
  json('config.json', {
    _name_or_path: 'Random weights', architectures: [`${arch.name[0].toUpperCase()}${arch.name.slice(1)}ForCausalLM`], model_type: arch.name, num_hidden_layers: layers, hidden_size: hidden, num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: keyLength,
    intermediate_size: feedForward, vocab_size: vocabulary, max_position_embeddings: context, rms_norm_eps: normEpsilon, eos_token_id: [metadata['tokenizer.ggml.eos_token_id'], metadata['tokenizer.ggml.eot_token_id']],
  });
  json('tokenizer.json', {
    version: '1.0', normalizer: null, post_processor: null, added_tokens: tokens.flatMap((content, id) => (types[id] === 3 ? [{ id, content, special: true }] : [])),
    pre_tokenizer: { type: 'Sequence', pretokenizers: [...patterns.map((regex) => ({ type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false })), { type: 'ByteLevel', add_prefix_space: false, use_regex: false }] },
    model: { type: 'BPE', ignore_merges: ignoreMerges, byte_fallback: false, vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges: metadata['tokenizer.ggml.merges'] },
  });
  json('tokenizer_config.json', { add_bos_token: false, bos_token: text('bos'), eos_token: text('eos') });
}

const ints = (values: Record<string, number>): Record<string, Attribute> => Object.fromEntries(Object.entries(values).map(([name, int]) => [name, { int }]));
const joined = (parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));
const joinedFloats = (parts: Float32Array[]): Float32Array => Float32Array.from(parts.flatMap((part) => [...part]));

/** Blocks of Q4_0 or Q8_0 as MatMulNBits wants them: two neighbours in a byte, zero in the middle. */
function blocksOf({ type, shape }: TensorInfo, bytes: Buffer): { bits: 4 | 8; codes: Uint8Array; scales: Float32Array } {
  const count = shape.reduce((a, b) => a * b, 1) / 32;
  const bits = type.name === 'Q4_0' ? 4 : type.name === 'Q8_0' ? 8 : undefined;
  if (!bits) throw new Error(`${type.name} has no such blocks`);
  const codes = new Uint8Array(count * 4 * bits);
  const scales = new Float32Array(count);
  testAddon().decodeRows(1, 1, 1, Buffer.concat(Array.from({ length: count }, (_, i) => bytes.subarray(i * type.bytes, i * type.bytes + 2))), scales);
  for (let block = 0; block < count; block++) {
    const at = block * type.bytes + 2;
    for (let j = 0; j < 32; j++) {
      if (bits === 8) codes[block * 32 + j] = bytes.readInt8(at + j) + 128;
      else codes[block * 16 + (j >> 1)] |= (j < 16 ? bytes[at + j] & 15 : bytes[at + j - 16] >> 4) << (4 * (j & 1));
    }
  }
  return { bits, codes, scales };
}

/** Logits `[ids, vocabulary]` of the whole graph in ONNX Runtime, nothing cut and nothing cached. */
export async function wholeGraph(path: string, ids: readonly number[], { layers, kvHeads, keyLength }: { layers: number; kvHeads: number; keyLength: number }, half = false): Promise<Float32Array> {
  const { InferenceSession, Tensor: OrtTensor } = createRequire(import.meta.url)('onnxruntime-node') as typeof import('onnxruntime-node');
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1, graphOptimizationLevel: 'disabled', logSeverityLevel: 3 });
  const row = (value: (i: number) => number) => new OrtTensor('int64', BigInt64Array.from(ids, (_, i) => BigInt(value(i))), [1, ids.length]);
  const past = Object.fromEntries(Array.from({ length: layers }, (_, i) => ['key', 'value'].map((part) => [`past_key_values.${i}.${part}`, half ? new OrtTensor('float16', new Uint16Array(0), [1, kvHeads, 0, keyLength]) : new OrtTensor('float32', new Float32Array(0), [1, kvHeads, 0, keyLength])])).flat());
  const given: Record<string, Tensor> = { input_ids: row((i) => ids[i]), attention_mask: row(() => 1), position_ids: row((i) => i), ...past };
  const results = await session.run(Object.fromEntries(Object.entries(given).filter(([input]) => session.inputNames.includes(input))), ['logits']);
  await session.release();
  return half ? Float32Array.from(results.logits.data as Uint16Array, (bits) => float16ToNumber(bits)) : (results.logits.data as Float32Array);
}
