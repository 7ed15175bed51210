import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PATIENCE, PassQueue, PRIORITIES, type Priority } from '../../src/session/queue.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';

interface Plan {
  priority: Priority;
  /** Turns of the event loop before it arrives, and those that each of its passes takes. */
  arrives: number;
  passes: number[];
  /** Passes after which it is cancelled by somebody else; null: never. */
  cancelledAfter: number | null;
}

interface Begun {
  request: number;
  pass: number;
}

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Runs all requests on one queue and says in which order the passes began, and how many had begun when each request arrived. */
async function run(plans: readonly Plan[]): Promise<{ waited: number[]; begun: Begun[]; arrivedAt: number[]; runningAtArrival: boolean[]; results: number[]; afterCancel: number[] }> {
  const queue = new PassQueue();
  const begun: Begun[] = [];
  const waited: number[] = [];
  const arrivedAt: number[] = [];
  const runningAtArrival: boolean[] = [];
  const afterCancel = plans.map(() => 0);
  let running = 0;
  /** Passes that the queue does not know to be over. */
  let unsettled = 0;
  const results = await Promise.all(plans.map(async ({ priority, arrives, passes, cancelledAfter }, request) => {
    for (let i = 0; i < arrives; i++) await turn();
    const cancel = new CancelFlag();
    const pass = queue.request(priority, cancel);
    arrivedAt[request] = begun.length;
    runningAtArrival[request] = unsettled > 0;
    let result = 1;
    for (const [i, turns] of passes.entries()) {
      if (cancelledAfter === i) void turn().then(() => cancel.set());
      let counted = false;
      const goesOn = await pass(async () => {
        if (cancel.isSet) return false;
        counted = true;
        unsettled++;
        begun.push({ request, pass: i });
        expect(++running).toBe(1);
        for (let n = 0; n < turns; n++) await turn();
        running--;
        if (cancel.isSet) afterCancel[request]++;
        result = Math.imul(result, 31) + i;
        return true;
      });
      if (counted) unsettled--;
      if (!goesOn) break;
    }
    waited[request] = pass.waited.passes;
    return result;
  }));
  return { waited, begun, arrivedAt, runningAtArrival, results, afterCancel };
}

const alone = ({ passes }: Plan): number => passes.reduce((result, _, i) => Math.imul(result, 31) + i, 1);

const plan = fc.record({
  priority: fc.constantFrom(...PRIORITIES), arrives: fc.nat(30), passes: fc.array(fc.nat(2), { minLength: 1, maxLength: 12 }),
  cancelledAfter: fc.option(fc.nat(6), { freq: 3 }),
});

describe('the queue of passes', () => {
  it('gives every request what it gets alone, one pass at a time, and ends a cancelled one within a pass', () => fc.assert(fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 8 }), async (plans) => {
    const { results, begun, afterCancel } = await run(plans);
    plans.forEach((one, request) => {
      if (one.cancelledAfter === null) expect(results[request]).toBe(alone(one));
      expect(afterCancel[request]).toBeLessThanOrEqual(1);
      const own = begun.filter((pass) => pass.request === request).map(({ pass }) => pass);
      expect(own).toEqual(own.map((_, i) => i));
    });
  }), { numRuns: 60 }));

  it('lets at most one pass of a less urgent request run between the arrival of a completion and its first', () => fc.assert(fc.asyncProperty(fc.array(plan, { minLength: 2, maxLength: 8 }), async (plans) => {
    const { begun, arrivedAt, runningAtArrival, waited } = await run(plans);
    plans.forEach(({ priority, cancelledAfter }, request) => {
      const first = begun.findIndex((pass) => pass.request === request);
      // Its own record says so too, whatever its priority.
      if (cancelledAfter === null) expect(waited[request]).toBe(first - arrivedAt[request] + (runningAtArrival[request] ? 1 : 0));
      if (priority !== 'completion' || cancelledAfter !== null) return;
      const ahead = begun.slice(arrivedAt[request], first).filter((pass) => plans[pass.request].priority !== 'completion');
      // The pass that ran when it came is the one; where none ran, nobody goes ahead.
      expect(ahead.length).toBeLessThanOrEqual(runningAtArrival[request] ? 0 : 1);
    });
  }), { numRuns: 60 }));

  it('lets nobody starve: after so many passes of the more urgent the less urgent has one', async () => {
    const long = (priority: Priority): Plan => ({ priority, arrives: 0, passes: new Array<number>(60).fill(0), cancelledAfter: null });
    const { begun } = await run([long('completion'), long('answer'), long('background')]);
    for (const request of [1, 2]) {
      const at = begun.flatMap((pass, i) => (pass.request === request ? [i] : []));
      const gaps = at.slice(1).map((here, i) => here - at[i] - 1);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * (PATIENCE + 1));
    }
    expect(begun.slice(0, PATIENCE).every(({ request }) => request === 0)).toBe(true);
  });

  it('lets what was begun for nobody go first as soon as somebody waits for it', async () => {
    const queue = new PassQueue();
    const order: string[] = [];
    const cancel = new CancelFlag();
    const many = async (name: string, priority: Priority, flag: CancelFlag) => {
      const pass = queue.request(priority, flag);
      for (let i = 0; i < 6; i++) await pass(async () => {
        order.push(name);
        if (name === 'answer' && i === 2) cancel.urge();
      });
    };
    await Promise.all([many('answer', 'answer', new CancelFlag()), many('ahead', 'background', cancel)]);
    expect(order).toEqual(['answer', 'answer', 'answer', ...new Array<string>(6).fill('ahead'), 'answer', 'answer', 'answer']);
  });

  it('shares the passes of equals', async () => {
    const long: Plan = { priority: 'answer', arrives: 0, passes: new Array<number>(10).fill(0), cancelledAfter: null };
    const { begun } = await run([long, long]);
    expect(begun.map(({ request }) => request)).toEqual(Array.from({ length: 20 }, (_, i) => i % 2));
  });

  it('passes on what a pass throws, and goes on', async () => {
    const queue = new PassQueue();
    const pass = queue.request('answer', new CancelFlag());
    await expect(pass(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(pass(() => Promise.resolve(7))).resolves.toBe(7);
  });
});
