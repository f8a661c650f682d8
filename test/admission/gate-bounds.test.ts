import { describe, expect, it } from 'vitest';
import { gateSettings, openGate, TestWaiter } from './test-waiter.ts';

describe('the bounds of a gate', () => {
  it('refuses the one too many by name and number, and when to retry', () => {
    const { gate } = openGate({ max: 2 }, { etaMs: () => 7_000 });
    new TestWaiter('x').enter(gate);
    new TestWaiter('y').enter(gate);
    const { error } = new TestWaiter('z').enter(gate);
    expect(error).toMatchObject({
      code: 'queue_full',
      message: 'queue full: model "llama" has 2 of 2 waiting',
      retryAfterMs: 7_000,
    });
  });

  it('estimates when to retry from how fast the queue drains', () => {
    const { gate, clock } = openGate({ max: 4 });
    gate.addReplica('r', 'http://r', 1);
    const waiters = [0, 1, 2, 3, 4].map((i) => new TestWaiter(`${i}`).enter(gate));
    for (let i = 0; i < 2; i++) {
      clock.advanceSync(3_000);
      waiters[i]?.permit?.release();
    }
    new TestWaiter('5').enter(gate);
    new TestWaiter('6').enter(gate);
    expect(new TestWaiter('7').enter(gate).error?.retryAfterMs).toBe(12_000);
  });

  it('bounds the bytes that wait, those that arrive later included, and frees them', () => {
    const { gate } = openGate({ maxBytes: 100 });
    const x = new TestWaiter('x', { bytes: 60 }).enter(gate);
    expect(new TestWaiter('y', { bytes: 41 }).enter(gate).error?.message).toBe(
      'queue full: model "llama" has 60 of 100 bytes waiting',
    );
    expect(gate.grow(x, 40)).toBeNull();
    expect(gate.waitingBytes).toBe(100);
    expect(gate.grow(x, 1)).toMatchObject({ code: 'queue_full' });
    expect([gate.waiting, gate.waitingBytes]).toEqual([0, 0]);
    expect(gate.grow(x, 1)).toBeNull();
  });

  it('refuses at the deadline, names the wait, frees the bytes and leaves no timer', () => {
    const { gate, clock } = openGate();
    gate.addReplica('full', 'http://full', 1);
    new TestWaiter('served').enter(gate);
    const late = new TestWaiter('late', { deadlineMs: 2_500, bytes: 10 }).enter(gate);
    const later = new TestWaiter('later', { deadlineMs: 4_000 }).enter(gate);
    new TestWaiter('never').enter(gate);
    expect(clock.pendingTimers).toBe(1);
    clock.advanceSync(2_500);
    expect(late.error).toMatchObject({
      code: 'queue_timeout',
      message: 'queue timeout: model "llama" had no free slot within 2.5s',
    });
    expect([gate.waiting, gate.waitingBytes, clock.pendingTimers]).toEqual([2, 0, 1]);
    gate.cancel(later);
    expect(clock.pendingTimers).toBe(0);
  });

  it('says that the model was not ready where no replica takes requests', () => {
    const { gate, clock } = openGate();
    const late = new TestWaiter('late', { deadlineMs: 1_000 }).enter(gate);
    clock.advanceSync(1_000);
    expect(late.error?.message).toBe('queue timeout: model "llama" was not ready within 1.0s');
  });

  it('sets its one timer for the earliest deadline, whoever came first', () => {
    const { gate, clock } = openGate();
    const slow = new TestWaiter('slow', { deadlineMs: 900 }).enter(gate);
    const quick = new TestWaiter('quick', { deadlineMs: 300 }).enter(gate);
    clock.advanceSync(300);
    expect([slow.error, quick.error?.code]).toEqual([null, 'queue_timeout']);
    expect(clock.pendingTimers).toBe(1);
  });

  it('refuses who comes after his own deadline instead of queueing him', () => {
    const { gate, clock } = openGate();
    clock.advanceSync(10);
    expect(new TestWaiter('x', { deadlineMs: 10 }).enter(gate).error?.code).toBe('queue_timeout');
  });

  it('takes new settings for whoever enters next', () => {
    const { gate } = openGate({ max: 1 });
    new TestWaiter('x').enter(gate);
    gate.configure(gateSettings({ max: 2 }));
    expect(new TestWaiter('y').enter(gate).error).toBeNull();
    expect(new TestWaiter('z').enter(gate).error?.message).toContain('2 of 2');
  });
});
