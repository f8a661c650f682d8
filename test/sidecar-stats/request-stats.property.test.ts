import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RequestStats } from '../../src/sidecar/stats/request-stats.ts';

interface Visit {
  readonly fromMs: number;
  readonly toMs: number;
  readonly isProxied: boolean;
}

const visits = fc.array(
  fc
    .record({ fromMs: fc.nat(9_000), lengthMs: fc.nat(4_000), isProxied: fc.boolean() })
    .map(({ fromMs, lengthMs, isProxied }): Visit => ({ fromMs, toMs: fromMs + lengthMs, isProxied })),
  { maxLength: 30 },
);

/** Adds up, visit by visit, how much of the period each was there. */
function naive(all: readonly Visit[], fromMs: number, periodMs: number) {
  const toMs = fromMs + periodMs;
  const share = ({ fromMs: a, toMs: b }: Visit) => Math.max(0, Math.min(b, toMs) - Math.max(a, fromMs));
  const proxied = all.filter(({ isProxied }) => isProxied);
  const came = (some: readonly Visit[]) => some.filter((v) => v.fromMs >= fromMs && v.fromMs < toMs).length;
  const sum = (some: readonly Visit[]) => some.reduce((area, visit) => area + share(visit), 0);
  return [sum(all) / periodMs, sum(proxied) / periodMs, came(all), came(proxied)];
}

it('reports what a naive integration over the last whole period gives, whenever it is asked', () => {
  fc.assert(
    fc.property(
      visits,
      fc.constantFrom(250, 1_000, 3_000),
      fc.array(fc.nat(16_000), { minLength: 1, maxLength: 8 }),
      (all, periodMs, asksMs) => {
        const stats = new RequestStats(0, periodMs);
        const moments = [
          ...all.map((visit) => ({
            atMs: visit.fromMs,
            turn: 0,
            run: () => stats.enter(visit.isProxied, visit.fromMs),
          })),
          ...all.map((visit) => ({
            atMs: visit.toMs,
            turn: 1,
            run: () => stats.leave(visit.isProxied, visit.toMs),
          })),
          ...asksMs.map((atMs) => ({ atMs, turn: 2, run: () => check(atMs) })),
        ];
        const check = (atMs: number) => {
          const report = stats.report(atMs);
          const periods = Math.floor(atMs / periodMs);
          if (periods === 0) return expect(report).toBeNull();
          const expected = naive(all, (periods - 1) * periodMs, periodMs);
          const perSecond = 1_000 / periodMs;
          expect(report!.averageConcurrency).toBeCloseTo(expected[0]!, 9);
          expect(report!.averageProxiedConcurrency).toBeCloseTo(expected[1]!, 9);
          expect(report!.requestsPerSecond).toBeCloseTo(expected[2]! * perSecond, 9);
          expect(report!.proxiedRequestsPerSecond).toBeCloseTo(expected[3]! * perSecond, 9);
          expect(report!.uptimeS).toBeCloseTo((periods * periodMs) / 1_000, 9);
        };
        for (const { run } of moments.sort((a, b) => a.atMs - b.atMs || a.turn - b.turn)) run();
      },
    ),
    { numRuns: 300 },
  );
});
