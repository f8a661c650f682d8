import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, initialScaleState } from '../../src/autoscale/decide.ts';
import { patienceOf } from '../../src/autoscale/thrash.ts';
import type { Decision, Observed, ScaleSpec, ScaleState } from '../../src/core/scaling.ts';
import { untouched as idle, scaleSettings } from '../support/scale-settings.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const specOf = (scale: Parameters<typeof scaleSettings>[0] = {}): ScaleSpec => ({
  ...scaleSettings({ idleMs: 5 * minuteMs, ...scale }),
  concurrency: 1,
  startupMs: 600_000,
});

/** One model whose clock is moved by hand, with a replica that is ready as soon as it is asked for. */
class Course {
  readonly spec: ScaleSpec;
  state: ScaleState = initialScaleState;
  nowMs = 0;
  idleSinceMs = 0;
  last: Decision | null = null;

  constructor(spec: ScaleSpec) {
    this.spec = spec;
  }

  decide(observed: Partial<Observed> = {}): Decision {
    const counts = { ...idle, idleSinceMs: this.idleSinceMs, ready: this.state.desired, ...observed };
    this.last = decide(counts, this.spec, this.state, this.nowMs);
    this.state = this.last.state;
    return this.last;
  }

  /** A request comes and is answered at once; returns the decision on it. */
  ask(): Decision {
    const asked = this.decide({ isWanted: true });
    this.idleSinceMs = this.nowMs;
    this.decide();
    return asked;
  }

  /** Follows what is due until the count is at zero; returns the milliseconds that it took. */
  untilZero(): number {
    const fromMs = this.nowMs;
    while (this.state.desired > 0) {
      const { nextAtMs } = this.decide();
      this.nowMs = nextAtMs ?? this.nowMs;
    }
    return this.nowMs - fromMs;
  }

  /** Asked, let go when that is due, and asked again after `gapMs`; returns the decision on that. */
  again(gapMs: number): Decision {
    this.ask();
    this.untilZero();
    this.nowMs += gapMs;
    return this.ask();
  }
}

describe('a start soon after a stop', () => {
  it.each([
    ['within a minute counts', 60_000, {}, 60_000],
    ['later than that does not', 60_001, {}, undefined],
    ['at most as late as idle, which twice idle would have spared', 10_000, { idleMs: 10_000 }, 10_000],
    ['counts no later than idle', 10_001, { idleMs: 10_000 }, undefined],
    ['counts within thrashWindow', 120_000, { thrashWindowMs: 120_000 }, 120_000],
    ['is not looked at with thrashWindow 0', 1_000, { thrashWindowMs: 0 }, undefined],
  ])('%s', (_, gapMs, scale, afterMs) => {
    expect(new Course(specOf(scale)).again(gapMs).startedAgainAfterMs).toBe(afterMs);
  });

  it('makes the idle time twice as long, then four times, never more, and says so', () => {
    const course = new Course(specOf());
    const kept: [number, string][] = [];
    for (let round = 0; round < 4; round++) {
      course.ask();
      kept.push([course.untilZero() / minuteMs, course.last!.reason]);
      course.nowMs += 1_000;
    }
    expect(kept).toEqual([
      [5, 'idle for 300s'],
      [10, 'idle for 600s (twice as long: started again soon after a stop)'],
      [20, 'idle for 1200s (4 times as long: started again soon after a stop)'],
      [20, 'idle for 1200s (4 times as long: started again soon after a stop)'],
    ]);
  });

  it('is forgotten when an hour has passed without another', () => {
    const course = new Course(specOf());
    course.again(1_000);
    const countedAtMs = course.nowMs;
    expect(course.state.thrash).toMatchObject({ count: 1, lastAtMs: countedAtMs });
    expect(patienceOf(course.state, countedAtMs + hourMs - 1)).toBe(2);
    course.nowMs = countedAtMs + hourMs;
    course.ask();
    expect(course.state.thrash).toMatchObject({ count: 0, lastAtMs: null });
    expect(course.untilZero()).toBe(5 * minuteMs);
  });

  it('counts once for each stop', () => {
    const course = new Course(specOf({ max: 4 }));
    course.again(1_000);
    const more = course.decide({ waiting: 2, inFlight: 1, idleSinceMs: null });
    expect(more.desired).toBe(3);
    expect(more.startedAgainAfterMs).toBeUndefined();
  });

  it('counts where only some of several were ended, whose time doubles as well', () => {
    const course = new Course(specOf({ max: 4 }));
    const known = { startMs: 20_000, idleSinceMs: null };
    course.decide({ inFlight: 3, ...known });
    course.decide({ inFlight: 3, ...known });
    const fewer = (nowMs: number) => {
      course.nowMs = nowMs;
      return course.decide({ inFlight: 1, ...known });
    };
    expect(fewer(1_000)).toMatchObject({ desired: 3 });
    expect(fewer(21_000)).toMatchObject({ desired: 1, reason: '1 would do for 20s' });
    course.nowMs = 30_000;
    expect(course.decide({ inFlight: 3, ...known })).toMatchObject({
      desired: 3,
      startedAgainAfterMs: 9_000,
    });
    expect(fewer(31_000).reason).toBe('1 would do (twice as long: started again soon after a stop)');
    expect(fewer(70_999).desired).toBe(3);
    expect(fewer(71_000).desired).toBe(1);
  });

  it('is not what others made of the count, nor a lowered max', () => {
    const course = new Course(specOf({ max: 4 }));
    course.decide({ waiting: 4, idleSinceMs: null });
    course.decide({ askedByOthers: 0, ready: 0 });
    course.nowMs += 1_000;
    expect(course.ask().startedAgainAfterMs).toBeUndefined();
    const full = { inFlight: 4, idleSinceMs: null };
    const limited = decide({ ...idle, ...full }, specOf({ max: 2 }), { ...initialScaleState, desired: 4 }, 0);
    expect(limited.desired).toBe(2);
    expect(decide({ ...idle, ...full }, specOf({ max: 4 }), limited.state, 1_000)).not.toHaveProperty(
      'startedAgainAfterMs',
    );
  });

  it('counts with the policy kpa, whose arithmetic it leaves alone', () => {
    const course = new Course(specOf({ policy: 'kpa' }));
    course.decide({ isWanted: true });
    course.nowMs += 2_000;
    course.untilZero();
    course.nowMs += 1_000;
    const patient = { ...course.state, thrash: { loweredAtMs: course.nowMs, count: 2, lastAtMs: 0 } };
    const { thrash: _, ...plain } = course.state;
    const observed = { ...idle, isWanted: true, idleSinceMs: course.idleSinceMs };
    const { desired, reason, nextAtMs } = decide(observed, course.spec, plain, course.nowMs);
    expect(decide(observed, course.spec, patient, course.nowMs)).toMatchObject({ desired, reason, nextAtMs });
    expect(course.decide({ isWanted: true })).toMatchObject({ desired: 1, startedAgainAfterMs: 1_000 });
  });

  it('makes no time longer that was learned', () => {
    const thrash = { loweredAtMs: null, count: 2, lastAtMs: 0 };
    const learned = { ...specOf(), toZeroMs: 90_000 };
    const before = { ...initialScaleState, desired: 1, thrash };
    expect(decide({ ...idle, ready: 1 }, learned, before, 89_999).desired).toBe(1);
    expect(decide({ ...idle, ready: 1 }, learned, before, 90_000)).toMatchObject({
      desired: 0,
      reason: 'idle for 90s',
    });
  });

  it('lowers nothing earlier than without, and nothing later than after four times the idle time', () => {
    const step = fc.record({
      isLetGo: fc.boolean(),
      afterMs: fc.nat(20_000),
      inFlight: fc.nat(6),
      isWanted: fc.boolean(),
    });
    const specs = fc
      .record({ idleMs: fc.integer({ min: 1_000, max: 30_000 }), minUpMs: fc.nat(20_000) })
      .map((scale) => specOf({ max: 6, ...scale }));
    const starts = fc.option(fc.nat(30_000), { nil: null });
    fc.assert(
      fc.property(specs, starts, fc.array(step, { minLength: 1, maxLength: 40 }), (spec, startMs, steps) => {
        const course = new Course(spec);
        let busyUntilMs = 0;
        for (const { isLetGo, afterMs, inFlight, isWanted } of steps) {
          if (isLetGo && busyUntilMs === 0) course.untilZero();
          course.nowMs += afterMs;
          if (inFlight === 0 && busyUntilMs !== 0) course.idleSinceMs = course.nowMs;
          busyUntilMs = inFlight === 0 ? 0 : course.nowMs;
          const idleSinceMs = inFlight === 0 ? course.idleSinceMs : null;
          const observed = { ...idle, inFlight, isWanted, idleSinceMs, ready: course.state.desired, startMs };
          const { thrash: _, ...plain } = course.state;
          const hasty = decide(observed, spec, plain, course.nowMs);
          expect(course.decide(observed).desired).toBeGreaterThanOrEqual(hasty.desired);
        }
        course.idleSinceMs = course.nowMs;
        const keptMs = course.untilZero();
        expect(keptMs).toBeLessThanOrEqual(Math.max(4 * spec.idleMs, spec.minUpMs));
      }),
      { numRuns: 300 },
    );
  });
});
