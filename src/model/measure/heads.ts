// Rows of all KV heads, one head at a time.

/** `[tokens, kvHeads, length]` → per head `[tokens, length]`. */
export function splitHeads(rows: Float32Array, heads: number, length: number): Float64Array[] {
  const tokens = rows.length / (heads * length);
  return Array.from({ length: heads }, (_, h) => {
    const out = new Float64Array(tokens * length);
    for (let t = 0; t < tokens; t++) for (let j = 0; j < length; j++) out[t * length + j] = rows[(t * heads + h) * length + j];
    return out;
  });
}
