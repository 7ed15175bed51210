// A page that was away gets the rest or everything, and what it shows is then what the host has.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChangeLog } from '../../src/editor/chat/changeLog.ts';
import type { ChatChange, ChatState, ToChatView, TurnView } from '../../src/shared/chatProtocol.ts';
import { FakeClock } from '../support/fakeClock.ts';

const surroundings = (title: string) => ({ title, model: { state: 'ready' as const, name: 'tiny' }, attachments: [], estimate: null, kept: false, note: null });
const answer = (id: string, text = ''): TurnView => ({ role: 'assistant', id, text, reasoning: '', state: 'writing', reading: null, note: null, figures: null, dropped: false });
const empty = (): ChatState => ({ ...surroundings(''), turns: [] });

/** As the protocol says, and as the view must do it. */
function apply(state: ChatState, change: ChatChange): void {
  const at = (id: string) => state.turns.findIndex((turn) => turn.id === id);
  const turn = (id: string) => state.turns[at(id)] as Extract<TurnView, { role: 'assistant' }>;
  if (change.kind === 'append') turn(change.turn).text += change.text;
  else if (change.kind === 'reasoning') turn(change.turn).reasoning += change.text;
  else if (change.kind === 'turn') at(change.turn.id) < 0 ? state.turns.push(structuredClone(change.turn)) : (state.turns[at(change.turn.id)] = structuredClone(change.turn));
  else if (change.kind === 'truncate') state.turns.splice(at(change.turn));
  else Object.assign(state, structuredClone(change.surroundings));
}

class Page {
  state = empty();
  epoch: string | null = null;
  seq = 0;
  wholes = 0;
  hears = true;
  hear(message: ToChatView): void {
    if (!this.hears) return;
    if (message.type === 'state') {
      Object.assign(this, { state: structuredClone(message.state), epoch: message.epoch, seq: message.seq });
      this.wholes++;
    } else if (message.type === 'change' && message.epoch === this.epoch) {
      expect(message.seq).toBe(this.seq + 1);
      this.seq = message.seq;
      apply(this.state, message.change);
    }
  }
}

function make() {
  const clock = new FakeClock();
  const page = new Page();
  const truth = { state: empty() };
  const sent: ToChatView[] = [];
  const log = new ChangeLog({ clock, whole: () => structuredClone(truth.state), words: () => ({}), post: (message) => (sent.push(message), page.hear(message)) });
  const tell = (change: ChatChange) => {
    apply(truth.state, change);
    log.add(change);
  };
  return { clock, page, truth, sent, log, tell, hello: () => log.hello(page.epoch, page.seq) };
}

describe('the log of changes', () => {
  it('gives a new page everything, and what comes then', async () => {
    const { clock, page, truth, tell, hello } = make();
    tell({ kind: 'turn', turn: answer('a', 'one') });
    hello();
    expect(page.state).toEqual(truth.state);
    tell({ kind: 'append', turn: 'a', text: ' two' });
    await clock.pass(100);
    expect([page.state, page.wholes]).toEqual([truth.state, 1]);
  });

  it('puts streamed text together: some thirty messages a second, the first at once, and no timer when it is quiet', async () => {
    const { clock, sent, page, truth, tell, hello } = make();
    tell({ kind: 'turn', turn: answer('a') });
    hello();
    await clock.pass(100);
    sent.length = 0;
    tell({ kind: 'append', turn: 'a', text: '.' });
    expect(sent.length).toBe(1);
    for (let n = 0; n < 1000; n++) {
      tell({ kind: 'append', turn: 'a', text: 'x' });
      await clock.pass(1);
    }
    await clock.pass(100);
    expect(sent.length).toBeGreaterThan(20);
    expect(sent.length).toBeLessThan(35);
    expect([page.state, clock.pending]).toEqual([truth.state, 0]);
  });

  it('gives a page that comes back only what it lacks, and everything where that is too much', async () => {
    const { clock, page, truth, tell, hello, sent } = make();
    tell({ kind: 'turn', turn: answer('a') });
    hello();
    page.hears = false;
    for (let n = 0; n < 5; n++) {
      tell({ kind: 'append', turn: 'a', text: `${n}` });
      await clock.pass(50);
    }
    page.hears = true;
    sent.length = 0;
    hello();
    expect([page.state, page.wholes, sent.length]).toEqual([truth.state, 1, 5]);
    page.hears = false;
    for (let n = 0; n < 500; n++) {
      tell({ kind: 'append', turn: 'a', text: `${n}` });
      await clock.pass(50);
    }
    page.hears = true;
    hello();
    expect([page.state, page.wholes]).toEqual([truth.state, 2]);
  });

  it('forgets what is large sooner', async () => {
    const { clock, page, truth, tell, hello } = make();
    tell({ kind: 'turn', turn: answer('a') });
    hello();
    page.hears = false;
    for (let n = 0; n < 5; n++) {
      tell({ kind: 'append', turn: 'a', text: 'x'.repeat(150_000) });
      await clock.pass(50);
    }
    page.hears = true;
    hello();
    expect([page.state, page.wholes]).toEqual([truth.state, 2]);
  });

  it.each<[string, (page: Page) => [string | null, number]]>([
    ['of another conversation', () => ['other', 1]], ['of the future', (page) => [page.epoch, 99]], ['of no conversation', () => [null, 0]],
  ])('gives a page %s everything', (_, known) => {
    const { page, truth, tell, log, hello } = make();
    tell({ kind: 'turn', turn: answer('a') });
    hello();
    page.state = empty();
    log.hello(...known(page));
    expect([page.state, page.wholes]).toEqual([truth.state, 2]);
  });

  it('begins anew with another conversation, and nothing of the former comes through', async () => {
    const { clock, page, truth, tell, log, hello } = make();
    tell({ kind: 'turn', turn: answer('a') });
    hello();
    tell({ kind: 'append', turn: 'a', text: 'x' });
    tell({ kind: 'append', turn: 'a', text: 'y' });
    const before = page.epoch;
    truth.state = empty();
    log.restart();
    await clock.pass(100);
    expect([page.state, page.epoch === before]).toEqual([empty(), false]);
  });

  it('is right whatever happens in whatever order', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('append' as const), turn: fc.nat(2), text: fc.string({ maxLength: 3 }) }), fc.record({ do: fc.constant('reasoning' as const), turn: fc.nat(2), text: fc.string({ maxLength: 3 }) }),
      fc.record({ do: fc.constant('turn' as const), turn: fc.nat(2), text: fc.string({ maxLength: 3 }) }), fc.record({ do: fc.constant('truncate' as const), turn: fc.nat(2) }),
      fc.record({ do: fc.constant('surroundings' as const), text: fc.string({ maxLength: 3 }) }), fc.record({ do: fc.constant('pass' as const), ms: fc.nat(60) }),
      fc.record({ do: fc.constantFrom('away' as const, 'back' as const, 'restart' as const, 'reload' as const) }),
    );
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { clock, page, truth, log, tell, hello } = make();
      hello();
      for (const one of steps) {
        const exists = 'turn' in one && truth.state.turns.some(({ id }) => id === `${one.turn}`);
        if (one.do === 'turn') tell({ kind: 'turn', turn: answer(`${one.turn}`, one.text) });
        else if ((one.do === 'append' || one.do === 'reasoning') && exists) tell({ kind: one.do, turn: `${one.turn}`, text: one.text });
        else if (one.do === 'truncate' && exists) tell({ kind: 'truncate', turn: `${one.turn}` });
        else if (one.do === 'surroundings') tell({ kind: 'surroundings', surroundings: surroundings(one.text) });
        else if (one.do === 'pass') await clock.pass(one.ms);
        else if (one.do === 'away') page.hears = false;
        else if (one.do === 'restart') {
          truth.state = { ...empty(), title: 'new' };
          log.restart();
        } else if (one.do === 'back' || one.do === 'reload') {
          page.hears = true;
          if (one.do === 'reload') Object.assign(page, { epoch: null, seq: 0, state: empty() });
          hello();
        }
      }
      page.hears = true;
      hello();
      await clock.pass(1000);
      expect([page.state, clock.pending]).toEqual([truth.state, 0]);
    }), { numRuns: 300 });
  });
});
