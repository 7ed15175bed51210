// The families of decoders that run here, by `general.architecture`: what sets each apart from a plain `llama`. Source: llama.cpp's src/models.

export interface Family {
  /** How pairs of elements turn together: neighbours, whose query and key rows are put in another order at load, or the halves of a head, as kernels want it. */
  pairs: 'adjacent' | 'halves';
  /** Queries and keys are normed head by head before they turn (`attn_q_norm`, `attn_k_norm`). */
  headNorms?: boolean;
  /** Keys of the metadata that scale something (absent in the file: 1). */
  scales?: { embedding?: string; residual?: string; /** Divides. */ logits?: string; /** Of the scores; in place of 1/√(key length). */ attention?: string };
}

/** LLaMA 2 to 3.2, SmolLM2, DeepSeek-Coder, Mistral, Yi …; Qwen2.5(-Coder); Qwen3; Granite 3. */
export const FAMILIES: Readonly<Record<string, Family>> = {
  llama: { pairs: 'adjacent' },
  qwen2: { pairs: 'halves' },
  qwen3: { pairs: 'halves', headNorms: true },
  granite: { pairs: 'adjacent', scales: { embedding: 'embedding_scale', residual: 'residual_scale', logits: 'logit_scale', attention: 'attention.scale' } },
};
