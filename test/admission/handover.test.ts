import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Gate } from '../../src/admission/gate.ts';
import { Handover } from '../../src/admission/handover.ts';
import { PilotlightError } from '../../src/core/errors.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { gateSettings, TestWaiter } from './test-waiter.ts';

const origin = 'http://10.0.0.1:8000';

/** A gate behind a handover; `others` is what another revision has running at the server. */
function open(settings: Partial<Parameters<typeof gateSettings>[0]> = {}) {
  const clock = new ManualClock();
  const state = { others: 0, isRescued: false };
  const given = gateSettings(settings);
  const gate = new Gate({
    settings: given,
    clock,
    onDemand: () => undefined,
    whenCold: () => null,
    etaMs: () => null,
    random: () => 0,
  });
  const handover = new Handover({
    gate,
    clock,
    othersAt: (server) => (server === origin ? state.others : 0),
    rescue: () => state.isRescued,
  });
  const enter = (count: number) =>
    Array.from({ length: count }, (_, n) => new TestWaiter(`w${n}`).enter(gate));
  return { clock, state, gate, handover, enter, given };
}

const granted = (waiters: TestWaiter[]) => waiters.filter(({ permit }) => permit !== null).length;

describe('a handover between two revisions at one server', () => {
  it('gives out only what the other leaves of the limit, and the rest as that one ends', async () => {
    const { clock, state, handover, enter } = open();
    state.others = 3;
    handover.addReplica('r', `${origin}/prefix`, 4);
    const waiters = enter(4);
    expect([granted(waiters), handover.isHolding]).toEqual([1, false]);
    for (const left of [2, 1, 0]) {
      state.others = left;
      await clock.advance(20);
      expect(granted(waiters)).toBe(4 - left);
    }
    expect(clock.pendingTimers).toBe(0);
  });

  it('keeps a full server back, also one that is given back by activation meanwhile', async () => {
    const { clock, state, handover, enter } = open();
    state.others = 2;
    handover.addReplica('r', origin, 2);
    const waiters = enter(1);
    expect([granted(waiters), handover.isHolding]).toEqual([0, true]);
    handover.suspend('r');
    expect(handover.isHolding).toBe(false);
    handover.reinstate('r');
    expect(granted(waiters)).toBe(0);
    state.others = 1;
    await clock.advance(20);
    expect([granted(waiters), handover.isHolding]).toEqual([1, false]);
  });

  it('leaves a suspended server suspended when the other revision has ended there', async () => {
    const { clock, state, handover, enter } = open();
    state.others = 2;
    handover.addReplica('r', origin, 2);
    handover.suspend('r');
    const waiters = enter(1);
    state.others = 0;
    await clock.advance(40);
    expect(granted(waiters)).toBe(0);
    handover.reinstate('r');
    expect(granted(waiters)).toBe(1);
  });

  it('closes a server again that the other fills before the place is taken', () => {
    const { state, handover, enter, given } = open();
    handover.addReplica('r', origin, 2);
    state.others = 2;
    handover.take(given, () => undefined);
    expect([granted(enter(1)), handover.isHolding]).toEqual([0, true]);
  });

  it('has nothing to count where there is no limit, or another server', () => {
    const { state, handover, enter } = open();
    state.others = 5;
    handover.addReplica('other', 'http://10.0.0.2:8000', 1);
    expect(granted(enter(2))).toBe(1);
    handover.addReplica('r', origin, 0);
    expect(granted(enter(20))).toBe(20);
  });

  it('knows what runs at a server until the last of it has ended, also after the replica was removed', () => {
    const { handover, enter } = open();
    handover.addReplica('r', `${origin}/a`, 3);
    const waiters = enter(2);
    expect(handover.inFlightAt(origin)).toBe(2);
    handover.removeReplica('r');
    waiters[0]!.permit!.release();
    expect(handover.inFlightAt(origin)).toBe(1);
    waiters[1]!.permit!.release();
    expect(handover.inFlightAt(origin)).toBe(0);
  });

  it('lets in whom the other had accepted beyond the bounds of the queue, and then keeps them', () => {
    const { gate, handover, enter, given } = open({ max: 1, maxBytes: 10 });
    const moved = ['a', 'b', 'c'].map((name) => new TestWaiter(name, { bytes: 9 }));
    handover.take(given, () => {
      expect(handover.isHolding).toBe(true);
      for (const waiter of moved) waiter.enter(gate);
    });
    expect(gate.waiting).toBe(3);
    expect(enter(1)[0]!.error?.code).toBe('queue_full');
    expect(handover.isHolding).toBe(false);
  });

  it('refuses nobody whom another revision takes', () => {
    const { state, handover, enter } = open();
    const [waiter] = enter(1);
    const error = new PilotlightError('start_failed', 'no');
    state.isRescued = true;
    expect([handover.failWaiters(error), waiter!.error]).toEqual([0, null]);
    state.isRescued = false;
    expect([handover.failWaiters(error), waiter!.error]).toEqual([1, error]);
  });

  it('never lets the sum exceed the limit, whatever the order of events', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('enter' as const) }),
      fc.record({ do: fc.constant('release' as const), at: fc.nat() }),
      fc.record({ do: fc.constant('other-ends' as const) }),
      fc.record({ do: fc.constantFrom('suspend' as const, 'reinstate' as const, 'look' as const) }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.nat({ max: 6 }),
        fc.array(step),
        (limit, others, steps) => {
          const { clock, state, gate, handover, enter } = open();
          state.others = Math.min(limit, others);
          handover.addReplica('r', origin, limit);
          const waiters: TestWaiter[] = [];
          const released = new Set<TestWaiter>();
          for (const one of steps) {
            const running = waiters.filter((one) => one.permit !== null && !released.has(one));
            if (one.do === 'enter') waiters.push(...enter(1));
            if (one.do === 'release' && running.length > 0) {
              const ended = running[one.at % running.length]!;
              released.add(ended);
              ended.permit!.release();
            }
            if (one.do === 'other-ends') state.others = Math.max(0, state.others - 1);
            if (one.do === 'suspend' || one.do === 'reinstate') handover[one.do]('r');
            if (one.do === 'look') clock.advanceSync(20);
            expect(gate.inFlight + state.others).toBeLessThanOrEqual(limit);
          }
          state.others = 0;
          handover.reinstate('r');
          clock.advanceSync(40);
          expect(gate.inFlight).toBe(Math.min(limit, gate.inFlight + gate.waiting));
        },
      ),
    );
  });
});
