import { describe, expect, it } from 'vitest';
import type { GateOptions } from '../../src/admission/gate-options.ts';
import { Handover } from '../../src/admission/handover.ts';
import { openGate, TestWaiter } from './test-waiter.ts';

const jobOf = (name: string, log?: string[]) => new TestWaiter(name, { priority: 3, ...(log && { log }) });

describe('class 3', () => {
  it('is served when nobody else waits, in its own order', () => {
    const { gate } = openGate();
    const log: string[] = [];
    const enter = (name: string, priority: 0 | 1 | 2 | 3) =>
      new TestWaiter(name, { priority, log }).enter(gate);
    const waiters = [
      enter('job 1', 3),
      enter('low', 2),
      enter('job 2', 3),
      enter('normal', 1),
      enter('high', 0),
    ];
    gate.addReplica('r', 'http://r', 1);
    for (let i = 0; i < waiters.length; i++)
      waiters.find(({ name }) => name === log.at(-1))!.permit!.release();
    expect(log).toEqual(['high', 'normal', 'low', 'job 1', 'job 2']);
    expect([gate.waiting, gate.inFlight]).toEqual([0, 0]);
  });

  it('gives way to live requests that come while it waits, however long it has waited', () => {
    const { gate } = openGate();
    gate.addReplica('r', 'http://r', 1);
    const running = new TestWaiter('running').enter(gate);
    const job = jobOf('job').enter(gate);
    const low = new TestWaiter('low', { priority: 2 }).enter(gate);
    running.permit!.release();
    expect([low.permit !== null, job.permit]).toEqual([true, null]);
    low.permit!.release();
    expect(job.permit).not.toBeNull();
  });

  it('goes back to its own head after a replica that took nothing, behind the live ones', () => {
    const { gate } = openGate();
    gate.addReplica('r', 'http://r', 1);
    const job = jobOf('job').enter(gate);
    const next = jobOf('next').enter(gate);
    const live = new TestWaiter('live').enter(gate);
    gate.suspend('r');
    const failed = job.permit!;
    job.requeue(gate);
    failed.release();
    gate.reinstate('r');
    expect(live.permit).not.toBeNull();
    live.permit!.release();
    expect([job.permit !== null, next.permit]).toEqual([true, null]);
  });

  it('takes no place and no bytes of those that live requests may have', () => {
    const { gate } = openGate({ max: 1, maxBytes: 10 });
    for (let i = 0; i < 5; i++) new TestWaiter(`job ${i}`, { priority: 3, bytes: 100 }).enter(gate);
    const live = new TestWaiter('live', { bytes: 10 }).enter(gate);
    expect([live.error, gate.waiting, gate.waitingBytes, gate.position(live)]).toEqual([null, 6, 10, 1]);
    expect(new TestWaiter('too many').enter(gate).error).toMatchObject({
      code: 'queue_full',
      message: 'queue full: model "llama" has 1 of 1 waiting',
    });
    expect(gate.grow(live, 1)).toMatchObject({ code: 'queue_full' });
  });
});

describe('the door of the jobs', () => {
  const counted = (more: Partial<GateOptions> = {}) => {
    const told = { backlog: 0, spare: 0 };
    const opened = openGate({}, { onBacklog: () => told.backlog++, ...more });
    opened.gate.jobs.onSpare = () => told.spare++;
    return { ...opened, told };
  };

  it('has what is queued counted as demand: it waits, and the gate is not idle', () => {
    const { gate, clock, told } = counted();
    const control = new Handover({ gate, clock, othersAt: () => 0, rescue: () => false });
    clock.advanceSync(100);
    gate.jobs.queued = 3;
    clock.advanceSync(10);
    expect([control.waiting, control.backlog, control.idleSinceMs, told.backlog]).toEqual([3, 3, null, 1]);
    expect(control.demand).toEqual({ arrived: 0, ended: 0, waitingMs: 30, inFlightMs: 0 });
    expect([gate.waiting, gate.oldestWaitMs]).toEqual([0, 0]);
    gate.jobs.queued = 1;
    clock.advanceSync(10);
    gate.jobs.queued = 0;
    expect([control.waiting, control.idleSinceMs, told.backlog]).toEqual([0, 120, 1]);
    expect(control.demand.waitingMs).toBe(40);
  });

  it('tells how long nothing was there when jobs come, as for a request', () => {
    const gaps: number[][] = [];
    const { gate, clock } = counted({ onReturn: (...facts) => gaps.push(facts) });
    gate.addReplica('r', 'http://r', 1);
    new TestWaiter('a').enter(gate).permit!.release();
    clock.advanceSync(50);
    gate.jobs.queued = 5;
    clock.advanceSync(5);
    jobOf('job').enter(gate).permit!.release();
    gate.jobs.queued = 0;
    clock.advanceSync(7);
    new TestWaiter('b').enter(gate);
    expect(gaps).toEqual([
      [0, 0],
      [50, 1],
      [7, 2],
    ]);
  });

  it('tells of free slots that nobody waits for: when one is released, opened or taken back', () => {
    const { gate, told } = counted();
    expect(gate.jobs.spare).toBe(0);
    gate.addReplica('a', 'http://a', 2);
    expect([gate.jobs.spare, told.spare]).toEqual([2, 1]);
    const one = new TestWaiter('one').enter(gate);
    const two = new TestWaiter('two').enter(gate);
    const three = new TestWaiter('three').enter(gate);
    expect([gate.jobs.spare, told.spare]).toEqual([0, 1]);
    one.permit!.release();
    expect([three.permit !== null, gate.jobs.spare]).toEqual([true, 0]);
    two.permit!.release();
    expect(gate.jobs.spare).toBe(1);
    const before = told.spare;
    gate.suspend('a');
    expect(gate.jobs.spare).toBe(0);
    gate.reinstate('a');
    gate.setLimit('a', 5);
    expect([gate.jobs.spare, told.spare]).toEqual([4, before + 2]);
    gate.addReplica('b', 'http://b', 0);
    expect(gate.jobs.spare).toBe(Number.POSITIVE_INFINITY);
  });

  it('says nothing of slots while somebody waits for one', () => {
    const { gate, told } = counted();
    gate.addReplica('r', 'http://r', 1);
    const first = new TestWaiter('first').enter(gate);
    const second = new TestWaiter('second').enter(gate);
    new TestWaiter('third').enter(gate);
    const before = told.spare;
    first.permit!.release();
    expect(told.spare).toBe(before);
    second.permit!.release();
    expect(told.spare).toBe(before + 1);
  });

  it('goes on to the gate that serves the model next', () => {
    const { gate, told } = counted();
    const next = counted();
    next.gate.jobs.onSpare = null;
    gate.jobs.queued = 4;
    gate.jobs.giveTo(next.gate.jobs);
    expect([gate.jobs.queued, next.gate.jobs.queued, next.told.backlog, told.spare]).toEqual([0, 4, 1, 1]);
    next.gate.addReplica('r', 'http://r', 1);
    expect(told.spare).toBe(2);
    // One that has nothing to give takes nothing away.
    gate.jobs.giveTo(next.gate.jobs);
    expect(next.gate.jobs.queued).toBe(4);
  });
});
