// Measuring a model's confidence: bounded, ended within a step, kept beside the weights, and no matter where that is impossible.
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Forward } from '../../src/model/forward.ts';
import type { Manifest } from '../../src/model/manifest.ts';
import type { Engine } from '../../src/session/engine.ts';
import { readConfidence } from '../../src/session/confidenceFile.ts';
import type { ConfidenceCurve } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { listing, run } from '../support/cli.ts';
import { measuredInto, openEngine, TINY_Q8 } from '../support/engine.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-confidence-'));
const model = join(folder, 'model');
let engine: Engine;

beforeAll(async () => {
  await measuredInto(model, TINY_Q8);
  engine = await openEngine(model, { threads: 1 });
});
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Tokens that the model reads while `work` runs; `during` hears how many so far. */
async function tokensRead(work: () => Promise<unknown>, during: (read: number) => void = () => {}): Promise<number> {
  let read = 0;
  const original = Forward.prototype.run;
  const counted = vi.spyOn(Forward.prototype, 'run').mockImplementation(function (this: Forward, ids, ...rest) {
    read += ids.length;
    during(read);
    return original.call(this, ids, ...rest);
  });
  try {
    await work();
    return read;
  } finally {
    counted.mockRestore();
  }
}

describe('the call', () => {
  it('ends within a step when it is cancelled, and keeps nothing', async () => {
    const files = listing(model);
    for (const after of [1, 400, 900]) {
      const cancel = new CancelFlag();
      let then = 0;
      const read = await tokensRead(() => expect(engine.confidence(4096, cancel)).rejects.toMatchObject({ code: 'cancelled' }), (n) => {
        if (!cancel.isSet && n >= after) {
          cancel.set();
          then = n;
        }
      });
      expect(read).toBe(then);
    }
    expect(listing(model)).toEqual(files);
    expect(engine.describe().confidence).toBeNull();
  });

  it('reads no more tokens than it may, and finds fewer places then', async () => {
    let few: ConfidenceCurve | undefined;
    expect(await tokensRead(async () => void (few = await engine.confidence(300, new CancelFlag())))).toBeLessThanOrEqual(300);
    let many: ConfidenceCurve | undefined;
    expect(await tokensRead(async () => void (many = await engine.confidence(4096, new CancelFlag())))).toBeLessThanOrEqual(4096);
    expect(few!.samples).toBeGreaterThan(20);
    expect(many!.samples).toBeGreaterThan(3 * few!.samples);
    expect((await engine.confidence(0, new CancelFlag())).samples).toBe(0);
  });

  it('finds the same again, tells it, keeps it, and leaves the next generation as it was', async () => {
    const generate = async () => (await engine.generate({ prompt: { text: 'export function ' }, max: 12, sampling: { temperature: 0 } }, new CancelFlag())).text;
    const before = await generate();
    const curve = await engine.confidence(4096, new CancelFlag());
    expect(await engine.confidence(4096, new CancelFlag())).toEqual(curve);
    expect(await generate()).toBe(before);
    expect(engine.describe().confidence).toEqual(curve);
    await engine.close();
    engine = await openEngine(model, { threads: 1 });
    expect(engine.describe().confidence).toEqual(curve);
    // Surer lines are right more often: otherwise the curve would be of no use, on this model as on others.
    expect(curve.points[0].precision).toBeGreaterThan(2 * curve.points.at(-1)!.precision);
  });
});

describe('deltallm import', () => {
  it('measures a small model at once: what the package carries', async () => {
    const out = join(folder, 'imported');
    copyFileSync(TINY_Q8, join(folder, 'tiny.gguf'));
    expect(await run(['import', join(folder, 'tiny.gguf'), '--out', out])).toMatchObject({ code: 0 });
    const { identity } = (JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as Manifest).source;
    expect((await readConfidence(out, identity))!.samples).toBe(engine.describe().confidence!.samples);
    expect(listing(out).filter((name) => name.startsWith('confidence'))).toEqual(['confidence.json']);
  });

  it('writes nothing of the machine into the folder', () => {
    const machine = [folder, process.cwd(), tmpdir(), process.env.HOME].filter((path): path is string => path !== undefined && path.length > 1);
    for (const name of ['manifest.json', 'confidence.json']) {
      const text = readFileSync(join(folder, 'imported', name), 'utf8');
      for (const path of machine) expect(text).not.toContain(JSON.stringify(path).slice(1, -1));
    }
    const manifest = JSON.parse(readFileSync(join(folder, 'imported', 'manifest.json'), 'utf8'));
    expect(manifest.source.file).toBe(join('..', 'tiny.gguf'));
  });
});
