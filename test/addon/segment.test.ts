// One graph in ONNX Runtime, run: where its outputs are written, and what is left of a run.
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/eval/onnxGraph.ts';
import { Segment } from '../../src/model/segment.ts';

const [ROWS, WIDTH] = [256, 1024];

/**
 * Runs y = x + x on `counts` rows in turn, x filled with another number each time; y must hold exactly that.
 * @returns the most bytes that array buffers took between two runs
 */
async function check(counts: number[]): Promise<number> {
  let most = 0;
  const graph = new GraphBuilder('twice');
  graph.node('', 'Add', ['x', 'x'], ['y']);
  const segment = await Segment.fromBytes(graph.finish([{ name: 'x', width: WIDTH }], [{ name: 'y', width: WIDTH }]), 1);
  const [x, y] = [new Float32Array(ROWS * WIDTH), new Float32Array(ROWS * WIDTH)];
  for (const [n, count] of counts.entries()) {
    x.fill(n + 1);
    y.fill(-1);
    const rows = (data: Float32Array) => ({ dims: [count, WIDTH], data: data.subarray(0, count * WIDTH) });
    await segment.runTensors({ x: rows(x) }, { y: rows(y) });
    most = Math.max(most, process.memoryUsage().arrayBuffers);
    expect([y.subarray(0, count * WIDTH).every((value) => value === 2 * (n + 1)), y.subarray(count * WIDTH).every((value) => value === -1)], `${count} rows`).toEqual([true, true]);
  }
  await segment.release();
  return most;
}

describe('a segment', () => {
  it('writes into the rows that it is given, whatever their number', async () => void (await check([ROWS, 1, 17, ROWS, 2, 1])));

  it('leaves nothing behind: copies that the binding returns are freed at once, not by the collector', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const most = await check(Array.from({ length: 64 }, () => ROWS));
    // The two tensors of the test itself, and no copy.
    expect(most - before).toBeLessThan(3 * 4 * ROWS * WIDTH);
  });
});
