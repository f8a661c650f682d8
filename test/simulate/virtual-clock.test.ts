import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/simulate/virtual-clock.ts';

const never = new AbortController().signal;

describe('the virtual clock', () => {
  it('fires timers in the order of their instants, those of one instant as they were set, and no cancelled one', async () => {
    const timers = fc.array(fc.record({ atMs: fc.nat(20), isCancelled: fc.boolean() }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(timers, async (all) => {
        const clock = new VirtualClock();
        const fired: { at: number; nowMs: number }[] = [];
        const cancels = all.map(({ atMs }, at) =>
          clock.setTimer(atMs, () => fired.push({ at, nowMs: clock.nowMs() })),
        );
        for (const [at, { isCancelled }] of all.entries()) if (isCancelled) cancels[at]!();
        await clock.runUntil(20);
        const expected = all
          .map(({ atMs, isCancelled }, at) => ({ at, nowMs: atMs, isCancelled }))
          .filter(({ isCancelled }) => !isCancelled)
          .sort((a, b) => a.nowMs - b.nowMs || a.at - b.at)
          .map(({ at, nowMs }) => ({ at, nowMs }));
        expect(fired).toEqual(expected);
        expect(clock.pendingTimers).toBe(0);
      }),
    );
  });

  it('fires what timers set and cancel on the way like what was set before, whatever they do', async () => {
    const steps = fc.array(fc.record({ delayMs: fc.integer({ min: -5, max: 9 }), cancels: fc.nat(40) }), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const clock = new VirtualClock();
        const left = [...all];
        const cancels: (() => void)[] = [];
        const cancelled = new Set<number>();
        const fired: number[] = [];
        let lastMs = 0;
        const setNext = () => {
          const step = left.shift();
          if (step === undefined) return;
          const number = cancels.length;
          cancels.push(
            clock.setTimer(clock.nowMs() + step.delayMs, () => {
              expect(clock.nowMs()).toBeGreaterThanOrEqual(lastMs);
              lastMs = clock.nowMs();
              expect(cancelled.has(number)).toBe(false);
              fired.push(number);
              cancels[step.cancels]?.();
              if (step.cancels < cancels.length && !fired.includes(step.cancels)) cancelled.add(step.cancels);
              setNext();
              setNext();
            }),
          );
        };
        setNext();
        setNext();
        await clock.runUntil(1_000);
        expect(new Set(fired).size).toBe(fired.length);
        expect(fired.length + cancelled.size).toBe(cancels.length);
        expect(clock.pendingTimers).toBe(0);
      }),
    );
  });

  it('lets a request end before another arrives, and both before the timers of the instant', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    clock.setTimer(5, () => fired.push('timer'));
    clock.setEvent('arrival', 5, () => fired.push('arrival'));
    clock.setEvent('end', 5, () => fired.push('end'));
    await clock.runUntil(5);
    expect(fired).toEqual(['end', 'arrival', 'timer']);
  });

  it('fires a timer of the past at once, but not within the call', async () => {
    const clock = new VirtualClock();
    await clock.runUntil(100);
    let firedAtMs: number | null = null;
    clock.setTimer(7, () => {
      firedAtMs = clock.nowMs();
    });
    expect(firedAtMs).toBe(null);
    await clock.runUntil(100);
    expect(firedAtMs).toBe(100);
  });

  it('leaves what falls due later, and a timer without an instant for good', async () => {
    const clock = new VirtualClock(1_000_000);
    clock.setTimer(50, () => expect.unreachable());
    clock.setTimer(Number.POSITIVE_INFINITY, () => expect.unreachable());
    await clock.runUntil(49);
    expect([clock.nowMs(), clock.wallMs(), clock.pendingTimers]).toEqual([49, 1_000_049, 2]);
    expect(() => clock.setTimer(Number.NaN, () => undefined)).toThrow('no instant');
  });

  it('runs all that follows from a promise, however long the chain, before the next timer', async () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    const chain = async () => {
      for (let i = 0; i < 200; i++) await null;
      order.push(`chain at ${clock.nowMs()}`);
    };
    clock.setTimer(1, () => {
      clock.promised();
      void chain();
    });
    clock.setTimer(1, () => order.push('next'));
    await clock.runUntil(2);
    expect(order).toEqual(['chain at 1', 'next']);
  });

  it('sleeps as long as it is told, and is woken with the reason of its signal', async () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    const life = new AbortController();
    const sleeper = async (name: string, ms: number, signal: AbortSignal) => {
      await clock.sleep(ms, signal).catch((error: Error) => order.push(error.message));
      order.push(`${name} at ${clock.nowMs()}`);
    };
    const sleepers = [sleeper('a', 20, never), sleeper('b', 10, never), sleeper('c', 90, life.signal)];
    clock.setTimer(15, () => life.abort(new Error('woken')));
    await clock.runUntil(30);
    await Promise.all(sleepers);
    expect(order).toEqual(['b at 10', 'woken', 'c at 15', 'a at 20']);
    await expect(clock.sleep(1, AbortSignal.abort(new Error('late')))).rejects.toThrow('late');
    expect(clock.pendingTimers).toBe(0);
  });

  it('says whether work is left when no timer is', async () => {
    const clock = new VirtualClock();
    let open = 2;
    for (const atMs of [10, 20]) clock.setTimer(atMs, () => open--);
    clock.setTimer(30, () => expect.unreachable());
    expect(await clock.runWhile(() => open > 0)).toBe(true);
    expect(clock.nowMs()).toBe(20);
    const other = new VirtualClock();
    expect(await other.runWhile(() => true)).toBe(false);
  });
});
