// The families of decoders that run here, by `general.architecture`: what sets each apart from a plain `llama`. How one is added: ../README.md.
// Source: llama.cpp's src/models.
import type { Activation } from '../../binding/addon.ts';
import { I2_S, type TensorType } from './tensorTypes.ts';

export interface Family {
  /** How pairs of elements turn together: neighbours, whose query and key rows are put in another order at load, or the halves of a head, as kernels want it. */
  pairs: 'adjacent' | 'halves';
  /** Queries and keys are normed head by head before they turn (`attn_q_norm`, `attn_k_norm`). */
  headNorms?: boolean;
  /** Keys of the metadata that scale something (absent in the file: 1). */
  scales?: { embedding?: string; residual?: string; /** Divides. */ logits?: string; /** Of the scores; in place of 1/√(key length). */ attention?: string };
  /** LayerNorm with biases, in place of RMS norms. */
  layerNorm?: boolean;
  /** Default: silu. */
  activation?: Activation;
  /** The activation is that of `ffn_up` itself: there is no `ffn_gate`. */
  ungated?: boolean;
  /** What a sub-layer gives is normed before it is added (`post_attention_norm`, `post_ffw_norm`). */
  postNorms?: boolean;
  /** What `attn_output` and `ffn_down` read is normed (`attn_sub_norm`, `ffn_sub_norm`). */
  subNorms?: boolean;
  /** Token rows are multiplied by the square root of their length. */
  rootScaled?: boolean;
  /** Keys of tanh caps, and what they are where the file is silent; 0: none. */
  caps?: { scores?: { key: string; otherwise: number }; logits: { key: string; otherwise: number } };
  /** One matrix for queries, keys and values (`attn_qkv`), and one for the gate and what goes through it (`ffn_up`). */
  fused?: boolean;
  /** Of every so many layers the last attends to everything, the others to `attention.sliding_window` tokens, without RoPE scaling. */
  local?: { every: number; window: number; /** In place of `rope.freq_base`, where the file does not say. */ ropeBase?: number };
  /** Of every so many layers the last does not turn its queries and keys. */
  unturned?: number;
  /** Nothing turns where `rope.scaling.finetuned` is false. */
  unturnedByFlag?: boolean;
  /** Logits are made of 8-bit weights where the file has floats: beside layers of two bits they would be most of what a token reads. */
  headInEights?: boolean;
  /** Types of tensors that only its files have: elsewhere their numbers mean others. */
  types?: readonly TensorType[];
  /** Models of so many layers scale scores by 1/√(hidden / heads), whatever the length of their keys. */
  scaledByHidden?: number;
}

/** Gemma 1 and what came after it; its norms have their + 1 in the file. */
const gemma: Family = { pairs: 'halves', activation: 'gelu', rootScaled: true };
const bitnet: Family = { pairs: 'halves', subNorms: true, headInEights: true, types: [I2_S] };
const finalCap = 'final_logit_softcapping';

export const FAMILIES: Readonly<Record<string, Family>> = {
  /** LLaMA 2 to 3.2, SmolLM2, DeepSeek-Coder, CodeLlama, Mistral, Codestral, Yi-Coder … */
  llama: { pairs: 'adjacent' },
  /** Qwen2.5(-Coder) */
  qwen2: { pairs: 'halves' },
  qwen3: { pairs: 'halves', headNorms: true },
  /** Granite 3 */
  granite: { pairs: 'adjacent', unturnedByFlag: true, scales: { embedding: 'embedding_scale', residual: 'residual_scale', logits: 'logit_scale', attention: 'attention.scale' } },
  /** Gemma 1 and CodeGemma */
  gemma,
  starcoder2: { pairs: 'halves', layerNorm: true, activation: 'gelu', ungated: true },
  smollm3: { pairs: 'adjacent', unturned: 4 },
  gemma2: {
    ...gemma, postNorms: true, scaledByHidden: 46, local: { every: 2, window: 4096 },
    caps: { scores: { key: 'attn_logit_softcapping', otherwise: 50 }, logits: { key: finalCap, otherwise: 30 } },
  },
  gemma3: { ...gemma, postNorms: true, headNorms: true, scaledByHidden: 62, local: { every: 6, window: 0, ropeBase: 10_000 }, caps: { logits: { key: finalCap, otherwise: 0 } } },
  /** The first models of BitNet's authors and their followers'. */
  bitnet,
  /** BitNet-b1.58-2B-4T, and what its first upload is called. */
  'bitnet-b1.58': { ...bitnet, activation: 'squaredRelu' },
  'bitnet-25': { ...bitnet, activation: 'squaredRelu' },
  /** Phi-3 */
  phi3: { pairs: 'halves', fused: true },
};
