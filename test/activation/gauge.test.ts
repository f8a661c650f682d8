import { describe, expect, it } from 'vitest';
import type { LoadGauge } from '../../src/core/load-gauge.ts';
import type { BackendLoad } from '../../src/core/signals.ts';
import { Harness, withScale } from './harness.ts';

const idleMs = 60_000;
const asking = { ...withScale({ idleMs }), asksGauge: true };

/** A gauge that shows what the test sets; `isHanging`: only when the test answers. */
class FakeGauge implements LoadGauge {
  shown: number | null | Error = 0;
  isHanging = false;
  readonly asked: string[] = [];
  answer: (running: number | null) => void = () => undefined;

  async read(origin: string): Promise<BackendLoad | null> {
    const running = await this.#running(origin);
    return running === null ? null : { running, waiting: null, kvCache: null };
  }

  #running(origin: string): Promise<number | null> {
    this.asked.push(origin);
    if (this.isHanging) return new Promise((resolve) => (this.answer = resolve));
    return this.shown instanceof Error ? Promise.reject(this.shown) : Promise.resolve(this.shown);
  }
}

async function idle(gauge: FakeGauge, settings = asking): Promise<Harness> {
  const h = new Harness(settings, { replacesLost: true }, { gauge });
  await h.bringUp();
  h.driver.requests.length = 0;
  return h;
}

describe('a replica that serves clients past the gateway', () => {
  it('is kept, and asked again after a while, until it has nothing to do', async () => {
    const gauge = new FakeGauge();
    gauge.shown = 3;
    const h = await idle(gauge);
    await h.clock.advance(idleMs + 1_000);
    expect(gauge.asked).toEqual(['http://127.0.0.1/r1']);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.activator.snapshot().decision).toBe('kept: 3 running past the gateway');
    await h.clock.advance(7_000);
    expect(gauge.asked).toHaveLength(2);
    expect(h.driver.counts).toEqual([]);
    gauge.shown = 0;
    await h.clock.advance(7_000);
    expect(h.driver.counts).toEqual([0]);
  });

  it.each([[null], [new Error('no answer')]])('is ended where its gauge says nothing: %s', async (shown) => {
    const gauge = new FakeGauge();
    gauge.shown = shown;
    const h = await idle(gauge);
    await h.clock.advance(idleMs + 1_000);
    expect(h.driver.counts).toEqual([0]);
  });

  it('serves who comes while it is asked', async () => {
    const gauge = new FakeGauge();
    gauge.isHanging = true;
    const h = await idle(gauge);
    await h.clock.advance(idleMs + 1_000);
    expect([gauge.asked.length, h.gate.open.length]).toEqual([1, 0]);
    h.enter();
    await h.clock.advance(100);
    gauge.answer(0);
    await h.clock.advance(1_000);
    expect(h.gate.open).toEqual(['r1']);
    expect(h.driver.counts).toEqual([]);
  });

  it('keeps all where anybody may end, though not all were to', async () => {
    const gauge = new FakeGauge();
    const settings = { ...withScale({ min: 1, max: 4, idleMs }), asksGauge: true };
    const h = new Harness(settings, { replacesLost: true, desired: 3 }, { gauge });
    h.driver.told = { removal: 'unknown' };
    h.prober.state = 'ready';
    h.driver.control();
    for (const id of h.driver.living) h.driver.run(id);
    await h.clock.advance(100);
    expect(h.gate.open).toHaveLength(3);
    gauge.shown = 2;
    await h.clock.advance(idleMs + 1_000);
    expect(new Set(gauge.asked).size).toBe(3);
    expect(h.activator.snapshot().decision).toBe('kept: 2 running past the gateway');
    expect(h.driver.counts).toEqual([]);
    expect(h.gate.open).toHaveLength(3);
    gauge.shown = 0;
    await h.clock.advance(8_000);
    expect(h.driver.counts).toEqual([1]);
  });

  it('is not asked when an operator stops it, nor where the settings do not say so', async () => {
    const gauge = new FakeGauge();
    gauge.shown = 1;
    const stopped = await idle(gauge);
    stopped.activator.stop();
    await stopped.clock.settle();
    const unasked = await idle(gauge, withScale({ idleMs }));
    await unasked.clock.advance(idleMs + 1_000);
    expect(gauge.asked).toEqual([]);
    expect([stopped.driver.counts, unasked.driver.counts]).toEqual([[0], [0]]);
  });
});
