import { describe, expect, it } from 'vitest';
import {
  type Buckets,
  emptyBuckets,
  linearAverage,
  recorded,
  resized,
  weightedAverage,
} from '../../../src/autoscale/kpa/buckets.ts';
import { resolvedKpa } from '../../../src/autoscale/kpa/kpa-spec.ts';
import { rowsOf } from './rows.ts';
import { specOf } from './spec-of.ts';

/** Buckets of `count`, written as `bucket:value`; the shorter window has 6. */
function written(text: string, count: number): Buckets {
  const values = text.split(' ').map((entry) => entry.split(':').map(Number));
  return values.reduce(
    (buckets, [bucket, value]) => recorded(buckets, [{ bucket: bucket!, value: value! }], 6),
    emptyBuckets(count),
  );
}

/** Worked by hand from pkg/autoscaler/aggregation/bucketing.go. `panic`: the shorter window of the same buckets, of 6. */
const averages = rowsOf(`
| buckets | window | at | average | expected | worked by hand |
| 0:10 | 4 | 0 | linear | 10 | one bucket since the first: 10/1 |
| 0:10 1:20 | 4 | 1 | linear | 15 | two of four are filled: 30/2 |
| 0:10 1:10 2:5 3:5 | 4 | 3 | linear | 7.5 | 30/4 |
| 0:10 1:10 2:5 3:5 4:0 | 4 | 4 | linear | 5 | the first has left: (10 + 5 + 5 + 0)/4 |
| 0:12 3:4 | 4 | 3 | linear | 4 | what was skipped is zero: 16/4 |
| 0:8 1:8 2:4 3:4 | 4 | 5 | linear | 4 | two are not written yet and do not count: (4 + 4)/2 |
| 0:8 1:8 2:4 3:4 | 4 | 6 | linear | 4 | only the newest is left: 4/1 |
| 0:8 1:8 2:4 3:4 | 4 | 7 | linear | 0 | nothing was written within the window |
| 0:100 4:8 | 4 | 4 | linear | 8 | nothing for a whole window, so it begins anew: 8/1 |
| 0:100 3:8 | 4 | 3 | linear | 27 | one bucket less, and it does not: 108/4 |
| 0:3 0:4 | 4 | 0 | linear | 7 | what comes to the same bucket is added |
| 0:1 1:0 2:0 | 3 | 2 | linear | 0.333333 | a third, to six digits |
| 0:10 1:10 8:6 | 60 | 8 | linear | 2.888889 | of the long window nine are filled: 26/9 |
| 0:10 1:10 8:6 | 60 | 8 | panic | 6 | seven buckets without a value: the short window began anew |
| 0:10 1:10 6:6 | 60 | 6 | panic | 2.666667 | five without: buckets 1 to 6 hold 16, by 6 |
| 0:6 1:6 2:6 3:6 | 60 | 3 | panic | 6 | four are filled: 24/4 |
| 0:10 | 60 | 0 | weighted | 2 | 0.2 is the least weight of the newest: 10 x 0.2 |
| 0:10 1:10 | 60 | 1 | weighted | 3.6 | 10 x 0.2 + 10 x 0.2 x 0.8 |
| 0:10 1:10 2:5 3:5 | 60 | 3 | weighted | 4.104 | 5 x 0.2 + 5 x 0.16 + 10 x 0.128 + 10 x 0.1024 |
| 0:5 1:5 2:10 3:10 | 60 | 3 | weighted | 4.752 | 10 x 0.2 + 10 x 0.16 + 5 x 0.128 + 5 x 0.1024 |
| 0:10 | 60 | 2 | weighted | 1.28 | what is not written yet is zero: 10 x 0.2 x 0.8 x 0.8 |
| 0:10 1:20 | 2 | 1 | weighted | 19.899 | 1 - sqrt(0.0001) = 0.99: 20 x 0.99 + 10 x 0.99 x 0.01 |
| 0:1 1:2 2:3 3:4 | 4 | 3 | weighted | 3.8889 | 1 - the fourth root of 0.0001 = 0.9: 3.6 + 0.27 + 0.018 + 0.0009 |
| 0:10 | 1 | 0 | weighted | 9.999 | 1 - 0.0001: 10 x 0.9999 |
| 0:10 | 60 | 60 | weighted | 0 | nothing was written within the window |
`);

const targets = rowsOf(`
| settings | target | total | panic window | worked by hand |
| - | 7 | 10 | 6 | 10 x 0.7; a tenth of 60 s |
| cc=0 | 70 | 100 | 6 | 100 where there is no limit |
| metric=rps | 140 | 200 | 6 | 200 a second x 0.7 |
| cc=4 target=8 util=0.5 | 2 | 4 | 6 | 8 is capped at 4, x 0.5 |
| cc=0 target=8 util=0.5 | 4 | 8 | 6 | nothing caps 8 |
| window=6 | 7 | 10 | 1 | 0.6 s, to a whole second |
| window=14 | 7 | 10 | 1 | 1.4 s, to the nearest second |
| window=15 | 7 | 10 | 2 | 1.5 s, up |
| window=60 panic-window=1 | 7 | 10 | 1 | 0.6 s, to a whole second |
| window=40 panic-window=1 | 7 | 10 | 1 | 0.4 s, but one at least |
| window=3600 panic-window=100 | 7 | 10 | 3600 | all of it |
`);

describe('averages over buckets of a second, worked by hand', () => {
  it.each(averages.map((row) => [row.title, row] as const))('%s', (_title, row) => {
    const count = row.number('window');
    const buckets = written(row.text('buckets'), count);
    const now = row.number('at');
    const byName: Record<string, () => number> = {
      linear: () => linearAverage(buckets, { now, count, first: buckets.stableFirst }),
      weighted: () => weightedAverage(buckets, { now, count, first: buckets.stableFirst }),
      panic: () => linearAverage(buckets, { now, count: 6, first: buckets.panicFirst }),
    };
    expect(byName[row.text('average')]!()).toBeCloseTo(row.number('expected'), 9);
  });

  it('keeps the newest when the window gets shorter, and what there is when it gets longer', () => {
    const four = written('0:1 1:2 2:3 3:4', 4);
    const two = resized(four, 2);
    expect(linearAverage(two, { now: 3, count: 2, first: two.stableFirst })).toBe(3.5);
    const eight = resized(written('0:9 1:9 2:1 3:2 4:3 5:4', 4), 8);
    expect(linearAverage(eight, { now: 5, count: 8, first: eight.stableFirst })).toBe(2.5);
  });

  it('spoils nothing of what it was given within eight buckets', () => {
    const before = written('0:1 1:2 2:3 3:4', 4);
    const window = { now: 3, count: 4, first: before.stableFirst };
    const write = (bucket: number) => recorded(before, [{ bucket, value: 9 }], 6);
    expect([4, 7, 11, 12, 40].map((bucket) => write(bucket).last)).toEqual([4, 7, 11, 12, 40]);
    expect(linearAverage(before, window)).toBe(2.5);
    expect(linearAverage(write(4), { ...window, now: 4 })).toBe(4.5);
  });
});

describe('targets, worked by hand', () => {
  it.each(targets.map((row) => [row.title, row] as const))('%s', (_title, row) => {
    const { perReplica, total, panicWindowMs } = resolvedKpa(specOf(row.text('settings')));
    expect(perReplica).toBeCloseTo(row.number('target'), 12);
    expect(total).toBe(row.number('total'));
    expect(panicWindowMs).toBe(row.number('panic window') * 1_000);
  });
});
