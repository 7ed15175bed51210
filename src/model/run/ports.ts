/** Names of what flows into segments and out of them; each is float32 `[tokens, width]`. */
export const PORTS = { embedding: 'embedding', attention: 'attention', residual: 'residual', qkv: 'qkv', residualOut: 'residual_out', hidden: 'hidden', logits: 'logits' } as const;
