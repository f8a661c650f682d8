import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrivalRateOf, nextRates, serviceMsOf } from '../../../src/autoscale/cost-aware/load-rates.ts';
import { type StartQuestion, worthStarting } from '../../../src/autoscale/cost-aware/worth-starting.ts';

const seconds = 1_000;
const minutes = 60 * seconds;
const burst: StartQuestion = {
  waiting: 200,
  current: 0,
  filled: 20,
  concurrency: 10,
  startMs: 5 * minutes,
  serviceMs: 500,
  arrivalRate: 0,
};

describe('another replica', () => {
  it.each([
    // By hand: one replica takes 200 / 10 x the service time.
    { startMs: 300 * seconds, serviceMs: 500, count: 1, because: '10 s by one' },
    { startMs: 300 * seconds, serviceMs: 5 * seconds, count: 1, because: '100 s by one' },
    {
      startMs: 300 * seconds,
      serviceMs: 60 * seconds,
      count: 4,
      because: '1200 s by one, 400 by three, 300 by four',
    },
    { startMs: 20 * seconds, serviceMs: 500, count: 1, because: '10 s by one' },
    {
      startMs: 20 * seconds,
      serviceMs: 5 * seconds,
      count: 5,
      because: '100 s by one, 25 by four, 20 by five',
    },
    {
      startMs: 20 * seconds,
      serviceMs: 60 * seconds,
      count: 20,
      because: '60 s by the twenty that the requests fill',
    },
  ])(
    'of $startMs ms for 200 requests of $serviceMs ms: $count, $because',
    ({ startMs, serviceMs, count }) => {
      expect(worthStarting({ ...burst, startMs, serviceMs })).toBe(count);
    },
  );

  it('is worth it where more come than those there are can take', () => {
    // Ten at once of 5 s each: 2 a second.
    const steady = { ...burst, waiting: 20, current: 1, filled: 3, serviceMs: 5 * seconds };
    expect(worthStarting({ ...steady, arrivalRate: 1.9 / seconds })).toBe(1);
    expect(worthStarting({ ...steady, arrivalRate: 2.1 / seconds })).toBe(2);
  });

  it('is as many as the requests fill while the start or the requests are not known', () => {
    expect(worthStarting({ ...burst, startMs: null })).toBe(20);
    expect(worthStarting({ ...burst, serviceMs: null })).toBe(20);
  });

  it('is never fewer than what is filled of those that are there, nor more than are filled', () => {
    const count = fc.integer({ min: 0, max: 50 });
    const ms = fc.option(fc.double({ min: 0.001, max: 1e7, noNaN: true }), { nil: null });
    const question = fc.record({
      waiting: fc.integer({ min: 0, max: 10_000 }),
      current: count,
      filled: count,
      concurrency: fc.integer({ min: 1, max: 100 }),
      startMs: ms,
      serviceMs: ms,
      arrivalRate: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(question, (input) => {
        const worth = worthStarting(input);
        expect(worth).toBeLessThanOrEqual(input.filled);
        expect(worth).toBeGreaterThanOrEqual(Math.min(input.filled, Math.max(1, input.current)));
      }),
    );
  });
});

describe('rates', () => {
  const none = { arrived: 0, ended: 0, waitingMs: 0, inFlightMs: 0 };

  it('tell how long a request holds its slot, once one has ended', () => {
    const first = nextRates(null, none, { nowMs: 0, startMs: 0, inFlight: 0 });
    expect(serviceMsOf(first, 0)).toBeNull();
    const running = nextRates(
      first,
      { ...none, arrived: 2, inFlightMs: 4_000 },
      { nowMs: 2_000, startMs: 0, inFlight: 2 },
    );
    expect(serviceMsOf(running, 2)).toBeNull();
    const ended = { ...none, arrived: 2, ended: 2, inFlightMs: 6_000 };
    expect(serviceMsOf(nextRates(running, ended, { nowMs: 3_000, startMs: 0, inFlight: 0 }), 0)).toBeCloseTo(
      3_000,
      -2,
    );
  });

  it('know how long a request takes after a day without any', () => {
    const first = nextRates(null, none, { nowMs: 0, startMs: 0, inFlight: 0 });
    const totals = { ...none, arrived: 200, ended: 200, inFlightMs: 200 * 5_000 };
    const learned = nextRates(first, totals, { nowMs: 100_000, startMs: 0, inFlight: 0 });
    const later = nextRates(learned, totals, { nowMs: 24 * 60 * minutes, startMs: 0, inFlight: 0 });
    expect(serviceMsOf(later, 0)).toBeCloseTo(5_000, 6);
  });

  it('do not take the first of a burst to end for as long as all that run beside it', () => {
    const first = nextRates(null, none, { nowMs: 0, startMs: 0, inFlight: 0 });
    // Ten began together, and one of them ended after 6 s.
    const one = { ...none, arrived: 10, ended: 1, inFlightMs: 60_000 };
    expect(serviceMsOf(nextRates(first, one, { nowMs: 6_000, startMs: 0, inFlight: 9 }), 9)).toBeCloseTo(
      6_000,
      6,
    );
  });

  it('forget the service times of old requests as others end', () => {
    const first = nextRates(null, none, { nowMs: 0, startMs: 0, inFlight: 0 });
    const slow = { ...none, arrived: 100, ended: 100, inFlightMs: 100 * 60_000 };
    const learned = nextRates(first, slow, { nowMs: 60_000, startMs: 0, inFlight: 0 });
    const fast = { ...none, arrived: 700, ended: 700, inFlightMs: slow.inFlightMs + 600 * 1_000 };
    const changed = nextRates(learned, fast, { nowMs: 90_000, startMs: 0, inFlight: 0 });
    expect(serviceMsOf(changed, 0)).toBeLessThan(1_200);
  });

  it('forget what is longer ago than a start takes, and a burst is no lasting rate', () => {
    let rates = nextRates(null, none, { nowMs: 0, startMs: 5 * minutes, inFlight: 0 });
    rates = nextRates(rates, { ...none, arrived: 200 }, { nowMs: 1_000, startMs: 5 * minutes, inFlight: 0 });
    expect(arrivalRateOf(rates, 0) * seconds).toBeCloseTo(200 / 300, 2);
    for (let nowMs = 61_000; nowMs <= 20 * minutes; nowMs += minutes)
      rates = nextRates(rates, { ...none, arrived: 200 }, { nowMs, startMs: 5 * minutes, inFlight: 0 });
    expect(arrivalRateOf(rates, 0) * seconds).toBeLessThan(0.02);
  });

  it('do not count those that wait as still to come', () => {
    const first = nextRates(null, none, { nowMs: 0, startMs: 0, inFlight: 0 });
    const rates = nextRates(first, { ...none, arrived: 200 }, { nowMs: 1, startMs: 0, inFlight: 0 });
    expect(arrivalRateOf(rates, 200)).toBe(0);
    expect(arrivalRateOf(rates, 80) * minutes).toBeCloseTo(120, 6);
  });

  it('ask for another replica wherever more come than those there are can take', () => {
    // 1.2 times what one can take has come for long; whatever waits of it, another one is worth it.
    const startMs = 2 * minutes;
    const arrived = (1.2 * 10 * startMs) / 5_000;
    const rates = { ...nextRates(null, none, { nowMs: 0, startMs, inFlight: 0 }), arrived };
    for (const waiting of [11, 50, 100, 200]) {
      const question = { ...burst, waiting, current: 1, filled: 5, startMs, serviceMs: 5 * seconds };
      expect(worthStarting({ ...question, arrivalRate: arrivalRateOf(rates, waiting) })).toBeGreaterThan(1);
    }
  });

  it('begin anew when the totals go back', () => {
    const rates = nextRates(null, { ...none, arrived: 5 }, { nowMs: 0, startMs: 0, inFlight: 0 });
    expect(nextRates(rates, none, { nowMs: 1_000, startMs: 0, inFlight: 0 })).toMatchObject({
      arrived: 0,
      ended: 0,
    });
  });

  it('are not less than the time for which those that run have run', () => {
    const first = nextRates(null, none, { nowMs: 0, startMs: 0, inFlight: 0 });
    const short = { ...none, arrived: 10, ended: 10, inFlightMs: 1_000 };
    const known = nextRates(first, short, { nowMs: 1_000, startMs: 0, inFlight: 0 });
    expect(serviceMsOf(known, 0)).toBeCloseTo(100, 6);
    const long = { ...short, arrived: 12, inFlightMs: 1_000 + 2 * 30_000 };
    const running = nextRates(known, long, { nowMs: 31_000, startMs: 0, inFlight: 2 });
    expect(serviceMsOf(running, 2)).toBeCloseTo(30_000, 6);
  });
});
