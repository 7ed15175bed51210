// Dense mode against a decoder whose attention is ONNX Runtime's too: the same segments, no native code, no cache.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OnnxAttention } from '../../src/eval/onnxAttention.ts';
import type { Engine } from '../../src/session/engine.ts';
import { openEngine, TINY_F16 } from '../support/engine.ts';

const TOKENS = 700;
/** Of the largest logit: float32 sums in another order, through four layers. */
const TOLERANCE = 1e-5;

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine(TINY_F16, { attention: 'dense' });
});
afterAll(() => engine.close());

test(`logits of every position equal those of ONNX-only attention to ${TOLERANCE}`, async () => {
  const { forward, tokenizer } = engine;
  const ids = Int32Array.from(tokenizer.encode(readFileSync('src/cache/lease.ts', 'utf8'))).subarray(0, TOKENS);
  const attention = await OnnxAttention.create(forward.manifest, TOKENS);
  const expected: Float32Array[] = [];
  for (let at = 0; at < ids.length; at += forward.chunk) expected.push((await forward.run(ids.subarray(at, at + forward.chunk), attention, 'all'))!.slice());
  let chunk = 0;
  let worst = 0;
  for await (const { logits } of engine.logitRows(ids, true)) {
    const reference = expected[chunk++];
    const largest = reference.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    expect(logits.length).toBe(reference.length);
    for (let i = 0; i < logits.length; i++) worst = Math.max(worst, Math.abs(logits[i] - reference[i]) / largest);
  }
  expect(chunk).toBe(expected.length);
  console.log(`largest difference: ${worst.toExponential(2)} of the largest logit`);
  expect(worst).toBeLessThanOrEqual(TOLERANCE);
});
