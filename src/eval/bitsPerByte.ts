// What a model's uncertainty about held-out text comes to in bits per byte: comparable between tokenizers, formats and runtimes.
import type { Engine } from '../session/engine.ts';
import { CancelFlag } from '../shared/cancel.ts';

export interface Bits {
  /** Predicted tokens, and the bytes of text that they stand for. */
  tokens: number;
  bytes: number;
  /** Nats a token. */
  loss: number;
  bitsPerByte: number;
}

/** At most `tokens` tokens of the texts, one after the other with the model's end token between them, as rows of `length` + 1 spread evenly over all of them. */
export function heldOutRows(texts: readonly string[], engine: Pick<Engine, 'tokenizer'>, length: number, tokens: number): Int32Array[] {
  const end = engine.tokenizer.special.eos.slice(0, 1);
  const all = Int32Array.from(texts.flatMap((text) => [...engine.tokenizer.encode(text), ...end]));
  const rows = Math.floor(all.length / (length + 1));
  const wanted = Math.min(rows, Math.max(1, Math.floor(tokens / length)));
  return Array.from({ length: wanted }, (_, i) => {
    const row = wanted === 1 ? 0 : Math.floor((i * (rows - 1)) / (wanted - 1));
    return all.subarray(row * (length + 1), (row + 1) * (length + 1));
  });
}

/** Every row is read from nothing; predictions of the end token do not count. */
export async function bitsPerByte(engine: Engine, rows: readonly Int32Array[], cancel = new CancelFlag()): Promise<Bits> {
  const { tokenizer } = engine;
  const { vocabulary } = engine.forward.manifest.shape;
  let [nats, tokens, bytes] = [0, 0, 0];
  for (const row of rows) {
    for await (const { end, logits } of engine.logitRows(row.subarray(0, -1), true, cancel)) {
      const first = end - logits.length / vocabulary;
      for (let i = first; i < end; i++) {
        const target = row[i + 1];
        if (tokenizer.special.eos.includes(target)) continue;
        nats -= logProbability(logits.subarray((i - first) * vocabulary, (i - first + 1) * vocabulary), target);
        bytes += tokenizer.bytes(target).length;
        tokens++;
      }
    }
  }
  return { tokens, bytes, loss: nats / tokens, bitsPerByte: nats / Math.LN2 / bytes };
}

function logProbability(logits: Float32Array, token: number): number {
  let most = -Infinity;
  for (const logit of logits) most = Math.max(most, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  return logits[token] - most - Math.log(sum);
}
