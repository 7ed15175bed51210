import { describe, expect, it } from 'vitest';
import { Models } from '../../src/session/models.ts';
import type { Engine } from '../../src/session/engine.ts';
import type { LoadOptions, Role } from '../../src/session/protocol.ts';

const options = (model: string, role: Role): LoadOptions => ({ model, role, threads: 1, attention: 'delta', cacheBytes: 1e9, background: false });

/** A machine with so much free memory, where each model takes what its size says. */
function machine(free: number, sizes: Record<string, number>) {
  const log: string[] = [];
  let used = 0;
  const models = new Models({
    load: async ({ model }) => {
      log.push(`load ${model}`);
      used += sizes[model];
      return {
        forward: { manifest: { name: model } },
        describe: () => ({ name: model }),
        keepFreedMemory: () => {},
        close: async () => {
          log.push(`close ${model}`);
          used -= sizes[model];
        },
      } as unknown as Engine;
    },
    sizeOf: async (path) => sizes[path] ?? 0,
    available: () => free - used,
  });
  const load = (model: string, role: Role) => models.load(options(model, role), () => {}, {});
  return { models, load, log };
}

describe('the models of the worker', () => {
  it('loads one file once for both roles, and gives it back when neither needs it', async () => {
    const { models, load, log } = machine(8e9, { a: 1e9 });
    await load('a', 'completion');
    await load('a', 'chat');
    expect(models.of('chat')).toBe(models.of('completion'));
    await models.unload('completion');
    expect(log).toEqual(['load a']);
    await models.unload('chat');
    expect(log).toEqual(['load a', 'close a']);
  });

  it('takes the place of the role\'s last model, which goes first', async () => {
    const { load, log } = machine(8e9, { a: 1e9, b: 1e9 });
    await load('a', 'chat');
    await load('b', 'chat');
    expect(log).toEqual(['load a', 'close a', 'load b']);
  });

  it('keeps two models where memory is enough for both', async () => {
    const { load, log } = machine(8e9, { a: 1e9, b: 2e9 });
    await load('a', 'completion');
    expect((await load('b', 'chat')).unloaded).toBeNull();
    expect(log).toEqual(['load a', 'load b']);
  });

  it('unloads the other one where it is not, and says so with the figures', async () => {
    const { models, load, log } = machine(3e9, { a: 1e9, b: 2.5e9 });
    await load('a', 'completion');
    expect((await load('b', 'chat')).unloaded).toEqual({ name: 'a', role: 'completion', needed: 2.756e9, available: 2e9 });
    expect(log).toEqual(['load a', 'close a', 'load b']);
    expect(models.of('completion')).toBeUndefined();
  });

  it('refuses what does not fit alone: the role is left without a model, and no other gives up its own', async () => {
    const { models, load, log } = machine(3e9, { a: 1e9, b: 1e9, huge: 9e9 });
    await load('a', 'completion');
    await load('b', 'chat');
    await expect(load('huge', 'chat')).rejects.toMatchObject({ code: 'modelTooLarge', args: ['huge', '9.0 GB', '2.0 GB'] });
    expect([log, models.of('chat'), models.of('completion') !== undefined]).toEqual([['load a', 'load b', 'close b'], undefined, true]);
  });

  it('refuses what proves not to fit once all others are gone', async () => {
    const { models, load, log } = machine(3e9, { a: 1e9, large: 3.5e9 });
    await load('a', 'completion');
    await expect(load('large', 'chat')).rejects.toMatchObject({ code: 'modelTooLarge' });
    expect([log, models.of('chat'), models.of('completion')]).toEqual([['load a', 'close a'], undefined, undefined]);
  });

  it('waits for what runs on a model before it goes', async () => {
    const { models, load, log } = machine(8e9, { a: 1e9, b: 1e9 });
    await load('a', 'chat');
    let finish = () => {};
    const answer = models.use('chat', () => new Promise<void>((resolve) => (finish = resolve)));
    const next = load('b', 'chat');
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    expect(log).toEqual(['load a']);
    finish();
    await answer;
    await next;
    expect(log).toEqual(['load a', 'close a', 'load b']);
  });

  it('answers nothing without a model', async () => {
    const { models } = machine(8e9, {});
    await expect(models.use('chat', () => 1)).rejects.toMatchObject({ code: 'internal' });
  });
});
