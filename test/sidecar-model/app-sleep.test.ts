import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Gate } from '../../src/admission/gate.ts';
import { appReplica, createAppGate } from '../../src/sidecar/app-gate.ts';
import { AppSleep, type SleepEvent } from '../../src/sidecar/model/sleep/app-sleep.ts';
import { TestWaiter } from '../admission/test-waiter.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type HookEnd, PlayedApp } from './played-app.ts';

const idleMs = 10_000;

/** A gate of two slots before a played app. */
class Rig {
  readonly clock = new ManualClock();
  readonly app = new PlayedApp(this.clock);
  readonly events: SleepEvent[] = [];
  readonly sleep: AppSleep;
  readonly gate: Gate;
  isReady = true;
  #names = 0;

  constructor() {
    this.sleep = new AppSleep({
      idleMs,
      hooks: this.app,
      replica: appReplica,
      clock: this.clock,
      isReady: async () => this.isReady,
      onEvent: (event) => this.events.push(event),
    });
    const settings = { concurrency: 2, queueMax: 100, user: { host: '127.0.0.1', port: 1 } };
    this.gate = createAppGate(settings, this.clock, this.sleep.gateHooks);
    this.sleep.start(this.gate);
  }

  /** A request comes; when it gets a slot the app is asked. */
  enter(deadlineMs = Number.POSITIVE_INFINITY): TestWaiter {
    const waiter = new TestWaiter(`${++this.#names}`, { deadlineMs });
    waiter.onGranted = () => this.app.serve();
    return waiter.enter(this.gate);
  }

  async fallAsleep(): Promise<void> {
    await this.clock.advance(idleMs);
    expect(this.sleep.state).toBe('asleep');
  }
}

describe('an app that may sleep', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(async () => {
    await rig.sleep.close();
    expect(rig.app.faults).toEqual([]);
  });

  it('is sent to sleep when nothing waited or ran for so long', async () => {
    await rig.clock.advance(idleMs - 1);
    expect(rig.app.calls).toEqual([]);
    await rig.clock.advance(1);
    expect(rig.app.calls).toEqual(['sleep']);
    expect([rig.sleep.state, rig.sleep.standing]).toEqual(['asleep', 'asleep']);
    expect(rig.events).toEqual([{ kind: 'slept', tookMs: 0 }]);
  });

  it('is idle from the end of its last request', async () => {
    await rig.clock.advance(5_000);
    const waiter = rig.enter();
    await rig.clock.advance(60_000);
    waiter.permit?.release();
    await rig.clock.advance(idleMs - 1);
    expect(rig.app.calls).toEqual([]);
    await rig.clock.advance(1);
    expect(rig.app.calls).toEqual(['sleep']);
  });

  it('is not sent to sleep while it is not ready', async () => {
    rig.isReady = false;
    await rig.clock.advance(3 * idleMs);
    expect(rig.app.calls).toEqual([]);
    rig.isReady = true;
    await rig.clock.advance(idleMs);
    expect(rig.app.calls).toEqual(['sleep']);
  });

  it('is woken once for all who come, who go in order when it is awake', async () => {
    await rig.fallAsleep();
    rig.app.takesMs = 700;
    const waiters = [rig.enter(), rig.enter(), rig.enter()];
    expect([rig.sleep.state, rig.sleep.standing]).toEqual(['waking', 'asleep']);
    await rig.clock.advance(699);
    expect(waiters.map(({ permit }) => permit)).toEqual([null, null, null]);
    await rig.clock.advance(1);
    expect(waiters.map(({ permit }) => permit !== null)).toEqual([true, true, false]);
    expect(rig.app.calls).toEqual(['sleep', 'wake']);
    expect(rig.events.at(-1)).toEqual({ kind: 'woke', tookMs: 700 });
    waiters[0]?.permit?.release();
    expect(waiters[2]?.permit).not.toBeNull();
  });

  it('is woken as soon as it sleeps for who came meanwhile', async () => {
    rig.app.takesMs = 300;
    await rig.clock.advance(idleMs);
    expect(rig.sleep.state).toBe('falling');
    const waiter = rig.enter();
    await rig.clock.advance(300);
    expect(rig.sleep.state).toBe('waking');
    await rig.clock.advance(300);
    expect(waiter.permit).not.toBeNull();
  });

  it('stays asleep when who came meanwhile has left', async () => {
    rig.app.takesMs = 300;
    await rig.clock.advance(idleMs);
    rig.gate.cancel(rig.enter());
    await rig.clock.advance(300);
    expect([rig.sleep.state, rig.app.calls]).toEqual(['asleep', ['sleep']]);
  });

  it('falls asleep again when nobody waits any more once it is awake', async () => {
    await rig.fallAsleep();
    rig.app.takesMs = 300;
    rig.gate.cancel(rig.enter());
    await rig.clock.advance(300);
    expect(rig.sleep.state).toBe('awake');
    await rig.clock.advance(idleMs);
    expect(rig.app.calls).toEqual(['sleep', 'wake', 'sleep']);
  });

  it('is not sent to sleep under a request that came while it was asked whether it is ready', async () => {
    const asked = Promise.withResolvers<boolean>();
    await rig.sleep.close();
    const sleep = new AppSleep({
      idleMs,
      hooks: rig.app,
      replica: appReplica,
      clock: rig.clock,
      isReady: () => asked.promise,
    });
    const settings = { concurrency: 2, queueMax: 100, user: { host: '127.0.0.1', port: 1 } };
    const gate = createAppGate(settings, rig.clock, sleep.gateHooks);
    sleep.start(gate);
    await rig.clock.advance(idleMs);
    const waiter = new TestWaiter('a').enter(gate);
    waiter.permit?.release();
    asked.resolve(true);
    await rig.clock.advance(idleMs - 1);
    expect([sleep.state, rig.app.calls]).toEqual(['awake', []]);
    await rig.clock.advance(1);
    expect(sleep.state).toBe('asleep');
    await sleep.close();
  });

  describe('that refuses to sleep', () => {
    beforeEach(async () => {
      rig.app.ends = 'refused';
      await rig.clock.advance(idleMs);
    });

    it('stays awake, takes requests at once, and is told once', async () => {
      expect(rig.sleep.standing).toBe('awake');
      const waiter = rig.enter();
      expect(waiter.permit).not.toBeNull();
      waiter.permit?.release();
      await rig.clock.advance(400_000);
      expect(rig.events).toEqual([{ kind: 'sleep failed', reason: 'sleep: 404' }]);
    });

    it('is tried again after a minute, doubling to an hour', async () => {
      const atMs: number[] = [];
      for (let tries = rig.app.calls.length; atMs.length < 9; ) {
        await rig.clock.advance(1_000);
        if (rig.app.calls.length === tries) continue;
        tries = rig.app.calls.length;
        atMs.push(rig.clock.nowMs() - idleMs);
      }
      const minutes = atMs.map((at, index) => (at - (atMs[index - 1] ?? 0)) / 60_000);
      expect(minutes.map(Math.round)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    });
  });

  it('of which nobody knows whether it fell asleep is woken before it takes requests', async () => {
    rig.app.ends = 'lost';
    rig.app.takesMs = 100;
    await rig.clock.advance(idleMs);
    const waiter = rig.enter();
    await rig.clock.advance(99);
    rig.app.ends = 'done';
    await rig.clock.advance(1);
    expect(rig.sleep.state).toBe('waking');
    await rig.clock.advance(100);
    expect(waiter.permit).not.toBeNull();
  });

  describe('that does not wake up', () => {
    beforeEach(async () => {
      await rig.fallAsleep();
      rig.app.ends = 'refused';
    });

    it('fails all who wait with the reason, and is not ready for a second', async () => {
      rig.app.takesMs = 100;
      const waiters = [rig.enter(), rig.enter()];
      await rig.clock.advance(100);
      for (const { error } of waiters) {
        expect(error).toMatchObject({
          code: 'start_failed',
          message: 'the app did not wake up: wake: 404',
          phase: 'waking',
        });
      }
      expect(rig.sleep.standing).toBe('failing');
      expect(rig.events.at(-1)).toEqual({ kind: 'wake failed', reason: 'wake: 404' });
      await rig.clock.advance(1_000);
      expect(rig.sleep.standing).toBe('asleep');
    });

    it('is tried again by the next who comes after a second, doubling to a minute', async () => {
      const pauses: number[] = [];
      for (let tries = 0; tries < 9; tries++) {
        const waiter = rig.enter();
        await rig.clock.settle();
        expect(waiter.error?.code).toBe('start_failed');
        expect(rig.app.calls.length).toBe(tries + 2);
        const fromMs = rig.clock.nowMs();
        for (;;) {
          const refused = rig.sleep.standing === 'failing' ? rig.enter() : null;
          if (refused === null) break;
          expect(refused.error?.code).toBe('start_failed');
          await rig.clock.advance(500);
        }
        pauses.push((rig.clock.nowMs() - fromMs) / 1_000);
      }
      expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
      rig.app.ends = 'done';
      const waiter = rig.enter();
      await rig.clock.settle();
      expect(waiter.permit).not.toBeNull();
    });

    it('says for how long it is not tried', async () => {
      rig.enter();
      await rig.clock.settle();
      rig.app.ends = 'refused';
      await rig.clock.advance(1_000);
      rig.enter();
      await rig.clock.settle();
      await rig.clock.advance(500);
      expect(rig.enter().error?.retryAfterMs).toBe(1_500);
    });
  });

  it('leaves nothing behind when it is closed, asleep or not', async () => {
    rig.app.takesMs = 300;
    await rig.clock.advance(idleMs);
    await rig.sleep.close();
    expect(rig.clock.pendingTimers).toBe(0);
    await rig.clock.advance(10 * idleMs);
    expect(rig.app.calls).toEqual(['sleep']);
  });

  it('never has a request while it sleeps, has one hook at a time, and ends who waits, whatever happens', async () => {
    type Step = (rig: Rig, waiters: TestWaiter[]) => void | Promise<void>;
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 4, arbitrary: fc.constant<Step>((it, waiters) => void waiters.push(it.enter())) },
      {
        weight: 3,
        arbitrary: fc.nat(20).map(
          (n): Step =>
            (_, waiters) =>
              waiters[n]?.permit?.release(),
        ),
      },
      {
        weight: 2,
        arbitrary: fc.nat(20).map(
          (n): Step =>
            (it, waiters) =>
              waiters[n] && it.gate.cancel(waiters[n]),
        ),
      },
      {
        weight: 6,
        arbitrary: fc.constantFrom(1, 200, idleMs, 61_000).map(
          (ms): Step =>
            (it) =>
              it.clock.advance(ms),
        ),
      },
      {
        weight: 2,
        arbitrary: fc.constantFrom<HookEnd>('done', 'refused', 'lost').map(
          (ends): Step =>
            (it) =>
              void Object.assign(it.app, { ends }),
        ),
      },
      {
        weight: 2,
        arbitrary: fc.constantFrom(0, 150, 15_000).map(
          (takesMs): Step =>
            (it) =>
              void Object.assign(it.app, { takesMs }),
        ),
      },
      {
        weight: 1,
        arbitrary: fc.boolean().map(
          (isReady): Step =>
            (it) =>
              void Object.assign(it, { isReady }),
        ),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const it = new Rig();
        const waiters: TestWaiter[] = [];
        for (const take of steps) {
          await take(it, waiters);
          expect(it.app.faults).toEqual([]);
        }
        // From now on all is well: who still waits is served, and in the end it sleeps.
        Object.assign(it.app, { ends: 'done', takesMs: 0 });
        it.isReady = true;
        await it.clock.advance(100_000);
        const last = it.enter();
        waiters.push(last);
        for (let turns = 0; turns < 200 && it.gate.waiting + it.gate.inFlight > 0; turns++) {
          for (const { permit } of waiters) permit?.release();
          await it.clock.advance(10);
        }
        await it.clock.advance(4_000_000);
        expect(last.permit).not.toBeNull();
        expect([it.gate.waiting, it.gate.inFlight, it.sleep.state, it.app.faults]).toEqual([
          0,
          0,
          'asleep',
          [],
        ]);
        await it.sleep.close();
      }),
      { numRuns: 300 },
    );
  });
});
