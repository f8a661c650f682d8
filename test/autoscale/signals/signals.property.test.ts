import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/autoscale/decide.ts';
import { weighSignals } from '../../../src/autoscale/signals/weigh-signals.ts';
import type { Observed, ScaleSpec } from '../../../src/core/scaling.ts';
import type { BackendReading, SignalReadings } from '../../../src/core/signals.ts';
import { noDemand } from '../../support/scale-settings.ts';
import { seen, signalSettings, specWith, stateOf } from './observe.ts';

const nowMs = 1_000_000;
const gauge = fc.option(fc.double({ min: 0, max: 1e308, noNaN: true }));
const reading = (age: fc.Arbitrary<number>): fc.Arbitrary<BackendReading> =>
  fc.record({
    waiting: gauge,
    running: gauge,
    kvCache: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    atMs: age,
  });
const fresh = reading(fc.integer({ min: nowMs - 15_000, max: nowMs }));
const stale = reading(fc.integer({ min: 0, max: nowMs - 15_001 }));
const target = fc.option(fc.integer({ min: 1, max: 100 }));
const settings = fc
  .record({
    queueDelayMs: target,
    waitingPerReplica: target,
    firstTokenMs: target,
    backend: fc.record({
      waiting: target,
      running: target,
      kvCache: fc.option(fc.double({ min: 0.01, max: 1, noNaN: true })),
    }),
  })
  .map(signalSettings);
const counts = fc.record({
  waiting: fc.nat(1_000),
  inFlight: fc.nat(1_000),
  ready: fc.nat(20),
  starting: fc.nat(20),
});

function observedOf(
  {
    waiting,
    inFlight,
    ready,
    starting,
  }: { waiting: number; inFlight: number; ready: number; starting: number },
  readings: Partial<SignalReadings>,
): Observed {
  const idleSinceMs = waiting + inFlight === 0 ? 0 : null;
  const demand = { ...noDemand, waitingMs: waiting * 10_000 };
  return seen({ waiting, inFlight, ready, starting, idleSinceMs, demand }, readings);
}

const readings = (backend: fc.Arbitrary<BackendReading>) =>
  fc.record({
    oldestWaitMs: fc.nat(10_000_000),
    firstTokens: fc.option(fc.record({ count: fc.nat(1_000), sumMs: fc.nat(1_000_000_000) })),
    backends: fc.array(backend, { maxLength: 20 }),
  });
const memory = (ready: number, starting: number) => ({
  settledAtMs: ready > 0 && starting === 0 ? nowMs - 100_000 : null,
  firstTokenMarks: [{ count: 0, sumMs: 0, atMs: nowMs - 40_000 }],
  waitingMarks: [{ waitingMs: 0, atMs: nowMs - 20_000 }],
  wishes: [],
  wishedAtMs: null,
  held: null,
});

describe('the signals of any observation', () => {
  it('ask together for the most that one of them asks for alone', () => {
    fc.assert(
      fc.property(settings, counts, readings(fresh), (all, count, read) => {
        const observed = observedOf({ ...count, ready: Math.max(count.ready, read.backends.length) }, read);
        const before = memory(observed.ready, observed.starting);
        const ask = (only: Parameters<typeof signalSettings>[0]) =>
          weighSignals(observed, { settings: signalSettings(only), holdMs: 0 }, before, nowMs).wish?.count ??
          0;
        const { queueDelayMs, waitingPerReplica, firstTokenMs, backend } = all;
        const alone = [
          ask({ queueDelayMs }),
          ask({ waitingPerReplica }),
          ask({ firstTokenMs }),
          ...(['waiting', 'running', 'kvCache'] as const).map((name) =>
            ask({ backend: { [name]: backend[name] } }),
          ),
        ];
        expect(ask(all)).toBe(Math.max(...alone));
      }),
    );
  });

  it('decide for no more than max and maxStarting, and for no less than without them', () => {
    const policy = fc.constantFrom('cost-aware' as const, 'kpa' as const);
    const bounds = fc.record({
      max: fc.integer({ min: 1, max: 30 }),
      maxStarting: fc.option(fc.integer({ min: 1, max: 3 })),
      policy,
    });
    fc.assert(
      fc.property(
        settings,
        counts,
        readings(fresh),
        bounds,
        fc.nat(20),
        (all, count, read, limits, desired) => {
          const spec: ScaleSpec = specWith(all, limits);
          const { signals: _, ...plain } = spec;
          const state = { ...stateOf(desired), signals: memory(count.ready, count.starting) };
          const decision = decide(observedOf(count, read), spec, state, nowMs);
          const unsignalled = decide(observedOf(count, read), plain, state, nowMs);
          expect(decision.desired).toBeGreaterThanOrEqual(unsignalled.desired);
          expect(decision.desired).toBeLessThanOrEqual(Math.max(limits.max, unsignalled.desired));
          expect(Number.isInteger(decision.desired)).toBe(true);
          if (limits.policy === 'cost-aware' && limits.maxStarting !== null)
            expect(decision.desired).toBeLessThanOrEqual(Math.max(desired, count.ready + limits.maxStarting));
        },
      ),
    );
  });

  it('are none where the gauges are stale, whatever those say', () => {
    fc.assert(
      fc.property(settings, counts, readings(stale), (all, count, read) => {
        const onlyBackends = signalSettings({ backend: all.backend });
        const given = { settings: onlyBackends, holdMs: 0 };
        expect(weighSignals(observedOf(count, read), given, undefined, nowMs).wish).toBeNull();
      }),
    );
  });

  it('are none while no replica is ready', () => {
    fc.assert(
      fc.property(settings, counts, readings(fresh), (all, count, read) => {
        const cold = observedOf({ ...count, ready: 0 }, read);
        const held = { wish: { signal: 'queueDelay' as const, count: 5, reason: '' }, untilMs: nowMs + 1 };
        const before = { ...memory(0, 1), held };
        expect(weighSignals(cold, { settings: all, holdMs: 60_000 }, before, nowMs).wish).toBeNull();
      }),
    );
  });
});
