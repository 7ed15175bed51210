// The tiny model that answers, in llama.cpp: the same tokens of its prompts, the same answers, and its turns end there too.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Engine } from '../../src/session/engine.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine } from '../support/engine.ts';
import { chatPrompt, heldOut, TINY_INSTRUCT } from '../support/instruct.ts';
import { openPeer, peerUnsupported, type Peer } from '../support/peer.ts';
import { describeUnless } from '../support/where.ts';

/** The tasks that it is sure of: elsewhere llama.cpp, which rounds activations, may take another of two near tokens. */
const sure = ['name', 'name+', 'parameters+', 'returns+', 'think'];
const cases = heldOut.filter(({ task }) => sure.includes(task));

describeUnless(peerUnsupported(), 'the model that answers, in llama.cpp', () => {
  let engine: Engine;
  let peer: Peer;
  beforeAll(async () => {
    engine = await openEngine(TINY_INSTRUCT, { attention: 'dense' });
    peer = await openPeer(TINY_INSTRUCT);
  });
  afterAll(async () => {
    await engine?.close();
    await peer?.dispose();
  });

  it.each(cases)('$task: $answer', async ({ messages }) => {
    const prompt = (await chatPrompt())(messages);
    const tokens = engine.tokenizer.encode(prompt, { special: true });
    expect(peer.tokenize(prompt, true)).toEqual(tokens);
    const { text, reason } = await engine.generate({ prompt: { tokens }, max: 200, sampling: { temperature: 0 } }, new CancelFlag());
    const theirs = await peer.greedy(tokens, 200);
    expect([theirs.length < 200, peer.detokenize(theirs)]).toEqual([true, text]);
    expect(reason).toBe('end');
  });
});
