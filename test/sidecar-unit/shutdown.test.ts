import { describe, expect, it } from 'vitest';
import { Drainer } from '../../src/sidecar/drainer.ts';
import { Shutdown } from '../../src/sidecar/shutdown.ts';
import { UnderWay } from '../../src/sidecar/under-way.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { FakeRequest } from './fake-lane.ts';

function create(resetMs: number | null = 1_000) {
  const clock = new ManualClock();
  const drainer = new Drainer(clock, 30_000);
  const underWay = new UnderWay();
  const drained = Promise.withResolvers<void>();
  const events: string[] = [];
  const quiet = () => undefined;
  const shutdown = new Shutdown({
    clock,
    drainer,
    underWay,
    settings: { quietMs: 30_000, upgradedMs: 60_000, resetMs },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet, raw: quiet, flush: (done) => done() },
    drainPorts: () => {
      events.push(`ports at ${clock.nowMs()}`);
      return drained.promise;
    },
  });
  const hook = () => {
    const { head } = new FakeRequest([], { target: '/wait-for-drain' });
    void shutdown.answer(head).then(({ status }) => events.push(`hook ${status} at ${clock.nowMs()}`));
  };
  const run = () => void shutdown.run().then(() => events.push(`over at ${clock.nowMs()}`));
  return { clock, drainer, underWay, drained, events, hook, run };
}

describe('the hook of a container that ends', () => {
  it('is let go after a second when no SIGTERM follows: the app is only started again', async () => {
    const { clock, drainer, events, hook } = create();
    hook();
    await clock.advance(999);
    expect([drainer.isDraining, events]).toEqual([true, []]);
    await clock.advance(1);
    expect([drainer.isDraining, events]).toEqual([false, ['hook 200 at 1000']]);
  });

  it('waits for the quiet period when SIGTERM came, before it or behind it', async () => {
    const { clock, drainer, drained, events, hook, run } = create();
    drained.resolve();
    hook();
    await clock.advance(500);
    run();
    await clock.advance(1_000);
    hook();
    expect(drainer.isDraining).toBe(true);
    await clock.advance(28_500);
    expect(events.filter((event) => event.startsWith('hook'))).toEqual(Array(2).fill('hook 200 at 30000'));
    hook();
    await clock.advance(0);
    expect(events.at(-1)).toBe('hook 200 at 30000');
  });

  it('waits for the quiet period in plain mode, where SIGTERM comes behind it', async () => {
    const { clock, drainer, events, hook } = create(null);
    hook();
    await clock.advance(10_000);
    drainer.noteRequest();
    await clock.advance(30_000);
    expect([drainer.isDraining, events]).toEqual([false, ['hook 200 at 40000']]);
  });
});

describe('the end of a sidecar', () => {
  it('waits for the requests that run, however long', async () => {
    const { clock, underWay, drained, events, run } = create();
    underWay.enter();
    run();
    await clock.advance(30_000);
    expect(events).toEqual(['ports at 30000']);
    await clock.advance(600_000);
    expect(events).toHaveLength(1);
    underWay.leave(false);
    drained.resolve();
    await clock.advance(0);
    expect(events.at(-1)).toBe('over at 630000');
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives upgraded connections a minute', async () => {
    const { clock, underWay, events, run } = create();
    underWay.enter();
    underWay.upgrade();
    run();
    await clock.advance(89_000);
    expect(events).toEqual(['ports at 30000']);
    await clock.advance(1_000);
    expect(events.at(-1)).toBe('over at 90000');
  });

  it('is over when the last upgraded connection ends', async () => {
    const { clock, underWay, drained, events, run } = create();
    underWay.enter();
    underWay.upgrade();
    run();
    await clock.advance(40_000);
    underWay.leave(true);
    drained.resolve();
    await clock.advance(0);
    expect(events.at(-1)).toBe('over at 40000');
  });

  it('does not wait long for connections on which nothing runs', async () => {
    const { clock, events, run } = create();
    run();
    await clock.advance(32_000);
    expect(events.at(-1)).toBe('over at 32000');
  });
});
