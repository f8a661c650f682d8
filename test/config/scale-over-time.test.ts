import { describe, expect, it } from 'vitest';
import { faultsOf, fileWith, parse } from './parse.ts';

const scale = (text: string) => fileWith({ model: `scale: { ${text} }` });
const window = (text: string) => scale(`schedules: [{ ${text} }]`);
const settings = (text: string) => parse(scale(text)).models.get('llama')!.revision.scale;

const cases: readonly (readonly [what: string, text: string, path: string, message: string])[] = [
  [
    'a pattern of four fields',
    window('cron: "0 8 * *", for: 1h, min: 1'),
    'schedules[0].cron',
    'is no cron pattern (',
  ],
  [
    'an hour that no day has',
    window('cron: "0 25 * * *", for: 1h, min: 1'),
    'schedules[0].cron',
    'is no cron pattern (',
  ],
  [
    'a day that no month has',
    window('cron: "0 8 31 2 *", for: 1h, min: 1'),
    'schedules[0].cron',
    'never comes',
  ],
  [
    'a zone that nobody knows',
    window('cron: "0 8 * * *", timeZone: Europe/Berlim, for: 1h, min: 1'),
    'schedules[0].timeZone',
    'is no IANA time zone',
  ],
  ['neither min nor max', window('cron: "0 8 * * *", for: 1h'), 'schedules[0]', 'must say min, max or both'],
  [
    'a min above max',
    window('cron: "0 8 * * *", for: 1h, min: 3, max: 2'),
    'schedules[0].min',
    'must be at most max (2)',
  ],
  ['no length', window('cron: "0 8 * * *", min: 1'), 'schedules[0].for', 'is required'],
  ['no time at all', window('cron: "0 8 * * *", for: 0, min: 1'), 'schedules[0].for', 'must be at least 1s'],
  [
    'an idle time without unit',
    scale('idle: 30'),
    'idle',
    'must be a duration with its unit, such as 30s, or 0, or adaptive',
  ],
  [
    'a learned idle time for the KPA',
    scale('policy: kpa, idle: adaptive'),
    'idle',
    'adaptive applies to policy cost-aware only, not to kpa',
  ],
  [
    'a cold start that costs nothing',
    scale('idle: adaptive, coldStartCost: 0'),
    'coldStartCost',
    'must be at least 1s',
  ],
  ['no start at a time', scale('maxStarting: 0'), 'maxStarting', 'must be at least 1'],
];

describe('scale, as it changes with time,', () => {
  it.each(cases)('with %s is refused', (_what, text, path, message) => {
    expect(faultsOf(text)).toEqual([
      expect.objectContaining({
        path: `models.llama.scale.${path}`,
        message: expect.stringContaining(message),
      }),
    ]);
  });

  it('names every window that is wrong by its place', () => {
    const good = '{ cron: "0 8 * * 1-5", for: 10h, min: 1 }';
    const faults = faultsOf(
      scale(`schedules: [${good}, { cron: "x", for: 1h, max: 1 }, ${good}, { cron: "0 8 * * *", for: 1h }]`),
    );
    expect(faults.map(({ path }) => path)).toEqual([
      'models.llama.scale.schedules[1].cron',
      'models.llama.scale.schedules[3]',
    ]);
  });

  it('takes windows in their time zone, UTC unless said otherwise', () => {
    expect(
      settings(
        'schedules: [{ cron: "0 8 * * 1-5", timeZone: Europe/Berlin, for: 10h, min: 1 }, { cron: "30 0 1 * * *", for: 90s, max: 2 }]',
      ).schedules,
    ).toEqual([
      { cron: '0 8 * * 1-5', timeZone: 'Europe/Berlin', forMs: 36_000_000, min: 1, max: null },
      { cron: '30 0 1 * * *', timeZone: 'UTC', forMs: 90_000, min: null, max: 2 },
    ]);
  });

  it('learns the idle time only where that is asked for, and weighs it by 25 minutes unless said otherwise', () => {
    expect(settings('idle: 10m')).toMatchObject({ idleMs: 600_000, coldStartMs: null });
    expect(settings('idle: 10m, coldStartCost: 1h')).toMatchObject({ coldStartMs: null });
    expect(settings('idle: adaptive')).toMatchObject({ idleMs: 300_000, coldStartMs: 1_500_000 });
    expect(settings('idle: adaptive, coldStartCost: 1h')).toMatchObject({ coldStartMs: 3_600_000 });
  });
});
