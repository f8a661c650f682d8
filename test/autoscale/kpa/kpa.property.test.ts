import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calm, desiredScale } from '../../../src/autoscale/kpa/desired-scale.ts';
import type { KpaMemory } from '../../../src/autoscale/kpa/kpa-memory.ts';
import { type KpaSpec, resolvedKpa } from '../../../src/autoscale/kpa/kpa-spec.ts';
import { Course } from './course.ts';
import { baseSpec } from './spec-of.ts';

const specs: fc.Arbitrary<KpaSpec> = fc
  .record({
    min: fc.nat(3),
    more: fc.integer({ min: 1, max: 20 }),
    concurrency: fc.nat(20),
    metric: fc.constantFrom('concurrency', 'rps'),
    target: fc.option(fc.double({ min: 0.01, max: 100, noNaN: true })),
    targetUtilization: fc.double({ min: 0.01, max: 1, noNaN: true }),
    stableWindowMs: fc.integer({ min: 6, max: 90 }).map((s) => s * 1_000),
    panicWindowPercentage: fc.double({ min: 1, max: 100, noNaN: true }),
    panicThresholdPercentage: fc.double({ min: 110, max: 1_000, noNaN: true }),
    maxScaleUpRate: fc.double({ min: 1.01, max: 1_000, noNaN: true }),
    maxScaleDownRate: fc.double({ min: 1.01, max: 10, noNaN: true }),
    scaleDownDelayMs: fc.constantFrom(0, 0, 3_000, 40_000),
    podRetentionMs: fc.nat(40_000),
    targetBurstCapacity: fc.constantFrom(-1, 0, 10, 211),
    aggregation: fc.constantFrom('linear', 'weighted-exponential'),
  })
  .map(({ more, ...spec }) => ({ ...baseSpec, ...spec, max: spec.min + more }));

const stretches = fc.array(
  fc.record({
    forMs: fc.integer({ min: 1, max: 40_000 }),
    load: fc.nat(60),
    rps: fc.nat(100),
    ready: fc.nat(8),
  }),
  { minLength: 1, maxLength: 8 },
);

/** Runs a course and looks at every decision. */
function eachDecision(
  spec: KpaSpec,
  parts: readonly { forMs: number; load: number; rps: number; ready: number }[],
  look: (course: Course, part: { load: number; ready: number }) => void,
): void {
  const course = new Course(spec);
  for (const part of parts) {
    const untilMs = course.nowMs + part.forMs;
    course.decide(part);
    look(course, part);
    while (course.nowMs < untilMs) {
      course.run(Math.min(untilMs, course.last?.nextAtMs ?? untilMs), part);
      look(course, part);
    }
  }
}

const memoryOf = (course: Course) => course.last?.state.memory as KpaMemory;

describe('the KPA, whatever comes', () => {
  it('stays within min and max, keeps one while something is there, and asks to be asked again later', () => {
    fc.assert(
      fc.property(specs, stretches, (spec, parts) => {
        eachDecision(spec, parts, (course, { load }) => {
          const { desired, nextAtMs } = course.last!;
          expect(desired).toBeGreaterThanOrEqual(Math.max(spec.min, load > 0 ? 1 : 0));
          expect(desired).toBeLessThanOrEqual(spec.max);
          if (nextAtMs === null) expect(desired).toBe(0);
          else expect(nextAtMs).toBeGreaterThan(course.nowMs);
        });
      }),
      { numRuns: 80 },
    );
  });

  it('is never lowered while it panics, but for what only the scale-down delay had held before', () => {
    fc.assert(
      fc.property(specs, stretches, (spec, parts) => {
        let before = { desired: 0, panicCount: 0, isPanic: false };
        eachDecision(spec, parts, (course) => {
          const { panicAtMs, panicCount } = memoryOf(course).panic;
          const now = { desired: course.last!.desired, panicCount, isPanic: panicAtMs !== null };
          if (before.isPanic && now.isPanic) {
            expect(panicCount).toBeGreaterThanOrEqual(before.panicCount);
            if (spec.scaleDownDelayMs === 0) expect(now.desired).toBeGreaterThanOrEqual(before.desired);
          }
          before = now;
        });
      }),
      { numRuns: 80 },
    );
  });

  it('leaves panic only after a stable window in which the threshold was not reached', () => {
    fc.assert(
      fc.property(specs, stretches, (spec, parts) => {
        let panicAtMs: number | null = null;
        eachDecision(spec, parts, (course) => {
          const now = memoryOf(course).panic.panicAtMs;
          if (panicAtMs !== null && now === null)
            expect(course.nowMs - panicAtMs).toBeGreaterThan(spec.stableWindowMs);
          panicAtMs = now;
        });
      }),
      { numRuns: 80 },
    );
  });

  it('holds its rates in each tick, but for the activation scale and what is held', () => {
    const averages = fc.double({ min: 0, max: 1e5, noNaN: true });
    fc.assert(
      fc.property(specs, averages, averages, fc.nat(50), (given, stable, panic, ready) => {
        const spec = resolvedKpa({ ...given, scaleDownDelayMs: 0 });
        const { desired } = desiredScale({ averages: { stable, panic }, ready, spec, state: calm, nowMs: 0 });
        const base = Math.max(1, ready);
        expect(desired).toBeLessThanOrEqual(Math.ceil(spec.maxScaleUpRate * base));
        expect(desired).toBeGreaterThanOrEqual(Math.floor(base / spec.maxScaleDownRate));
      }),
    );
  });

  it('wants no fewer for more load, of either window', () => {
    const averages = fc.double({ min: 0, max: 1e4, noNaN: true });
    fc.assert(
      fc.property(
        specs,
        fc.tuple(averages, averages),
        fc.tuple(averages, averages),
        fc.nat(50),
        (given, [stable, panic], [moreStable, morePanic], ready) => {
          const spec = resolvedKpa(given);
          const of = (one: number, other: number) =>
            desiredScale({
              averages: { stable: one, panic: other },
              ready,
              spec,
              state: calm,
              nowMs: 0,
            }).desired;
          expect(of(stable + moreStable, panic + morePanic)).toBeGreaterThanOrEqual(of(stable, panic));
        },
      ),
    );
  });

  it('wants no fewer for a course with more load at every moment', () => {
    fc.assert(
      fc.property(specs, stretches, fc.integer({ min: 1, max: 5 }), (given, parts, factor) => {
        const spec = { ...given, metric: 'concurrency' as const };
        const desiredOf = (times: number) => {
          const seen: number[] = [];
          const ready = 3;
          const scaled = parts.map((part) => ({ ...part, load: (part.load + 1) * times, ready }));
          eachDecision(spec, scaled, (course) => seen.push(course.last!.desired));
          return seen.at(-1)!;
        };
        expect(desiredOf(factor)).toBeGreaterThanOrEqual(desiredOf(1));
      }),
      { numRuns: 60 },
    );
  });
});
