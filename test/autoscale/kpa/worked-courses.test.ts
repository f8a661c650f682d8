import { describe, expect, it } from 'vitest';
import { Course } from './course.ts';
import { rowsOf } from './rows.ts';
import { specOf } from './spec-of.ts';

/**
 * Courses, worked by hand: `load` requests at once and `ready` replicas held since the row before, up to `at`; a
 * replica takes 10 and is meant for 7, a tick is every 2 s, and the buckets that count at a tick are those before it.
 */
const courses: Readonly<Record<string, { settings: string; rows: string }>> = {
  'a burst from zero, its end, and the way to zero with the whole grace': {
    settings: 'tbc=0',
    rows: `
| at | load | ready | desired | worked by hand |
| 0 | 70 | 0 | 1 | the first that comes counts as 1 at once: 1/7 up to 1 |
| 2 | 70 | 0 | 10 | two buckets of 70: 70/7 = 10; 10/1 is panic |
| 20 | 70 | 0 | 10 | none is ready: 10/1 renews the panic at each tick, last at 20 |
| 78 | 7 | 10 | 10 | one would do (7/7), but not below 10 in panic |
| 80 | 7 | 10 | 10 | 20 + 60 is not before 80 |
| 82 | 7 | 10 | 5 | over: buckets 22 to 81 are 7 each, so 1, but not below floor(10/2) |
| 84 | 7 | 5 | 2 | floor(5/2) |
| 86 | 7 | 2 | 1 | floor(2/2) |
| 144 | 0 | 1 | 1 | buckets 84 and 85 are 7: 14/60 = 0.23, up to 1 |
| 145 | 0 | 1 | 1 | no tick |
| 146 | 0 | 1 | 1 | buckets 86 to 145 are 0, so none; active since 21, so inactive now; bursts had room until now: grace 30 s |
| 175 | 0 | 1 | 1 | 29 s of grace |
| 176 | 0 | 1 | 0 | 30 s |
`,
  },
  'one request: the gateway held the way all the time, so the grace is over': {
    settings: '-',
    rows: `
| at | load | ready | desired | worked by hand |
| 0 | 1 | 0 | 1 | 1/7 up to 1 |
| 10 | 1 | 0 | 1 | 1/7 up to 1 |
| 20 | 1 | 1 | 1 | active since 11 |
| 78 | 0 | 1 | 1 | buckets 18 and 19 are 1: 2/60 up to 1 |
| 80 | 0 | 1 | 1 | buckets 20 to 79 are 0: inactive now; 10 - 211 is below 0 since 0 |
| 81 | 0 | 1 | 0 | held for 81 s, which is more than 30 |
`,
  },
  'one request and a retention': {
    settings: 'retention=120',
    rows: `
| at | load | ready | desired | worked by hand |
| 0 | 1 | 0 | 1 | 1/7 up to 1 |
| 20 | 1 | 1 | 1 | active since 1 |
| 80 | 0 | 1 | 1 | buckets 20 to 79 are 0: inactive now |
| 199 | 0 | 1 | 1 | 119 s of retention |
| 200 | 0 | 1 | 0 | 120 s |
`,
  },
  'a short request: active for a stable window at least': {
    settings: '-',
    rows: `
| at | load | ready | desired | worked by hand |
| 0 | 1 | 0 | 1 | 1/7 up to 1 |
| 2 | 1 | 0 | 1 | 1/7 up to 1 |
| 62 | 0 | 1 | 1 | buckets 2 to 61 are 0, but it is active since 3: 59 s |
| 63 | 0 | 1 | 1 | 60 s: inactive now |
| 64 | 0 | 1 | 0 | held since 0 |
`,
  },
  'one that comes during the grace makes it active again': {
    settings: 'tbc=0',
    rows: `
| at | load | ready | desired | worked by hand |
| 0 | 1 | 0 | 1 | 1/7 up to 1 |
| 2 | 1 | 1 | 1 | active since 1 |
| 62 | 0 | 1 | 1 | buckets 2 to 61 are 0; active for 61 s: inactive now |
| 91 | 0 | 1 | 1 | 29 s of grace |
| 93 | 1 | 1 | 1 | it came at 91: 1 more in the bucket of the moment is more than 0; active since 92 |
| 152 | 0 | 1 | 1 | bucket 92 is 1: 1/60, up to 1 |
| 154 | 0 | 1 | 1 | buckets 94 to 153 are 0; active for 62 s: inactive now |
| 183 | 0 | 1 | 1 | 29 s of grace |
| 184 | 0 | 1 | 0 | 30 s |
`,
  },
  'a scale-down delay': {
    settings: 'delay=30',
    rows: `
| at | load | ready | desired | worked by hand |
| 62 | 70 | 10 | 10 | began beside 10, so in panic to 60; then 70/7 = 10 |
| 72 | 35 | 10 | 10 | 50 x 70 + 10 x 35 = 3850, by 60 is 64.2, up to 10 |
| 74 | 35 | 10 | 10 | 48 x 70 + 12 x 35 = 3780, by 60 is 63: 9, but 10 was wanted within 30 s |
| 100 | 35 | 10 | 10 | 10 was wanted at 72, 28 s ago |
| 102 | 35 | 10 | 9 | 30 s ago is too long; the most since is the 9 of 74 |
`,
  },
  'an initial scale': {
    settings: 'initial=3',
    rows: `
| at | load | ready | desired | worked by hand |
| 0 | 0 | 0 | 3 | 3 to begin with |
| 10 | 0 | 2 | 3 | 2 of them are ready; nothing asks, so 1 is wanted, not below floor(2/2) |
| 11 | 0 | 3 | 1 | reached: what the last tick wanted |
| 12 | 0 | 3 | 1 | not below floor(3/2) = 1 |
| 14 | 0 | 1 | 1 | none is wanted, but it is active since 11 |
| 70 | 0 | 1 | 1 | 59 s |
| 71 | 0 | 1 | 1 | 60 s: inactive now |
| 72 | 0 | 1 | 0 | 30 - 211 is below 0 since 0: held for 72 s |
`,
  },
  'min and max': {
    settings: 'min=2 max=4',
    rows: `
| at | load | ready | desired | worked by hand |
| 0 | 0 | 2 | 2 | at least 2 |
| 2 | 70 | 2 | 4 | 70/7 = 10, at most 4; 10/2 is panic |
| 62 | 0 | 4 | 4 | not below 10 in panic, at most 4 |
| 64 | 0 | 4 | 2 | buckets 4 to 63 are 0: floor(4/2) = 2 |
| 66 | 0 | 2 | 2 | floor(2/2) = 1, at least 2 |
| 600 | 0 | 2 | 2 | at least 2 |
`,
  },
  'beside replicas that are there': {
    settings: '-',
    rows: `
| at | load | ready | desired | worked by hand |
| 0 | 0 | 5 | 5 | found 5 |
| 2 | 0 | 5 | 5 | not below 5 in panic |
| 60 | 0 | 5 | 5 | 0 + 60 is not before 60 |
| 62 | 0 | 5 | 2 | floor(5/2) |
`,
  },
  'a start that leads to nothing': {
    settings: '-',
    rows: `
| at | load | ready | desired | worked by hand |
| 0 | 1 | 0 | 1 | 1/7 up to 1 |
| 2 | 1 | 0 | 1 | 1/7 up to 1 |
| 60 | 0 | 0 | 1 | nothing is written since 2, so buckets 0 and 1 are the average: 1/7 up to 1 |
| 62 | 0 | 0 | 1 | nothing was written within 60 s, so 0; but it is not up yet |
| 630 | 0 | 0 | 1 | 600 s and 30 s |
| 631 | 0 | 0 | 0 | more than that |
`,
  },
  'exponential weights': {
    settings: 'average=weighted',
    rows: `
| at | load | ready | desired | worked by hand |
| 0 | 10 | 0 | 1 | 1 x 0.2 / 7 and 1 x 0.785 / 7, up to 1 |
| 2 | 10 | 1 | 2 | 10 x 0.36 / 7 up to 1; over 6 s 10 x (1 - 0.2154 squared) = 9.54, by 7 up to 2: panic |
`,
  },
  'a panic window of one second': {
    settings: 'window=6',
    rows: `
| at | load | ready | desired | worked by hand |
| 0 | 7 | 1 | 1 | 1/7 up to 1 |
| 3 | 7 | 1 | 1 | 7/7 |
| 4 | 21 | 1 | 3 | bucket 3 is 21: 3, panic; the stable (3 x 7 + 21)/4 = 10.5, up to 2 |
`,
  },
  'a last replica that stays': {
    settings: 'zero=never',
    rows: `
| at | load | ready | desired | worked by hand |
| 0 | 1 | 0 | 1 | 1/7 up to 1 |
| 2 | 1 | 1 | 1 | 1/7 up to 1 |
| 3600 | 0 | 1 | 1 | none is wanted, one stays |
`,
  },
};

const cases = Object.entries(courses).map(([name, { settings, rows }]) => [name, settings, rows] as const);

describe('a course of the KPA, worked by hand', () => {
  it.each(cases)('%s (%s)', (_name, settings, table) => {
    const rows = rowsOf(table);
    const course = new Course(specOf(settings), rows[0]!.number('ready'));
    const seen = rows.map((row) => {
      const stretch = { load: row.number('load'), ready: row.number('ready') };
      if (course.nowMs === 0 || row.number('load') > 0) course.decide(stretch);
      const { desired } = course.run(row.number('at') * 1_000, stretch);
      return `at ${row.text('at')}: ${desired}`;
    });
    expect(seen).toEqual(rows.map((row) => `at ${row.text('at')}: ${row.text('desired')}`));
  });
});
