import { describe, expect, it } from 'vitest';
import { PilotlightError } from '../../src/core/errors.ts';
import { openGate, TestWaiter } from './test-waiter.ts';

describe("the sums of a gate's demand", () => {
  it('hold the time of all who wait and of all who hold a slot', () => {
    const { gate, clock } = openGate();
    clock.advanceSync(1_000);
    const [a, b] = ['a', 'b'].map((name) => new TestWaiter(name).enter(gate));
    clock.advanceSync(30);
    gate.addReplica('r', 'http://r', 1);
    clock.advanceSync(50);
    expect(gate.demand).toEqual({ arrived: 2, ended: 0, waitingMs: 110, inFlightMs: 50 });
    a!.permit?.release();
    clock.advanceSync(7);
    expect(gate.demand).toEqual({ arrived: 2, ended: 1, waitingMs: 110, inFlightMs: 57 });
    b!.permit?.release();
    clock.advanceSync(1_000);
    expect(gate.demand).toEqual({ arrived: 2, ended: 2, waitingMs: 110, inFlightMs: 57 });
  });

  it('count one that comes back as one that arrived once', () => {
    const { gate, clock } = openGate();
    gate.addReplica('r', 'http://r', 1);
    const one = new TestWaiter('x').enter(gate);
    const failed = one.permit;
    gate.suspend('r');
    one.requeue(gate);
    failed?.release();
    clock.advanceSync(5);
    expect(gate.demand).toEqual({ arrived: 1, ended: 1, waitingMs: 5, inFlightMs: 0 });
  });

  it('count who gave up, whose deadline passed and who was refused while waiting, but nobody who was not let in', () => {
    const { gate, clock } = openGate({ max: 3 });
    const leaving = new TestWaiter('a').enter(gate);
    new TestWaiter('b', { deadlineMs: 20 }).enter(gate);
    new TestWaiter('c').enter(gate);
    new TestWaiter('d').enter(gate);
    expect(gate.demand.arrived).toBe(3);
    clock.advanceSync(10);
    gate.cancel(leaving);
    clock.advanceSync(10);
    expect(gate.demand).toEqual({ arrived: 3, ended: 2, waitingMs: 50, inFlightMs: 0 });
    clock.advanceSync(10);
    gate.failWaiters(new PilotlightError('start_failed', 'exited'));
    clock.advanceSync(10);
    expect(gate.demand).toEqual({ arrived: 3, ended: 3, waitingMs: 60, inFlightMs: 0 });
    expect(gate.idleSinceMs).toBe(30);
  });

  it('already count who makes the gate ask for more', () => {
    const seen: unknown[] = [];
    const opened = openGate({}, { onDemand: () => seen.push(opened.gate.idleSinceMs, opened.gate.demand) });
    opened.gate.addReplica('r', 'http://r', 1);
    new TestWaiter('a').enter(opened.gate);
    new TestWaiter('b').enter(opened.gate);
    expect(seen).toEqual([null, { arrived: 2, ended: 0, waitingMs: 0, inFlightMs: 0 }]);
  });

  it('tell of each return how long nobody was there, and how many had come before', () => {
    const returns: number[][] = [];
    const { gate, clock } = openGate({}, { onReturn: (...facts) => returns.push(facts) });
    gate.addReplica('r', 'http://r', 2);
    clock.advanceSync(40);
    const [a, b] = ['a', 'b'].map((name) => new TestWaiter(name).enter(gate));
    expect(returns).toEqual([[40, 0]]);
    clock.advanceSync(5);
    a!.permit?.release();
    b!.permit?.release();
    clock.advanceSync(70);
    new TestWaiter('c').enter(gate);
    expect(returns).toEqual([
      [40, 0],
      [70, 2],
    ]);
  });
});
