// A model as its files state it, whatever their form: what is known before its weights are read, and what runs it then.
import { basename } from 'node:path';
import type { RunPass } from '../shared/pass.ts';
import type { Addon } from '../binding/addon.ts';
import type { TokenizerFiles } from '../tokenizer/files.ts';
import { tokenizerFromMetadata } from '../tokenizer/fromGguf.ts';
import { readArchitecture, TensorSource, type Architecture } from './format/architecture.ts';
import { readGguf, type GgufFile } from './format/gguf.ts';
import { printable } from './format/ggufHeader.ts';
import type { Manifest, Shape } from './manifest.ts';
import { nativeDecoder } from './run/nativeDecoder.ts';
import { NativeEmbedding } from './run/nativeEmbedding.ts';
import type { Runners } from './run/segmentRunner.ts';

/** What a manifest says of the model itself. */
export type ModelFacts = Pick<Manifest, 'name' | 'architecture' | 'parameters' | 'shape' | 'normEpsilon' | 'rope' | 'attentionScale' | 'softcap' | 'others' | 'bitsPerWeight'>;

export interface LoadWeights {
  /** Of what does not run natively. */
  threads: number;
  /** Hears which share of the weights has been read; what it throws ends the load. */
  progress?: (share: number) => void;
  pass?: RunPass;
}

export interface ModelSource {
  /** Bytes of its files. */
  size: number;
  shape: Shape;
  tokenizer: TokenizerFiles;
  /** Reads the weights. */
  load(addon: Addon, options: LoadWeights): Promise<{ runners: Runners; facts: ModelFacts }>;
  /** W_o of a layer in floats, `[hidden, heads · valueLength]`, read anew at each call. */
  outputOf(addon: Addon, layer: number): Float32Array;
}

/** A GGUF, its header read and checked. */
export async function openGguf(path: string): Promise<ModelSource> {
  const gguf = await readGguf(path);
  const arch = readArchitecture(gguf);
  return {
    size: gguf.size, shape: arch.shape, tokenizer: tokenizerFromMetadata(gguf.metadata, path),
    load: async (addon, { progress, pass }) => {
      const source = new TensorSource(gguf);
      const runners = await nativeDecoder(addon, arch, source, { progress, pass });
      const tensors = [...gguf.tensors.values()];
      const elements = (of: typeof tensors) => of.reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);
      // An embedding beside a head is looked up, not multiplied with.
      const matrices = tensors.filter(({ name }) => name !== 'token_embd.weight' || !source.has('output.weight'));
      const facts: ModelFacts = {
        name: printable(String(gguf.metadata['general.name'] ?? basename(path, '.gguf'))), architecture: arch.name,
        parameters: elements(tensors), shape: arch.shape, normEpsilon: arch.normEpsilon, rope: arch.rope, attentionScale: arch.scales.attention,
        softcap: arch.softcap, others: arch.others,
        bitsPerWeight: (8 * matrices.reduce((n, { bytes }) => n + bytes, 0)) / elements(matrices),
      };
      return { runners, facts };
    },
    outputOf: (addon, layer) => outputWeights(addon, gguf, arch, layer),
  };
}

/** The rows of a layer's output projection. */
function outputWeights(addon: Addon, gguf: GgufFile, { shape }: Architecture, layer: number): Float32Array {
  const tensor = new TensorSource(gguf).take(`blk.${layer}.attn_output.weight`, shape.hidden, shape.heads * shape.valueLength);
  const rows = new NativeEmbedding(addon, gguf, tensor);
  try {
    const out = new Float32Array(shape.hidden * shape.heads * shape.valueLength);
    rows.lookup(Int32Array.from({ length: shape.hidden }, (_, i) => i), out);
    return out;
  } finally {
    rows.close();
  }
}
