import { describe, expect, it } from 'vitest';
import type { LoadGauge } from '../../src/core/load-gauge.ts';
import type { BackendLoad } from '../../src/core/signals.ts';
import { signalSettings } from '../autoscale/signals/observe.ts';
import { Harness, withScale } from './harness.ts';

type Shown = Partial<BackendLoad> | null | Error | 'hanging';

/** A gauge that shows what the test sets for each origin, `otherwise` for all others. */
class FakeGauge implements LoadGauge {
  readonly asked: string[] = [];
  readonly aborted: string[] = [];
  readonly shown = new Map<string, Shown>();
  otherwise: Shown = {};

  async read(origin: string, signal: AbortSignal): Promise<BackendLoad | null> {
    this.asked.push(origin);
    const shown = this.shown.get(origin) ?? this.otherwise;
    if (shown instanceof Error) throw shown;
    if (shown === 'hanging')
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          this.aborted.push(origin);
          reject(signal.reason);
        }),
      );
    return shown && { waiting: null, running: null, kvCache: null, ...shown };
  }
}

const settings = withScale({ max: 4, idleMs: 600_000, signals: signalSettings({ backend: { waiting: 5 } }) });

async function up(gauge: FakeGauge, given = settings): Promise<Harness> {
  const h = new Harness(given, {}, { gauge });
  const id = await h.bringUp();
  h.gate.run(id, 1);
  return h;
}

/** All that were asked for become ready. */
async function becomeReady(h: Harness): Promise<void> {
  for (const id of h.driver.living) h.driver.run(id, h.clock.nowMs());
  await h.clock.advance(1_500);
}

describe('the gauges of ready replicas', () => {
  it('are read every 5 s, and raise the count', async () => {
    const gauge = new FakeGauge();
    gauge.otherwise = { waiting: 2 };
    const h = await up(gauge);
    await h.clock.advance(20_000);
    expect(gauge.asked.length).toBeGreaterThanOrEqual(4);
    expect(gauge.asked.length).toBeLessThanOrEqual(5);
    expect(new Set(gauge.asked)).toEqual(new Set(['http://127.0.0.1/r1']));
    expect(h.driver.living).toHaveLength(1);
    gauge.otherwise = { waiting: 10 };
    await h.clock.advance(5_000);
    expect(h.driver.living).toHaveLength(2);
    expect(h.event('scaled')).toMatchObject({
      replicas: 2,
      reason: '2 by backend waiting: 10 per replica, target 5',
    });
    expect(h.activator.signals).toMatchObject([{ signal: 'backend.waiting', count: 2 }]);
  });

  it('buy no more while those that were asked for start', async () => {
    const gauge = new FakeGauge();
    gauge.otherwise = { waiting: 10 };
    const h = await up(gauge);
    await h.clock.advance(30_000);
    expect(h.driver.living).toHaveLength(2);
    // Half of it is now at the new one.
    gauge.otherwise = { waiting: 5 };
    await becomeReady(h);
    await h.clock.advance(30_000);
    expect(h.driver.living).toHaveLength(2);
  });

  it('are not read while no replica is ready, or where no signal is set', async () => {
    const gauge = new FakeGauge();
    const cold = new Harness(settings, {}, { gauge });
    await cold.clock.advance(60_000);
    expect(cold.clock.pendingTimers).toBe(0);
    cold.enter();
    await cold.clock.advance(20_000);
    const unset = await up(gauge, withScale({ max: 4 }));
    await unset.clock.advance(60_000);
    expect(gauge.asked).toEqual([]);
  });

  it('are read from when the setting comes until it goes', async () => {
    const gauge = new FakeGauge();
    const h = await up(gauge, withScale({ max: 4, idleMs: 600_000 }));
    h.activator.configure(settings);
    await h.clock.advance(11_000);
    const { length } = gauge.asked;
    expect(length).toBeGreaterThanOrEqual(2);
    h.activator.configure(withScale({ max: 4, idleMs: 600_000 }));
    await h.clock.advance(60_000);
    expect(gauge.asked).toHaveLength(length);
  });

  it('are not read by a gateway that does not lead', async () => {
    const gauge = new FakeGauge();
    const h = await up(gauge);
    await h.clock.advance(6_000);
    h.leadership.lose();
    const { length } = gauge.asked;
    await h.clock.advance(60_000);
    expect(gauge.asked).toHaveLength(length);
    h.leadership.gain();
    await h.clock.advance(6_000);
    expect(gauge.asked.length).toBeGreaterThan(length);
  });

  it('of one that hangs are not asked for again, and hold up nobody', async () => {
    const gauge = new FakeGauge();
    gauge.otherwise = { waiting: 10 };
    const h = await up(gauge);
    await h.clock.advance(6_000);
    await becomeReady(h);
    const [first = '', second = ''] = h.driver.living.map((id) => `http://127.0.0.1/${id}`);
    gauge.shown.set(second, 'hanging');
    gauge.asked.length = 0;
    await h.clock.advance(20_000);
    expect(gauge.asked.filter((origin) => origin === second)).toHaveLength(1);
    expect(gauge.asked.filter((origin) => origin === first).length).toBeGreaterThanOrEqual(3);
    await h.activator.close();
    expect(gauge.aborted).toEqual([second]);
    expect(h.clock.pendingTimers).toBe(0);
  });

  it.each([
    ['fails', new Error('no answer')],
    ['has none', null],
  ])('change nothing where the backend %s', async (_, shown) => {
    const gauge = new FakeGauge();
    gauge.otherwise = shown;
    const h = await up(gauge);
    await h.clock.advance(60_000);
    expect(h.driver.counts).toEqual([1]);
    expect(h.activator.snapshot()).toMatchObject({ decision: '0 waiting and 1 running', signals: [] });
  });

  it('say nothing any more 15 s after they fell silent', async () => {
    const gauge = new FakeGauge();
    gauge.otherwise = { waiting: 5 };
    const h = await up(gauge);
    await h.clock.advance(6_000);
    expect(h.activator.signals).toHaveLength(1);
    gauge.otherwise = null;
    await h.clock.advance(9_000);
    expect(h.activator.signals).toHaveLength(1);
    await h.clock.advance(6_100);
    expect(h.activator.signals).toEqual([]);
  });
});
