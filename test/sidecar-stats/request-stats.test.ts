import { describe, expect, it } from 'vitest';
import { RequestStats } from '../../src/sidecar/stats/request-stats.ts';

/** `in` and `inP` enter (the latter proxied), `out` and `outP` leave, `report` asks; each at its millisecond. */
type Step = readonly ['in' | 'out' | 'inP' | 'outP' | 'report', number];

function reportsOf(steps: readonly Step[], periodMs: number) {
  const stats = new RequestStats(0, periodMs);
  const reports = [];
  for (const [what, atMs] of steps) {
    if (what === 'report') reports.push(stats.report(atMs));
    else if (what.startsWith('in')) stats.enter(what === 'inP', atMs);
    else stats.leave(what === 'outP', atMs);
  }
  return reports;
}

/** Average, proxied average, requests and proxied requests of each report, as the original's table has them. */
function figuresOf(steps: readonly Step[], periodMs = 1_000) {
  const seconds = periodMs / 1_000;
  return reportsOf(steps, periodMs).map((report) => [
    report?.averageConcurrency,
    report?.averageProxiedConcurrency,
    Math.round(report!.requestsPerSecond * seconds),
    Math.round(report!.proxiedRequestsPerSecond * seconds),
  ]);
}

describe('request statistics', () => {
  it.each<[string, readonly Step[], number, number[][]]>([
    ['nothing at all', [['report', 1_000]], 1_000, [[0, 0, 0, 0]]],
    [
      'one request, all the time',
      [
        ['in', 0],
        ['out', 1_000],
        ['report', 1_000],
      ],
      1_000,
      [[1, 0, 1, 0]],
    ],
    [
      'one request, half the time',
      [
        ['in', 0],
        ['out', 3_000],
        ['report', 6_000],
      ],
      6_000,
      [[0.5, 0, 1, 0]],
    ],
    [
      'a very short request',
      [
        ['in', 0],
        ['out', 1],
        ['report', 1_000],
      ],
      1_000,
      [[0.001, 0, 1, 0]],
    ],
    [
      'two of 500 ms one after the other',
      [
        ['in', 0],
        ['out', 500],
        ['in', 500],
        ['out', 1_000],
        ['report', 1_000],
      ],
      1_000,
      [[1, 0, 2, 0]],
    ],
    [
      'two of 500 ms at once',
      [
        ['in', 200],
        ['in', 200],
        ['out', 700],
        ['out', 700],
        ['report', 1_000],
      ],
      1_000,
      [[1, 0, 2, 0]],
    ],
    [
      'requests that overlap',
      [
        ['in', 0],
        ['in', 100],
        ['out', 600],
        ['out', 1_000],
        ['report', 1_000],
      ],
      1_000,
      [[1.5, 0, 2, 0]],
    ],
    [
      'one across several reports',
      [
        ['in', 0],
        ['report', 1_000],
        ['report', 2_000],
        ['report', 3_000],
        ['out', 3_500],
        ['report', 4_000],
      ],
      1_000,
      [
        [1, 0, 1, 0],
        [1, 0, 0, 0],
        [1, 0, 0, 0],
        [0.5, 0, 0, 0],
      ],
    ],
    [
      'a proxied one',
      [
        ['inP', 0],
        ['outP', 500],
        ['report', 1_000],
      ],
      1_000,
      [[0.5, 0.5, 1, 1]],
    ],
    [
      'one proxied, one not',
      [
        ['inP', 0],
        ['in', 0],
        ['outP', 500],
        ['out', 1_000],
        ['report', 1_000],
      ],
      1_000,
      [[1.5, 0.5, 2, 1]],
    ],
    [
      'instants out of order',
      [
        ['in', 500],
        ['in', 499],
        ['out', 1_000],
        ['out', 999],
        ['report', 1_000],
      ],
      1_000,
      [[1, 0, 2, 0]],
    ],
  ])('weigh concurrency by time: %s', (_name, steps, periodMs, expected) => {
    expect(figuresOf(steps, periodMs)).toEqual(expected);
  });

  it('have no report before the first period is over, and then that of the last whole one', () => {
    const steps: Step[] = [
      ['in', 0],
      ['report', 999],
      ['out', 1_250],
      ['report', 1_999],
      ['report', 2_700],
    ];
    const [first, second, third] = reportsOf(steps, 1_000);
    expect(first).toBeNull();
    expect(second).toMatchObject({ averageConcurrency: 1, requestsPerSecond: 1, uptimeS: 1 });
    expect(third).toMatchObject({ averageConcurrency: 0.25, requestsPerSecond: 0, uptimeS: 2 });
  });

  it('give rates per second whatever the period', () => {
    const [report] = reportsOf(
      [
        ['inP', 10],
        ['outP', 20],
        ['in', 30],
        ['report', 4_000],
      ],
      4_000,
    );
    expect(report).toMatchObject({ requestsPerSecond: 0.5, proxiedRequestsPerSecond: 0.25, uptimeS: 4 });
  });
});
