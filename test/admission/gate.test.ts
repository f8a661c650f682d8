import { describe, expect, it } from 'vitest';
import { Permit } from '../../src/admission/permit.ts';
import { PilotlightError } from '../../src/core/errors.ts';
import { openGate, TestWaiter } from './test-waiter.ts';

describe('a gate', () => {
  it('grants at once, without a timer, when a slot is free and nobody waits', () => {
    const { gate, clock } = openGate();
    gate.addReplica('a', 'http://127.0.0.1:1', 1);
    const permit = gate.enter(new TestWaiter('x', { deadlineMs: 10 }));
    expect(permit).toBeInstanceOf(Permit);
    expect(permit).toMatchObject({ replicaId: 'a', origin: 'http://127.0.0.1:1' });
    expect(clock.pendingTimers).toBe(0);
    expect(gate.inFlight).toBe(1);
  });

  it('counts a permit that is released twice once', () => {
    const { gate } = openGate();
    gate.addReplica('a', 'http://a', 2);
    const x = new TestWaiter('x').enter(gate);
    new TestWaiter('y').enter(gate);
    x.permit?.release();
    x.permit?.release();
    expect(gate.inFlight).toBe(1);
    expect(gate.inFlightOf('a')).toBe(1);
  });

  it('has no limit for a replica whose limit is 0', () => {
    const { gate } = openGate();
    gate.addReplica('a', 'http://a', 0);
    for (let i = 0; i < 1_000; i++) new TestWaiter(`${i}`).enter(gate);
    expect(gate.inFlight).toBe(1_000);
  });

  it('lets those who wait for a cold model in, in order, when a replica comes', () => {
    const { gate, asked } = openGate();
    const log: string[] = [];
    for (const name of ['a', 'b', 'c']) new TestWaiter(name, { log }).enter(gate);
    expect(asked).toEqual({ cold: 3, demand: 0 });
    gate.addReplica('r', 'http://r', 2);
    expect(log).toEqual(['a', 'b']);
    expect(gate.waiting).toBe(1);
  });

  it('refuses on entering what the cold model refuses', () => {
    const cold = new PilotlightError('cold', 'not running');
    const { gate } = openGate({}, { whenCold: () => cold });
    expect(gate.enter(new TestWaiter('x'))).toBe(cold);
    expect(gate.waiting).toBe(0);
  });

  it('grants at once when waking makes a slot at once', () => {
    const whenCold = () => {
      opened.gate.addReplica('r', 'http://r', 1);
      return null;
    };
    const opened = openGate({}, { whenCold });
    expect(opened.gate.enter(new TestWaiter('x'))).toBeInstanceOf(Permit);
  });

  it('answers with the permit when telling of demand frees a slot at once', () => {
    const opened = openGate({}, { onDemand: () => opened.gate.setLimit('r', 2) });
    opened.gate.addReplica('r', 'http://r', 1);
    new TestWaiter('x').enter(opened.gate);
    expect(opened.gate.enter(new TestWaiter('y'))).toBeInstanceOf(Permit);
  });

  it('tells of demand when somebody queues before replicas that are full', () => {
    const { gate, asked } = openGate();
    gate.addReplica('r', 'http://r', 1);
    new TestWaiter('x').enter(gate);
    new TestWaiter('y').enter(gate);
    expect(asked).toEqual({ cold: 0, demand: 1 });
  });

  it('forgets who cancels, also twice and after a grant', () => {
    const { gate } = openGate();
    const log: string[] = [];
    const [a, b, c] = ['a', 'b', 'c'].map((name) => new TestWaiter(name, { log }).enter(gate));
    gate.cancel(b!);
    gate.cancel(b!);
    gate.addReplica('r', 'http://r', 1);
    gate.cancel(a!);
    expect([gate.waiting, gate.inFlight]).toEqual([1, 1]);
    a?.permit?.release();
    expect(log).toEqual(['a', 'c']);
    expect(c?.permit).not.toBeNull();
  });

  it.each(['arrival', 'reverse'])(
    'puts who comes back before all others, in order of arrival, when they come in %s order',
    (order) => {
      const { gate } = openGate({ max: 4 });
      const log: string[] = [];
      const [a, b] = ['a', 'b', 'c', 'd'].map((name) => new TestWaiter(name, { log }).enter(gate));
      gate.addReplica('r', 'http://r', 2);
      new TestWaiter('e', { log }).enter(gate);
      new TestWaiter('f', { log }).enter(gate);
      gate.suspend('r');
      for (const waiter of order === 'arrival' ? [a!, b!] : [b!, a!]) {
        const failed = waiter.permit;
        waiter.requeue(gate);
        failed?.release();
      }
      expect([gate.waiting, gate.inFlight]).toEqual([6, 0]);
      log.length = 0;
      gate.addReplica('s', 'http://s', 4);
      expect(log).toEqual(['a', 'b', 'c', 'd']);
    },
  );

  it('puts those who never waited before all others when they come back, in the order in which they do', () => {
    const { gate } = openGate();
    const log: string[] = [];
    gate.addReplica('r', 'http://r', 2);
    const running = ['first', 'second'].map((name) => new TestWaiter(name, { log }).enter(gate));
    new TestWaiter('third', { log }).enter(gate);
    gate.suspend('r');
    for (const waiter of running) {
      const failed = waiter.permit;
      waiter.requeue(gate);
      failed?.release();
    }
    log.length = 0;
    gate.addReplica('s', 'http://s', 3);
    expect(log).toEqual(['first', 'second', 'third']);
  });

  it('survives grants that release and enter at once', () => {
    const { gate } = openGate({ max: 10_000 });
    const log: string[] = [];
    for (let i = 0; i < 5_000; i++) {
      const waiter = new TestWaiter(`${i}`, { log });
      waiter.onGranted = () => {
        if (i === 0) new TestWaiter('nested', { log }).enter(gate);
        waiter.permit?.release();
      };
      waiter.enter(gate);
    }
    gate.addReplica('r', 'http://r', 1);
    expect(log).toEqual([...Array.from({ length: 5_000 }, (_, i) => `${i}`), 'nested']);
    expect([gate.waiting, gate.inFlight]).toEqual([0, 1]);
  });

  it('fails all who wait once, but nobody who enters or leaves meanwhile', () => {
    const { gate } = openGate();
    const error = new PilotlightError('start_failed', 'exited');
    const [a, b, late] = ['a', 'b', 'late'].map((name) => new TestWaiter(name));
    a!.enter(gate).onRefused = () => {
      gate.cancel(b!);
      late!.enter(gate);
    };
    b!.enter(gate);
    expect(gate.failWaiters(error)).toBe(1);
    expect([a!.error, b!.error, late!.error]).toEqual([error, null, null]);
    expect(gate.waiting).toBe(1);
  });

  it('refuses who enters while it is paused, but keeps who waits', () => {
    const { gate } = openGate();
    const early = new TestWaiter('early').enter(gate);
    const paused = new PilotlightError('paused', 'model "llama" is paused');
    gate.refuse(paused);
    expect(gate.enter(new TestWaiter('x'))).toBe(paused);
    gate.addReplica('r', 'http://r', 2);
    expect(early.permit).not.toBeNull();
    gate.refuse(null);
    expect(gate.enter(new TestWaiter('y'))).toBeInstanceOf(Permit);
  });

  it('refuses everybody once it is closed, also who comes back', () => {
    const { gate } = openGate();
    gate.addReplica('r', 'http://r', 1);
    const running = new TestWaiter('running').enter(gate);
    const waiting = new TestWaiter('waiting').enter(gate);
    gate.close();
    expect(waiting.error?.code).toBe('draining');
    expect(new TestWaiter('x').enter(gate).error?.code).toBe('draining');
    expect(running.requeue(gate).error?.code).toBe('draining');
  });

  it('hands its waiters over in order of arrival, with no timer left', () => {
    const { gate, clock } = openGate();
    const waiters = [0, 2, 1, 0].map((priority, i) => {
      return new TestWaiter(`${i}`, { priority: priority as 0 | 1 | 2, deadlineMs: 50, bytes: 1 }).enter(
        gate,
      );
    });
    expect(gate.takeWaiters()).toEqual(waiters);
    expect([gate.waiting, gate.waitingBytes, clock.pendingTimers]).toEqual([0, 0, 0]);
    expect(waiters.map(({ ticket }) => ticket)).toEqual([null, null, null, null]);
  });

  it('knows since when it is idle and how long the oldest waits', () => {
    const { gate, clock } = openGate();
    expect(gate.idleSinceMs).toBe(0);
    clock.advanceSync(100);
    const x = new TestWaiter('x').enter(gate);
    expect(gate.idleSinceMs).toBeNull();
    clock.advanceSync(50);
    expect(gate.oldestWaitMs).toBe(50);
    gate.cancel(x);
    expect([gate.idleSinceMs, gate.oldestWaitMs]).toEqual([150, 0]);
    gate.addReplica('r', 'http://r', 1);
    const y = new TestWaiter('y').enter(gate);
    clock.advanceSync(50);
    expect(gate.idleSinceMs).toBeNull();
    y.permit?.release();
    expect(gate.idleSinceMs).toBe(200);
  });

  it('knows the oldest also behind those who came back without having waited, and in every class', () => {
    const { gate, clock } = openGate();
    clock.advanceSync(10);
    const low = new TestWaiter('low', { priority: 2 }).enter(gate);
    clock.advanceSync(10);
    new TestWaiter('normal').enter(gate);
    clock.advanceSync(10);
    gate.requeue(new TestWaiter('back'));
    clock.advanceSync(10);
    gate.requeue(new TestWaiter('back too'));
    expect(gate.oldestWaitMs).toBe(30);
    gate.cancel(low);
    expect(gate.oldestWaitMs).toBe(20);
  });

  it('tells the position of who waits, and 0 of who does not', () => {
    const { gate } = openGate();
    const waiters = ['a', 'b', 'c'].map((name) => new TestWaiter(name).enter(gate));
    expect(waiters.map((waiter) => gate.position(waiter))).toEqual([1, 2, 3]);
    gate.cancel(waiters[0]!);
    expect(waiters.map((waiter) => gate.position(waiter))).toEqual([0, 1, 2]);
  });
});
