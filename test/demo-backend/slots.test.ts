import { describe, expect, it } from 'vitest';
import { Slots } from '../../src/demo-backend/slots.ts';

const never = new AbortController().signal;

describe('slots', () => {
  it('are granted in order of arrival and never beyond their number', async () => {
    const slots = new Slots(2);
    const order: number[] = [];
    const releases = await Promise.all([slots.acquire(never), slots.acquire(never)]);
    const late = [1, 2, 3].map(async (n) => {
      const release = await slots.acquire(never);
      order.push(n);
      return release;
    });
    expect([slots.running, slots.waiting]).toEqual([2, 3]);
    releases[0]!();
    (await late[0]!)();
    (await late[1]!)();
    await late[2]!;
    expect(order).toEqual([1, 2, 3]);
    expect([slots.running, slots.waiting]).toEqual([2, 0]);
  });

  it('go to the first waiter, not to who arrives during the hand-over', async () => {
    const slots = new Slots(1);
    const order: string[] = [];
    const release = await slots.acquire(never);
    const waiter = slots.acquire(never).then(() => order.push('waiter'));
    release();
    void slots.acquire(never).then(() => order.push('late'));
    await waiter;
    expect(order).toEqual(['waiter']);
    expect(slots.waiting).toBe(1);
  });

  it('are not lost to a waiter who left', async () => {
    const slots = new Slots(1);
    const release = await slots.acquire(never);
    const leaver = new AbortController();
    const left = slots.acquire(leaver.signal);
    const stays = slots.acquire(never);
    leaver.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    release();
    await stays;
    expect([slots.running, slots.waiting]).toEqual([1, 0]);
  });

  it('are given back once, however often release is called', async () => {
    const slots = new Slots(1);
    const release = await slots.acquire(never);
    release();
    release();
    await slots.acquire(never);
    void slots.acquire(never);
    expect([slots.running, slots.waiting]).toEqual([1, 1]);
  });

  it('refuse who has already gone', async () => {
    const slots = new Slots(1);
    await expect(slots.acquire(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    expect(slots.running).toBe(0);
  });
});
